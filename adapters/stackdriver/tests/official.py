"""Writes points with Google's own client: reads from standard input what was measured, and tells what the API said.

Input: {"host", "project", "series": [{"type", "kind", "value_type", "labels", "resource", "start", "end", "unit",
"description", "samples", "bounds"}]}. Each series gets a descriptor first; then all points go in one call, and once more,
which is too late.
"""

import json
import statistics
import sys

import grpc
from google.api import distribution_pb2, label_pb2, metric_pb2, monitored_resource_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf import timestamp_pb2

MetricDescriptor = metric_pb2.MetricDescriptor


def timestamp(text):
    time = timestamp_pb2.Timestamp()
    time.FromJsonString(text)
    return time


def value(series):
    samples, kind = series["samples"], series["value_type"]
    summed = series["kind"] != "GAUGE"
    if kind == "BOOL":
        return {"bool_value": samples[-1]}
    if kind == "STRING":
        return {"string_value": samples[-1]}
    if kind == "INT64":
        return {"int64_value": int(sum(samples) if summed else samples[-1])}
    if kind == "DOUBLE":
        return {"double_value": float(sum(samples) if summed else samples[-1])}
    bounds = series["bounds"]
    counts = [0] * (len(bounds) + 1)
    for sample in samples:
        counts[sum(1 for bound in bounds if sample >= bound)] += 1
    mean = statistics.fmean(samples)
    distribution = distribution_pb2.Distribution(
        count=len(samples),
        mean=mean,
        sum_of_squared_deviation=sum((sample - mean) ** 2 for sample in samples),
        bucket_options=distribution_pb2.Distribution.BucketOptions(
            explicit_buckets=distribution_pb2.Distribution.BucketOptions.Explicit(bounds=bounds)
        ),
        bucket_counts=counts,
    )
    return {"distribution_value": distribution}


def time_series(series):
    interval = {"end_time": timestamp(series["end"])}
    if series["start"]:
        interval["start_time"] = timestamp(series["start"])
    return monitoring_v3.TimeSeries(
        metric=metric_pb2.Metric(type=series["type"], labels=series["labels"]),
        resource=monitored_resource_pb2.MonitoredResource(**series["resource"]),
        metric_kind=MetricDescriptor.MetricKind.Value(series["kind"]),
        value_type=MetricDescriptor.ValueType.Value(series["value_type"]),
        points=[monitoring_v3.Point(interval=monitoring_v3.TimeInterval(**interval), value=monitoring_v3.TypedValue(**value(series)))],
        unit=series["unit"],
    )


def descriptor(series):
    return metric_pb2.MetricDescriptor(
        type=series["type"],
        labels=[label_pb2.LabelDescriptor(key=key) for key in sorted(series["labels"])],
        metric_kind=MetricDescriptor.MetricKind.Value(series["kind"]),
        value_type=MetricDescriptor.ValueType.Value(series["value_type"]),
        unit=series["unit"],
        description=series["description"],
    )


def refused(call):
    """What an error tells: its code, and of each summary in its details the three counts."""
    try:
        call()
    except exceptions.GoogleAPICallError as error:
        summaries = []
        for detail in error.details:
            if isinstance(detail, monitoring_v3.CreateTimeSeriesSummary) or hasattr(detail, "total_point_count"):
                counts = [(one.status.code, one.point_count) for one in detail.errors]
                summaries.append([detail.total_point_count, detail.success_point_count, counts])
        # Summaries that the client leaves encoded.
        for status in error.details or []:
            if hasattr(status, "type_url") and status.type_url.endswith("CreateTimeSeriesSummary"):
                summary = monitoring_v3.CreateTimeSeriesSummary.deserialize(status.value)
                counts = [[one.status.code, one.point_count] for one in summary.errors]
                summaries.append([summary.total_point_count, summary.success_point_count, counts])
        return [error.grpc_status_code.name, summaries]
    return None


def main():
    wanted = json.load(sys.stdin)
    channel = grpc.insecure_channel(wanted["host"])
    client = monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
    name = f"projects/{wanted['project']}"
    for series in wanted["series"]:
        if series["type"].startswith("custom."):
            client.create_metric_descriptor(name=name, metric_descriptor=descriptor(series))
    points = [time_series(series) for series in wanted["series"]]
    client.create_time_series(name=name, time_series=points)
    twice = monitoring_v3.TimeSeries(points[0])
    twice.points = [points[0].points[0], points[0].points[0]]
    answers = {
        "late": refused(lambda: client.create_time_series(name=name, time_series=points)),
        "two points": refused(lambda: client.create_time_series(name=name, time_series=[twice])),
        "201": refused(lambda: client.create_time_series(name=name, time_series=[points[0]] * 201)),
        "other project": refused(lambda: client.create_time_series(name="projects/other", time_series=points)),
    }
    print(json.dumps(answers))


main()
