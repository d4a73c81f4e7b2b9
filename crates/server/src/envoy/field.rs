//! Values on their way from an Envoy message into a bag, and the tables that say which attribute takes which.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::{Address, address, socket_address};
use envoy_types::pb::google::protobuf as wkt;
use mixer_attribute::{Bag, Cell, Duration, Slot, Timestamp, ValueType, Vocabulary};

/// One value taken from an Envoy message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Text(Cow<'a, str>),
    Int64(i64),
    Double(f64),
    Bool(bool),
    Timestamp(Timestamp),
    Duration(Duration),
    Ip(IpAddr),
    Map(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl<'a> Field<'a> {
    /// Text that is there: Envoy writes an empty string where it knows nothing.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        Some(text.into()).filter(|text| !text.is_empty()).map(Field::Text)
    }

    /// A count of bytes.
    pub(super) fn size(bytes: u64) -> Option<Self> {
        i64::try_from(bytes).ok().map(Field::Int64)
    }

    /// A map that is there.
    pub(super) fn map(entries: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Option<Self> {
        (!entries.is_empty()).then_some(Field::Map(entries))
    }

    /// The IP address of a socket address.
    pub(super) fn ip(address: Option<&Address>) -> Option<Self> {
        socket(address)?.0.parse().ok().map(Field::Ip)
    }

    /// The port of a socket address.
    pub(super) fn port(address: Option<&Address>) -> Option<Self> {
        socket(address).and_then(|(_, port)| port).map(|port| Field::Int64(port.into()))
    }

    /// An instant, when it fits.
    pub(super) fn timestamp(time: &wkt::Timestamp) -> Option<Self> {
        Timestamp::from_proto(time.seconds, time.nanos).map(Field::Timestamp)
    }

    /// A span of time, when it fits.
    pub(super) fn duration(duration: &wkt::Duration) -> Option<Self> {
        Duration::from_proto(duration.seconds, duration.nanos).map(Field::Duration)
    }

    /// Text from a place where everything is text (a custom tag, a context extension) as the attribute's type.
    pub(super) fn coerce(text: &'a str, value_type: ValueType) -> Option<Self> {
        match value_type {
            ValueType::Int64 => text.parse().ok().map(Field::Int64),
            ValueType::Double => text.parse().ok().map(Field::Double),
            ValueType::Bool => text.parse().ok().map(Field::Bool),
            ValueType::Timestamp => text.parse().ok().map(Field::Timestamp),
            ValueType::Duration => text.parse().ok().map(Field::Duration),
            ValueType::IpAddress => text.parse().ok().map(Field::Ip),
            _ if value_type.is_text() => Field::text(text),
            _ => None,
        }
    }

    /// Puts the value into a bag.
    pub(super) fn put(&self, slot: Slot, bag: &mut Bag) {
        match self {
            Field::Text(text) => bag.set_text(slot, text),
            Field::Int64(value) => bag.set(slot, Cell::Int64(*value)),
            Field::Double(value) => bag.set(slot, Cell::Double(*value)),
            Field::Bool(value) => bag.set(slot, Cell::Bool(*value)),
            Field::Timestamp(value) => bag.set(slot, Cell::Timestamp(*value)),
            Field::Duration(value) => bag.set(slot, Cell::Duration(*value)),
            Field::Ip(IpAddr::V4(ip)) => bag.set_bytes(slot, &ip.octets()),
            Field::Ip(IpAddr::V6(ip)) => bag.set_bytes(slot, &ip.octets()),
            Field::Map(entries) => {
                bag.set_text_map(slot, entries.iter().map(|(key, value)| (&**key, &**value)))
            }
        }
    }
}

/// Host text and port of a socket address; a Unix socket has neither.
fn socket(address: Option<&Address>) -> Option<(&str, Option<u32>)> {
    match address?.address.as_ref()? {
        address::Address::SocketAddress(socket) => {
            let port = match socket.port_specifier {
                Some(socket_address::PortSpecifier::PortValue(port)) => Some(port),
                _ => None,
            };
            Some((&socket.address, port))
        }
        _ => None,
    }
}

/// A table's rows that a vocabulary has attributes for.
pub(super) struct Resolved<F> {
    vocabulary: Arc<Vocabulary>,
    rows: Vec<(Slot, F)>,
}

impl<F: Copy> Resolved<F> {
    /// Looks every name up once.
    pub(super) fn new(vocabulary: &Arc<Vocabulary>, table: &[(&'static str, F)]) -> Self {
        let rows = table.iter().filter_map(|(name, take)| Some((vocabulary.slot(name)?, *take)));
        Self { rows: rows.collect(), vocabulary: vocabulary.clone() }
    }

    /// The vocabulary that the rows are for.
    pub(super) fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// Puts into the bag what each row takes.
    pub(super) fn fill<'v>(&self, bag: &mut Bag, take: impl Fn(F) -> Option<Field<'v>>) {
        for (slot, row) in &self.rows {
            if let Some(field) = take(*row) {
                field.put(*slot, bag);
            }
        }
    }

    /// Puts into the bag what comes under an attribute's own name, as the attribute's type. It overrides the
    /// table: whoever configured it knows better.
    pub(super) fn fill_named<'v>(&self, bag: &mut Bag, named: impl IntoIterator<Item = (&'v str, &'v str)>) {
        for (name, text) in named {
            let Some(slot) = self.vocabulary.slot(name) else { continue };
            if let Some(field) = Field::coerce(text, self.vocabulary.value_type(slot)) {
                field.put(slot, bag);
            }
        }
    }
}
