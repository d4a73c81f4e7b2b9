//! How data gets to the account: by the ingest APIs, or by the endpoint for OTLP, which has no events.

use mixer_adapter_sdk::params::Problems;

use super::{Targets, Way};
use crate::endpoints::{Api, Target, parse_base, parse_url};
use crate::generated::Params;
use crate::generated::params::{Region, Transport};

pub(super) fn check(params: &Params, problems: &mut Problems) -> Way {
    let region = Region::try_from(params.region).unwrap_or_else(|_| {
        problems.add("region", "is not AUTO, US, EU, GOV or JP");
        Region::Auto
    });
    let targets = check_targets(params, region, problems);
    match Transport::try_from(params.transport) {
        Ok(Transport::IngestApis) => {
            if !params.otlp_url.is_empty() {
                problems.add("otlp_url", "is there without `transport: OTLP`; write that too");
            }
            Way::Ingest(targets.into())
        }
        Ok(Transport::Otlp) => Way::Otlp(check_otlp(params, region, problems)),
        Err(_) => {
            problems.add("transport", "is not INGEST_APIS or OTLP");
            Way::Ingest(targets.into())
        }
    }
}

fn check_otlp(params: &Params, region: Region, problems: &mut Problems) -> Target {
    let others = [
        ("metrics_url", &params.metrics_url),
        ("spans_url", &params.spans_url),
        ("logs_url", &params.logs_url),
        ("events_url", &params.events_url),
    ];
    for (field, _) in others.into_iter().filter(|(_, url)| !url.is_empty()) {
        problems.add(field, "is of an ingest API, which `transport: OTLP` does not use; write otlp_url");
    }
    for (instance, _) in params.logs.iter().filter(|(_, log)| !log.event_type.is_empty()) {
        let field = format!("logs[{instance}].event_type");
        problems.add(
            field,
            "makes events, which OTLP does not have; use another handler without `transport: OTLP` for them",
        );
    }
    if params.otlp_url.is_empty() {
        return Target::Region(region);
    }
    parse_base(&params.otlp_url).map_or_else(
        || {
            problems.add("otlp_url", "is not a URL; write it as https://host");
            Target::Region(region)
        },
        Target::Url,
    )
}

fn check_targets(params: &Params, region: Region, problems: &mut Problems) -> Targets {
    let mut target = |api: Api, field: &str, text: &str| {
        if text.is_empty() {
            return Target::Region(region);
        }
        parse_url(api, text).map_or_else(
            |problem| {
                problems.add(field, problem);
                Target::Region(region)
            },
            Target::Url,
        )
    };
    Targets {
        metrics: target(Api::Metric, "metrics_url", &params.metrics_url),
        spans: target(Api::Trace, "spans_url", &params.spans_url),
        logs: target(Api::Log, "logs_url", &params.logs_url),
        events: target(Api::Event, "events_url", &params.events_url),
    }
}
