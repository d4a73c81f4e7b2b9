"""From the `adapter_config` of a call to a checked configuration."""

import dataclasses
import functools

from google.protobuf.message import DecodeError

import config_pb2

NANOS = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Quota:
    """How much each combination of dimensions may take in a window of so many nanoseconds."""

    max_amount: int
    window: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a handler's params mean; times are in nanoseconds."""

    labels: dict
    banned: frozenset
    caching_interval: int
    caching_use_count: int
    quotas: dict


class Unusable(Exception):
    """The call has no configuration that the adapter can use."""


def of_call(request):
    """The settings that came with a call; raises Unusable."""
    # A handler without params sends the field too, with an empty value.
    if not request.HasField("adapter_config"):
        raise Unusable(
            "the call has no adapter_config; the adapter resource needs a config and session_based: false"
        )
    return _of_any(request.adapter_config.type_url, request.adapter_config.value)


@functools.lru_cache(maxsize=64)
def _of_any(type_url, encoded):
    """Handlers are few and change seldom, so each configuration is read once."""
    wanted = config_pb2.Params.DESCRIPTOR.full_name
    if type_url.rpartition("/")[2] != wanted:
        raise Unusable(f"adapter_config is {type_url!r} instead of {wanted}; look at the adapter resource")
    try:
        return check(config_pb2.Params.FromString(encoded))
    except DecodeError as error:
        raise Unusable(f"adapter_config is no {wanted}: {error}; make the adapter resource again") from error


def check(params):
    """What Params mean; raises Unusable with every problem at once."""
    problems = []
    interval = 60 * NANOS
    if params.HasField("caching_interval"):
        interval = _nanos(params.caching_interval)
    uses = params.caching_use_count if params.HasField("caching_use_count") else 1000
    if interval < 0:
        problems.append("caching_interval must not be negative")
    if uses < 0:
        problems.append("caching_use_count must not be negative")
    quotas = {}
    for index, quota in enumerate(params.quotas):
        window = _nanos(quota.window)
        if not quota.name or quota.name in quotas:
            problems.append(f"quotas[{index}].name must be there and unlike the others")
        if quota.max_amount < 0:
            problems.append(f"quotas[{index}].max_amount must not be negative")
        if window <= 0:
            problems.append(f"quotas[{index}].window must be longer than nothing")
        quotas[quota.name] = Quota(quota.max_amount, window)
    if problems:
        raise Unusable("params of the handler: " + "; ".join(problems))
    return Settings(dict(params.labels), frozenset(params.banned), interval, uses, quotas)


def _nanos(duration):
    return duration.seconds * NANOS + duration.nanos
