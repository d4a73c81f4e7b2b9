//! What is called and with which bytes, made before anything is measured, and how an answer is judged.

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use mixer_proto::GLOBAL_WORDS;
use mixer_proto::mixer::v1::report_request::RepeatedAttributesSemantics;
use mixer_proto::mixer::v1::{CheckRequest, CheckResponse, ReportRequest, check_request::QuotaParams};
use mixer_rpc::raw::{CHECK_PATH, REPORT_PATH};
use mixer_wire::{ReportBuilder, compress};
use prost::Message as _;

use crate::attributes::{Attributes, RequestNumber};
use crate::configuration::{LIST_USE_COUNT, QUOTA};
use crate::newrelic::messages::SAMPLES;

/// How many different messages there are of a kind of traffic; they are sent in turn.
const VARIANTS: u64 = 64;
/// How many different batches.
const BATCHES: u64 = 16;
/// How many workloads call the service.
const SOURCES: u64 = 6;

/// Calls of one method.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// Path of the method.
    pub(crate) path: &'static str,
    /// Bags in one message.
    pub(crate) bags: u64,
    messages: Vec<Bytes>,
    /// Whether each message gets a deduplication id of its own: without it a quota is granted once.
    deduplication: bool,
    judge: Judge,
}

/// What a right answer is.
#[derive(Clone, Copy, Debug)]
enum Judge {
    /// As long as what was sent.
    Echo,
    /// Empty.
    Nothing,
    /// OK, decided by the list.
    Allowed,
    /// The same, and the quota is granted.
    Granted,
}

impl Traffic {
    /// Report calls of so many bags each; one bag is sent as it is, more are delta-encoded.
    pub(crate) fn report(bags: u64) -> anyhow::Result<Self> {
        let messages = (0..if bags == 1 { VARIANTS } else { BATCHES })
            .map(|message| {
                report_message((0..bags).map(|bag| RequestNumber(message * bags + bag).report(SOURCES)))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self::of_report(bags, messages))
    }

    /// Report calls whose bags have so many different sources, each once.
    pub(crate) fn report_of_sources(bags: u64, sources: u64) -> anyhow::Result<Self> {
        let of = |number| RequestNumber(number).report_of_its_own_source(sources);
        let messages = (0..sources.div_ceil(bags))
            .map(|message| report_message((0..bags).map(|bag| of(message * bags + bag))))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self::of_report(bags, messages))
    }

    fn of_report(bags: u64, messages: Vec<Bytes>) -> Self {
        Self { path: REPORT_PATH, bags, messages, deduplication: false, judge: Judge::Nothing }
    }

    /// Check calls without quota.
    pub(crate) fn check() -> Self {
        let bags = (0..VARIANTS).map(|number| RequestNumber(number).check());
        Self::of_check(bags.map(|bag| check_message(&bag, false)).collect(), false)
    }

    /// Check calls with one quota.
    pub(crate) fn check_with_quota() -> Self {
        let bags = (0..VARIANTS).map(|number| RequestNumber(number).check());
        Self::of_check(bags.map(|bag| check_message(&bag, true)).collect(), true)
    }

    /// Check calls to services of the given host names.
    pub(crate) fn check_of_hosts(hosts: &[String]) -> Self {
        let bags = (0..).zip(hosts).map(|(number, host)| RequestNumber(number).check_of_host(host.clone()));
        Self::of_check(bags.map(|bag| check_message(&bag, false)).collect(), false)
    }

    fn of_check(messages: Vec<Bytes>, quota: bool) -> Self {
        let judge = if quota { Judge::Granted } else { Judge::Allowed };
        Self { path: CHECK_PATH, bags: 1, messages, deduplication: quota, judge }
    }

    /// The same bytes to a server that sends them back.
    pub(crate) fn echo(&self) -> Self {
        Self { path: CHECK_PATH, judge: Judge::Echo, ..self.clone() }
    }

