//! The list, and what being on it means.

use std::collections::HashSet;
use std::time::Duration;

use mixer_adapter_sdk::params::Problems;
use mixer_adapter_sdk::{FieldProblem, HandlerSpec};
use regex::{Regex, RegexSet};

use crate::generated::Params;
use crate::generated::params::ListEntryType;
use crate::ip_ranges::{self, IpRanges};

const DEFAULT_CACHING: Duration = Duration::from_secs(300);
const DEFAULT_USES: i32 = 10_000;

/// A checked configuration.
pub(crate) struct Config {
    pub(crate) list: List,
    pub(crate) blacklist: bool,
    pub(crate) valid_duration: Duration,
    pub(crate) valid_use_count: i32,
}

/// The entries.
pub(crate) enum List {
    Strings(HashSet<String>),
    /// In lower case.
    CaseInsensitive(HashSet<String>),
    Ips(IpRanges),
    Regex(RegexSet),
}

impl mixer_adapter_sdk::Config for Config {
    type Params = Params;
    const MESSAGE: &'static str = "adapter.list.config.Params";
    const DESCRIPTOR: &'static [u8] = include_bytes!("config.desc");

    fn check(params: Params, _: &HandlerSpec) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::new();
        if !params.provider_url.is_empty() {
            problems.add("provider_url", "is not available in this version; give the entries as overrides");
        }
        let list = entries(&params, &mut problems);
        let valid_duration =
            problems.duration("caching_interval", params.caching_interval.as_ref(), DEFAULT_CACHING);
        let valid_use_count =
            problems.at_least("caching_use_count", params.caching_use_count, 0, DEFAULT_USES);
        problems.unless_any(Self { list, blacklist: params.blacklist, valid_duration, valid_use_count })
    }
}

fn entries(params: &Params, problems: &mut Problems) -> List {
    let overrides = &params.overrides;
    match ListEntryType::try_from(params.entry_type) {
        Ok(ListEntryType::Strings) => List::Strings(overrides.iter().cloned().collect()),
        Ok(ListEntryType::CaseInsensitiveStrings) => {
            List::CaseInsensitive(overrides.iter().map(|entry| entry.to_lowercase()).collect())
        }
        Ok(ListEntryType::IpAddresses) => List::Ips(ip_entries(overrides, problems)),
        Ok(ListEntryType::Regex) => List::Regex(regex_entries(overrides, problems)),
        Err(_) => {
            problems.add("entry_type", format!("{} is not a type of entries", params.entry_type));
            List::Strings(HashSet::new())
        }
    }
}

fn ip_entries(overrides: &[String], problems: &mut Problems) -> IpRanges {
    let mut ranges = Vec::with_capacity(overrides.len());
    for (index, entry) in overrides.iter().enumerate() {
        match ip_ranges::parse(entry) {
            Some(range) => ranges.push(range),
            None => problems.add(
                format!("overrides[{index}]"),
                format!("{entry:?} is neither an IP address nor a range such as 10.0.0.0/8"),
            ),
        }
    }
    IpRanges::new(ranges)
}

fn regex_entries(overrides: &[String], problems: &mut Problems) -> RegexSet {
    let mut sound = true;
    for (index, entry) in overrides.iter().enumerate() {
        if let Err(error) = Regex::new(entry) {
            sound = false;
            problems.add(format!("overrides[{index}]"), format!("is no regular expression: {error}"));
        }
    }
    let set = RegexSet::new(if sound { overrides } else { &[] });
    set.unwrap_or_else(|error| {
        problems.add("overrides", format!("are too much together: {error}"));
        RegexSet::empty()
    })
}
