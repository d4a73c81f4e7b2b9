//! What to call, how often and how fast: the flags after all checks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::uri::PathAndQuery;
use mixer_cli::{TypedValue, parse_int64};
use mixer_proto::GLOBAL_WORDS;
use mixer_proto::mixer::v1::check_request::QuotaParams;
use mixer_proto::mixer::v1::{CheckRequest, CompressedAttributes, ReportRequest};
use mixer_rpc::raw::{CHECK_PATH, REPORT_PATH};
use mixer_wire::compress;
use prost::Message as _;
use tonic::transport::Endpoint;

use crate::args::{CallArgs, CheckArgs};
use crate::connect;
use crate::tls::{self, Tls};

/// Workers, and bags of one request, at the most: all of them are held in memory.
const MOST: u64 = 1 << 16;

/// What one run of the program does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) endpoint: Endpoint,
    /// TLS; plaintext without it.
    pub(crate) tls: Option<Tls>,
    pub(crate) calls: Calls,
    /// How many workers call at the same time.
    pub(crate) workers: usize,
    /// How many calls each of them makes; without end when there is none.
    pub(crate) calls_per_worker: Option<u64>,
    /// After how long no new call is made.
    pub(crate) duration: Option<Duration>,
    /// Calls per second of all workers together.
    pub(crate) rate: Option<u64>,
    /// After how long a call is given up.
    pub(crate) timeout: Option<Duration>,
    pub(crate) print_response: bool,
    /// Flags that have no effect.
    pub(crate) ignored: Vec<&'static str>,
}

/// The requests, encoded as far as they are always the same.
#[derive(Debug)]
pub(crate) enum Calls {
    Check {
        request: Bytes,
        /// The id of a worker's first call, from which the others count up; none when the request has a fixed one.
        first_id: Option<u64>,
    },
    Report {
        request: Bytes,
        /// How many bags one request holds.
        bags: u64,
        /// How many bags a worker sends, and the request for those that do not fill a batch.
        total: Option<(u64, Bytes)>,
    },
}

impl Plan {
    /// What `mixc check` does.
    ///
    /// # Errors
    /// A flag has a value that cannot be used.
    pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<Self> {
        let (attributes, global_word_count) = attributes(&args.call)?;
        let quota = |(name, amount)| (name, QuotaParams { amount, best_effort: args.best_effort });
        let request = CheckRequest {
            attributes: Some(attributes),
            global_word_count,
            deduplication_id: args.deduplication_id.clone().unwrap_or_default(),
            quotas: quotas(&args.quotas)?.into_iter().map(quota).collect(),
        };
        let first_id = match args.deduplication_id {
            Some(_) => None,
            None => Some(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos().into()),
        };
        let calls = Calls::Check { request: request.encode_to_vec().into(), first_id };
        Self::new(&args.call, calls, repeat(&args.call))
    }

    /// What `mixc report` does.
    ///
    /// # Errors
    /// A flag has a value that cannot be used.
    pub(crate) fn report(args: &CallArgs) -> anyhow::Result<Self> {
        let (attributes, global_word_count) = attributes(args)?;
        let bags = u64::try_from(args.report_batch_size).unwrap_or_default();
        ensure!(bags > 0, "report_batch_size has to be at least 1");
        ensure!(bags <= MOST, "report_batch_size has to be at most {MOST}");
        let request = |bags: u64| -> Bytes {
            let bags = usize::try_from(bags).unwrap_or(usize::MAX);
            let attributes = vec![attributes.clone(); bags];
            let request = ReportRequest { attributes, global_word_count, ..ReportRequest::default() };
            request.encode_to_vec().into()
        };
        let repeat = repeat(args);
        let bags = bags.min(repeat.unwrap_or(bags));
        let total = repeat.map(|total| (total, request(total.checked_rem(bags).unwrap_or_default())));
        let calls = Calls::Report { request: request(bags), bags, total };
        Self::new(args, calls, repeat.map(|total| if total == 0 { 0 } else { total.div_ceil(bags) }))
    }