    /// Calls of an adapter, each with so many samples.
    pub(crate) fn of_metrics(messages: Vec<Bytes>, samples: u64) -> Self {
        Self { path: SAMPLES, bags: samples, messages, deduplication: false, judge: Judge::Nothing }
    }

    /// One message that is only received; it counts as so many bags.
    pub(crate) fn one_way(message: Bytes, bags: u64) -> Self {
        Self { path: REPORT_PATH, bags, messages: vec![message], deduplication: false, judge: Judge::Nothing }
    }

    /// Mean length of the messages.
    pub(crate) fn message_bytes(&self) -> usize {
        self.messages.iter().map(Bytes::len).sum::<usize>() / self.messages.len().max(1)
    }

    /// The message of the call with this number.
    pub(crate) fn message(&self, number: u64) -> Bytes {
        let index = number as usize % self.messages.len().max(1);
        let message = self.messages.get(index).cloned().unwrap_or_default();
        if !self.deduplication {
            return message;
        }
        // Field 3 of CheckRequest; the order of fields does not matter.
        let id = format!("{number:016x}");
        let mut with_id = BytesMut::with_capacity(message.len() + id.len() + 2);
        with_id.put(message);
        with_id.put_slice(&[3 << 3 | 2, id.len() as u8]);
        with_id.put(id.as_bytes());
        with_id.freeze()
    }

    /// Looks at an answer.
    ///
    /// # Errors
    /// It is not the right one.
    pub(crate) fn judge(&self, sent: usize, answer: &Bytes) -> anyhow::Result<()> {
        match self.judge {
            Judge::Echo => {
                anyhow::ensure!(answer.len() == sent, "the echo has {} of {sent} bytes", answer.len());
            }
            Judge::Nothing => {
                anyhow::ensure!(answer.is_empty(), "an empty answer has {} bytes", answer.len())
            }
            Judge::Allowed => judge_check(answer, false)?,
            Judge::Granted => judge_check(answer, true)?,
        }
        Ok(())
    }
}

fn judge_check(answer: &Bytes, quota: bool) -> anyhow::Result<()> {
    let response =
        CheckResponse::decode(answer.clone()).context("the answer to a check is no CheckResponse")?;
    let decision = response.precondition.context("the answer to a check has no precondition")?;
    let code = decision.status.map_or(0, |status| status.code);
    anyhow::ensure!(code == 0, "a check that is allowed was refused with code {code}");
    // Only the list says so often.
    let uses = decision.valid_use_count;
    anyhow::ensure!(
        uses == LIST_USE_COUNT,
        "the list did not decide the check: valid for {uses} uses instead of {LIST_USE_COUNT}"
    );
    if quota {
        let granted = response.quotas.get(QUOTA).map(|quota| quota.granted_amount);
        anyhow::ensure!(granted == Some(1), "of a quota of 1 this was granted: {granted:?}");
    }
    Ok(())
}

fn global_word_count() -> u32 {
    GLOBAL_WORDS.len() as u32
}

fn check_message(bag: &Attributes, quota: bool) -> Bytes {
    let params = QuotaParams { amount: 1, best_effort: false };
    let quotas = quota.then(|| (QUOTA.to_owned(), params));
    let request = CheckRequest {
        attributes: Some(compress(bag.iter().map(|(name, value)| (*name, value)), global_word_count())),
        global_word_count: global_word_count(),
        deduplication_id: String::new(),
        quotas: quotas.into_iter().collect(),
    };
    request.encode_to_vec().into()
}

fn report_message(bags: impl Iterator<Item = Attributes>) -> anyhow::Result<Bytes> {
    let mut report = ReportBuilder::new(RepeatedAttributesSemantics::DeltaEncoding, global_word_count());
    for bag in bags {
        report.add(bag.iter().map(|(name, value)| (*name, value)))?;
    }
    let request: ReportRequest = report.finish();
    Ok(request.encode_to_vec().into())
}

#[cfg(test)]
mod tests;
