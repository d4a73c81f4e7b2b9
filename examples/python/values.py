"""Values of instances (`istio.policy.v1beta1.Value`) as JSON, without losing digits."""

import ipaddress
import math


def plain(value):
    """What a value is in JSON; None when it is empty.

    Timestamps and durations become text, because a number of seconds in a float has room for about 16 digits: today
    in nanoseconds has 19.
    """
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "double_value":
        return double(content)
    if kind in ("string_value", "int64_value", "bool_value"):
        return content
    if kind == "ip_address_value":
        return address(content.value)
    if kind in ("timestamp_value", "duration_value"):
        return time(content.value)
    if kind == "string_map_value":
        return dict(content.value)
    # E-mail addresses, DNS names and URIs are text in a wrapper.
    return content.value


def text(value):
    """The text of a value that is text or an IP address, else None."""
    kind = value.WhichOneof("value")
    if kind in ("string_value", "ip_address_value", "email_address_value", "dns_name_value", "uri_value"):
        return plain(value)
    return None


def double(number):
    """JSON has no infinity; the text is that of protobuf's JSON form."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def address(raw):
    """An address of 4 or 16 bytes; an IPv4 address may come as 16 bytes. Other bytes are shown as such."""
    try:
        found = ipaddress.ip_address(raw)
    except ValueError:
        return "?" + raw.hex()
    return str(getattr(found, "ipv4_mapped", None) or found)


def time(message):
    """A google.protobuf.Timestamp or Duration: `2026-03-04T05:06:07.000000001Z`, `0.250s`."""
    try:
        return message.ToJsonString()
    except ValueError:
        # Outside of the years 1 to 9999.
        return {"seconds": message.seconds, "nanos": message.nanos}
