//! Looks a value up.

use std::borrow::Cow;
use std::net::IpAddr;

use mixer_adapter_sdk::typed::template::ListEntry;
use mixer_adapter_sdk::typed::{HandleCheck, TypedCall};
use mixer_adapter_sdk::value::ValueView;
use mixer_adapter_sdk::{CheckResult, HandlerError, Status, code};

use crate::config::{Config, List};

pub(crate) struct ListHandler(Config);

impl ListHandler {
    pub(crate) fn new(config: Config) -> Self {
        Self(config)
    }

    fn decide(&self, value: Option<ValueView<'_>>) -> Status {
        match self.is_listed(value) {
            Err(why_not) => Status::new(code::INVALID_ARGUMENT, why_not),
            Ok((text, true)) if self.0.blacklist => {
                Status::new(code::PERMISSION_DENIED, format!("{text} is blacklisted"))
            }
            Ok((text, false)) if !self.0.blacklist => {
                Status::new(code::PERMISSION_DENIED, format!("{text} is not whitelisted"))
            }
            Ok(_) => Status::ok(),
        }
    }

    /// The value as text and whether it is on the list, or why it cannot be looked up.
    fn is_listed<'a>(&self, value: Option<ValueView<'a>>) -> Result<(Cow<'a, str>, bool), String> {
        let value = value.ok_or("the instance has no value; look at its `value` expression")?;
        if value.as_str().is_none() && !matches!(value, ValueView::Ip(_)) {
            return Err(format!("{value} is neither text nor an IP address"));
        }
        let text = value.text();
        let listed = match &self.0.list {
            List::Strings(entries) => entries.contains(text.as_ref()),
            List::CaseInsensitive(entries) => entries.contains(&text.to_lowercase()),
            List::Regex(entries) => entries.is_match(&text),
            List::Ips(ranges) => {
                let address = value.as_ip().or_else(|| text.parse::<IpAddr>().ok());
                ranges.contains(address.ok_or_else(|| format!("{text} is not a valid IP address"))?)
            }
        };
        Ok((text, listed))
    }
}

impl HandleCheck<ListEntry> for ListHandler {
    async fn check(&self, call: TypedCall<'_, ListEntry>) -> Result<CheckResult, HandlerError> {
        Ok(CheckResult {
            status: self.decide(call.view()?.value()),
            valid_duration: self.0.valid_duration,
            valid_use_count: self.0.valid_use_count,
        })
    }
}
