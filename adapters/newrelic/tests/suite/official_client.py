"""Sends what stands on standard input with New Relic's own client, and prints the id of each answer."""

import json
import sys

import urllib3
from newrelic_telemetry_sdk import (
    CountMetric,
    Event,
    EventClient,
    GaugeMetric,
    Log,
    LogClient,
    MetricClient,
    Span,
    SpanClient,
    SummaryMetric,
)

INTERVAL = 5000


def client(kind, host, port, key):
    """A client of the given kind that speaks plaintext, as the fake on loopback does."""
    plain = type(kind.__name__, (kind,), {"POOL_CLS": urllib3.HTTPConnectionPool})
    return plain(key, host=host, port=port)


def metrics(data):
    """The metrics of the three types."""
    for name, value, tags in data.get("counts", []):
        yield CountMetric(name, value, INTERVAL, tags=tags)
    for name, value, tags in data.get("gauges", []):
        yield GaugeMetric(name, value, tags=tags)
    for name, value, tags in data.get("summaries", []):
        yield SummaryMetric(name, interval_ms=INTERVAL, tags=tags, **value)


def main():
    host, port, key = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    data = json.load(sys.stdin)
    common = {"attributes": data["common"]} if data.get("common") else None
    logs = [Log(log["message"], log["timestamp"], **log["attributes"]) for log in data.get("logs", [])]
    batches = [
        (MetricClient, list(metrics(data)), True),
        (SpanClient, [Span(**span) for span in data.get("spans", [])], True),
        (LogClient, logs, True),
        (EventClient, [Event(**event) for event in data.get("events", [])], False),
    ]
    for kind, items, has_common in batches:
        if not items:
            continue
        sender = client(kind, host, port, key)
        answer = sender.send_batch(items, common) if has_common else sender.send_batch(items)
        answer.raise_for_status()
        body = answer.json()
        print(body.get("requestId") or body["uuid"])
        sender.close()


main()
