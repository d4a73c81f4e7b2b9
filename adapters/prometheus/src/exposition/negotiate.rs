//! Which format a client likes best, by its header `accept` (RFC 9110, section 12.5.1).

use super::Format;

/// A form in which metrics can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    Text(Format),
    /// Messages of protobuf, each after its length: `io.prometheus.client.MetricFamily`.
    Protobuf,
}

/// What may stand in the header for protobuf, in lower case.
const PROTOBUF_MESSAGE: &str = "io.prometheus.client.metricfamily";

impl Exposition {
    /// The value of the header `content-type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text(format) => format.content_type(),
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// The form that a client likes best; of several the first one.
    pub(crate) fn negotiate(accept: &str) -> Self {
        let offers = accept.split(',').filter_map(Self::offer);
        let better = |best: (Self, f64), offer: (Self, f64)| if offer.1 > best.1 { offer } else { best };
        offers.fold((Self::Text(Format::Text), 0.0), better).0
    }

    /// The form that one item of the header stands for, and how much the client likes it.
    fn offer(item: &str) -> Option<(Self, f64)> {
        let mut parts = item.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut version, mut quality, mut message, mut encoding) = ("", 1.0, String::new(), "");
        for part in parts {
            match part.split_once('=').map(|(name, value)| (name.trim(), value.trim().trim_matches('"'))) {
                Some(("version", value)) => version = value,
                Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                Some(("proto", value)) => message = value.to_ascii_lowercase(),
                Some(("encoding", value)) => encoding = value,
                _ => {}
            }
        }
        let form = match (media_type.as_str(), version) {
            ("application/openmetrics-text", "" | "1.0.0") => Self::Text(Format::OpenMetrics),
            ("application/openmetrics-text", "0.0.1") => Self::Text(Format::OpenMetricsDraft),
            ("text/plain" | "text/*" | "*/*", _) => Self::Text(Format::Text),
            ("application/vnd.google.protobuf", _)
                if message == PROTOBUF_MESSAGE && encoding.eq_ignore_ascii_case("delimited") =>
            {
                Self::Protobuf
            }
            _ => return None,
        };
        Some((form, quality))
    }
}

#[cfg(test)]
mod tests;