    fn new(args: &CallArgs, calls: Calls, calls_per_worker: Option<u64>) -> anyhow::Result<Self> {
        let workers = usize::try_from(args.concurrency).unwrap_or_default();
        ensure!(workers > 0, "concurrency has to be at least 1");
        ensure!(workers as u64 <= MOST, "concurrency has to be at most {MOST}");
        let endpoint = connect::endpoint(&args.mixer)?;
        Ok(Self {
            tls: tls::plan(&args.tls, &args.mixer, &endpoint)?,
            endpoint,
            calls,
            workers,
            calls_per_worker,
            duration: positive("duration", args.duration)?,
            rate: u64::try_from(args.rate).ok().filter(|rate| *rate > 0),
            timeout: positive("timeout", args.timeout)?,
            print_response: args.print_response,
            ignored: args.tracing.given(),
        })
    }

    /// Whether there is more than one call, so that a summary is of use.
    pub(crate) fn is_load(&self) -> bool {
        let total = self.calls_per_worker.and_then(|calls| calls.checked_mul(self.workers as u64));
        self.duration.is_some() || total != Some(0) && total != Some(1)
    }
}

impl Calls {
    /// The method to call.
    pub(crate) fn path(&self) -> PathAndQuery {
        PathAndQuery::from_static(match self {
            Self::Check { .. } => CHECK_PATH,
            Self::Report { .. } => REPORT_PATH,
        })
    }

    /// The request of a worker's call, counted from 0, and how many bags it holds.
    pub(crate) fn request(&self, call: u64) -> (Bytes, u64) {
        match self {
            Self::Check { request, first_id: None } => (request.clone(), 1),
            Self::Check { request, first_id: Some(first) } => {
                let id = (first + call).to_string();
                let mut whole = BytesMut::with_capacity(request.len() + 2 + id.len());
                whole.put_slice(request);
                prost::encoding::string::encode(3, &id, &mut whole);
                (whole.freeze(), 1)
            }
            Self::Report { bags, total: Some((total, rest)), .. } if (call + 1) * bags > *total => {
                (rest.clone(), total % bags)
            }
            Self::Report { request, bags, .. } => (request.clone(), *bags),
        }
    }
}

fn attributes(args: &CallArgs) -> anyhow::Result<(CompressedAttributes, u32)> {
    let attributes: Vec<(String, TypedValue)> = args.attributes.attributes()?;
    let global_word_count = if args.global_dictionary { GLOBAL_WORDS.len() as u32 } else { 0 };
    let attributes = attributes.iter().map(|(name, value)| (name.as_str(), value));
    Ok((compress(attributes, global_word_count), global_word_count))
}

fn repeat(args: &CallArgs) -> Option<u64> {
    match (args.repeat, args.duration) {
        (Some(repeat), _) => Some(u64::try_from(repeat).unwrap_or_default()),
        (None, Some(_)) => None,
        (None, None) => Some(1),
    }
}

fn positive(flag: &str, duration: Option<mixer_attribute::Duration>) -> anyhow::Result<Option<Duration>> {
    let Some(duration) = duration else { return Ok(None) };
    match duration.to_std() {
        Some(positive) if !positive.is_zero() => Ok(Some(positive)),
        _ => bail!("{flag} has to be longer than 0s and is {duration}"),
    }
}

/// `name=amount,…`
fn quotas(list: &str) -> anyhow::Result<Vec<(String, i64)>> {
    let mut found: Vec<(String, i64)> = Vec::new();
    for element in list.split(',').filter(|_| !list.is_empty()) {
        let Some((name, amount)) = element.split_once('=') else {
            bail!("Quota definition {element} does not include an = sign (in --quotas; write name=amount)");
        };
        ensure!(
            !name.is_empty(),
            "Quota definition {element} does not contain a valid name (in --quotas; write name=amount)"
        );
        let amount = parse_int64(amount)
            .with_context(|| format!("Unable to parse quota value {amount} of {name} in --quotas"))?;
        ensure!(
            !found.iter().any(|(n, _)| n == name),
            "quota {name} is given twice in --quotas; give it once"
        );
        found.push((name.to_owned(), amount));
    }
    Ok(found)
}
