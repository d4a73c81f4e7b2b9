//! Templates whose instances are plain fields: `apikey`, `edge`, `kubernetes`, `tracespan`, and those without any.

use std::net::IpAddr;

use mixer_attribute::Timestamp;

use super::map::MapSpan;
use super::{InstanceView, ValueMap};
use crate::value::{ip_address, parse_timestamp};
use crate::wire::{Field, Fields, Malformed};

/// How a field is read.
trait Read<'a>: Sized {
    fn read(field: &Field<'a>) -> Result<Self, Malformed>;
}

impl<'a> Read<'a> for &'a str {
    fn read(field: &Field<'a>) -> Result<Self, Malformed> {
        field.text()
    }
}

impl Read<'_> for i64 {
    fn read(field: &Field<'_>) -> Result<Self, Malformed> {
        field.int64()
    }
}

impl Read<'_> for bool {
    fn read(field: &Field<'_>) -> Result<Self, Malformed> {
        field.varint().map(|number| number != 0)
    }
}

impl Read<'_> for Option<Timestamp> {
    fn read(field: &Field<'_>) -> Result<Self, Malformed> {
        parse_timestamp(field.bytes()?)
    }
}

impl Read<'_> for Option<IpAddr> {
    fn read(field: &Field<'_>) -> Result<Self, Malformed> {
        let mut address = None;
        for field in Fields::new(field.bytes()?) {
            let field = field?;
            if field.number == 1 {
                address = ip_address(field.bytes()?);
            }
        }
        Ok(address)
    }
}

/// Declares a view by its fields and their numbers, and by those of its maps, which are read later.
macro_rules! plain_view {
    (
        $(#[$doc:meta])* $view:ident of $message:literal:
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $number:literal,)*
        $(@map $map:ident = $map_number:literal,)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $view<'a> {
            $($(#[$field_doc])* pub $field: $type,)*
            $($map: MapSpan,)*
            instance: InstanceView<'a>,
        }

        impl<'a> $view<'a> {
            #[doc = concat!("Reads an instance.\n\n# Errors\n\nThe bytes are not a `", $message, ".InstanceMsg`.")]
            #[allow(clippy::field_reassign_with_default, reason = "some views have no other fields")]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
                let mut view = Self::default();
                view.instance = InstanceView::new(bytes);
                $(view.$map = MapSpan::new($map_number);)*
                let mut fields = Fields::new(bytes);
                while let Some((_start, field)) = fields.next_from() {
                    let field = field?;
                    match field.number {
                        $($number => view.$field = Read::read(&field)?,)*
                        $($map_number => view.$map.extend(_start, fields.position()),)*
                        _ => {}
                    }
                }
                Ok(view)
            }

            /// The instance, whatever fields it has.
            pub fn instance(&self) -> InstanceView<'a> {
                self.instance
            }
        }
    };
}

plain_view! {
    /// An instance of template `apikey`.
    ApiKeyView of "apikey":
    /// The API that is called.
    api: &'a str = 1,
    /// Its version.
    api_version: &'a str = 2,
    /// The operation that is called.
    api_operation: &'a str = 3,
    /// The key of the caller.
    api_key: &'a str = 4,
    /// When the call was made.
    timestamp: Option<Timestamp> = 5,
}

plain_view! {
    /// An instance of template `checknothing`.
    CheckNothingView of "checknothing":
}

plain_view! {
    /// An instance of template `reportnothing`.
    ReportNothingView of "reportnothing":
}

plain_view! {
    /// An instance of template `edge`: one workload has called another.
    EdgeView of "edge":
    /// When.
    timestamp: Option<Timestamp> = 1,
    /// Namespace of the calling workload.
    source_workload_namespace: &'a str = 10,
    /// Name of the calling workload.
    source_workload_name: &'a str = 11,
    /// Owner of the calling workload.
    source_owner: &'a str = 12,
    /// Id of the calling workload's pod.
    source_uid: &'a str = 13,
    /// Namespace of the called workload.
    destination_workload_namespace: &'a str = 20,
    /// Name of the called workload.
    destination_workload_name: &'a str = 21,
    /// Owner of the called workload.
    destination_owner: &'a str = 22,
    /// Id of the called workload's pod.
    destination_uid: &'a str = 23,
    /// Namespace of the called service.
    destination_service_namespace: &'a str = 24,
    /// Name of the called service.
    destination_service_name: &'a str = 25,
    /// Protocol of the connection.
    context_protocol: &'a str = 30,
    /// Protocol of the API.
    api_protocol: &'a str = 31,
}

plain_view! {
    /// An instance of template `kubernetes`: whose attributes are wanted.
    KubernetesView of "kubernetes":
    /// Id of the calling pod.
    source_uid: &'a str = 1,
    /// Address of the calling pod.
    source_ip: Option<IpAddr> = 2,
    /// Id of the called pod.
    destination_uid: &'a str = 3,
    /// Address of the called pod.
    destination_ip: Option<IpAddr> = 4,
    /// Port of the called pod.
    destination_port: i64 = 7,
}

plain_view! {
    /// An instance of template `tracespan`; [`TraceSpanView::span_tags`] are read when asked for.
    TraceSpanView of "tracespan":
    /// The trace, in hexadecimal digits as the header had it.
    trace_id: &'a str = 1,
    /// The span.
    span_id: &'a str = 2,
    /// The span that it is a part of; empty for the first one.
    parent_span_id: &'a str = 3,
    /// What is done.
    span_name: &'a str = 4,
    /// When it began.
    start_time: Option<Timestamp> = 5,
    /// When it ended.
    end_time: Option<Timestamp> = 6,
    /// Status of the HTTP response; 0 when there is none.
    http_status_code: i64 = 8,
    /// Whether the caller tells it, rather than the called one.
    client_span: bool = 9,
    /// Whether both sides use the same span id, so that the caller's needs another one.
    rewrite_client_span_id: bool = 10,
    /// Name of the caller.
    source_name: &'a str = 11,
    /// Address of the caller.
    source_ip: Option<IpAddr> = 12,
    /// Name of the called one.
    destination_name: &'a str = 13,
    /// Address of the called one.
    destination_ip: Option<IpAddr> = 14,
    /// Bytes of the request's body.
    request_size: i64 = 15,
    /// Bytes of the request with headers.
    request_total_size: i64 = 16,
    /// Bytes of the response's body.
    response_size: i64 = 17,
    /// Bytes of the response with headers.
    response_total_size: i64 = 18,
    /// Protocol of the API.
    api_protocol: &'a str = 19,
    @map tags = 7,
}

impl<'a> TraceSpanView<'a> {
    /// The tags of the span.
    ///
    /// # Errors
    ///
    /// The instance is malformed.
    pub fn span_tags(&self) -> Result<ValueMap<'a>, Malformed> {
        Ok(self.tags.of(self.instance.bytes()))
    }
}
