"""The `ledger` adapter: writes metric values to standard output, refuses what is banned, grants quotas.

An example of an adapter in a language that the project itself does not use; README.md says how to run it.
"""

import argparse
import functools
import json
import logging
import os
import signal
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

import settings
import values
import windows
from google.rpc import status_pb2
from listentry import template_handler_service_pb2_grpc as listentry_grpc
from metric import template_handler_service_pb2_grpc as metric_grpc
from mixer.adapter.model.v1beta1 import check_pb2, quota_pb2, report_pb2
from quota import template_handler_service_pb2_grpc as quota_grpc

SERVICES = ("metric.HandleMetricService", "listentry.HandleListEntryService", "quota.HandleQuotaService")

# As many as `mixs` has under way to one handler.
MOST_CALLS = 1024

log = logging.getLogger("ledger")


def configured(handle):
    """Gives a method the settings of the call. A call that has none is answered with why: `mixs` puts the text in its
    own log, beside the name of the handler."""

    @functools.wraps(handle)
    def method(self, request, context):
        try:
            return handle(self, request, context, settings.of_call(request))
        except settings.Unusable as problem:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(problem))

    return method


class Metric(metric_grpc.HandleMetricServiceServicer):
    """A REPORT: the instances of one Report, or of several that were under way at the same time."""

    def __init__(self, output):
        self._output = output
        self._lock = threading.Lock()

    @configured
    def HandleMetric(self, request, context, config):
        lines = [self._line(instance, request.dedup_id, config) for instance in request.instances]
        try:
            # One piece, so that the lines of two calls do not mix.
            with self._lock:
                self._output.write("".join(lines).encode())
                self._output.flush()
        except OSError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"cannot write to standard output: {error}")
        # Answered only now: what is answered is written.
        return report_pb2.ReportResult()

    @staticmethod
    def _line(instance, dedup_id, config):
        def entries(of):
            return {name: values.plain(value) for name, value in of.items()}

        line = {
            "call": dedup_id,
            "name": instance.name,
            "value": values.plain(instance.value),
            "dimensions": entries(instance.dimensions),
            "labels": config.labels,
        }
        if instance.monitored_resource_type:
            line["resource"] = {
                "type": instance.monitored_resource_type,
                "dimensions": entries(instance.monitored_resource_dimensions),
            }
        return json.dumps(line, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


class ListEntry(listentry_grpc.HandleListEntryServiceServicer):
    """A CHECK: one instance. A refusal is an answer; an error of the call says that there is no answer."""

    @configured
    def HandleListEntry(self, request, context, config):
        return check_pb2.CheckResult(
            status=self._decide(request.instance, config),
            valid_duration=duration(config.caching_interval),
            valid_use_count=config.caching_use_count,
        )

    @staticmethod
    def _decide(instance, config):
        text = values.text(instance.value)
        if text is None:
            kind = instance.value.WhichOneof("value") or "no value"
            message = f"instance {instance.name} has {kind}, which is neither text nor an IP address"
            return status(grpc.StatusCode.INVALID_ARGUMENT, message)
        if text in config.banned:
            return status(grpc.StatusCode.PERMISSION_DENIED, f"{text} is banned")
        return status(grpc.StatusCode.OK)


class Quota(quota_grpc.HandleQuotaServiceServicer):
    """A QUOTA: one instance, and how much is wanted of it by its name. Every name must be answered."""

    def __init__(self):
        self._windows = windows.Windows()

    @configured
    def HandleQuota(self, request, context, config):
        plain = {name: values.plain(value) for name, value in request.instance.dimensions.items()}
        # Entries come in any order.
        dimensions = json.dumps(plain, sort_keys=True)
        answer = quota_pb2.QuotaResult()
        for name, wanted in request.quota_request.quotas.items():
            result = self._allocate(name, wanted, dimensions, request.dedup_id, config)
            answer.quotas[name].CopyFrom(result)
        return answer

    def _allocate(self, name, wanted, dimensions, dedup_id, config):
        quota = config.quotas.get(name)
        if quota is None:
            problem = status(grpc.StatusCode.NOT_FOUND, f"quota {name} is not in the handler's params")
            return quota_pb2.QuotaResult.Result(status=problem)
        try:
            granted, left = self._windows.take(name, quota, dimensions, wanted, dedup_id)
        except windows.Full as full:
            problem = status(grpc.StatusCode.RESOURCE_EXHAUSTED, str(full))
            return quota_pb2.QuotaResult.Result(status=problem)
        code, message = grpc.StatusCode.OK, ""
        if wanted.amount > 0 and granted == 0:
            code, message = grpc.StatusCode.RESOURCE_EXHAUSTED, f"quota {name} is used up"
        return quota_pb2.QuotaResult.Result(
            valid_duration=duration(left), granted_amount=granted, status=status(code, message)
        )


def status(code, message=""):
    """A google.rpc.Status, whose codes are those of gRPC."""
    return status_pb2.Status(code=code.value[0], message=message)


def duration(nanos):
    """A google.protobuf.Duration."""
    message = Duration()
    message.FromNanoseconds(nanos)
    return message


def serve(address, workers, output):
    """Starts to serve; returns the server, its health and its address with the real port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=workers),
        maximum_concurrent_rpcs=MOST_CALLS,
        # Two adapters on one port would share its calls; the second one should say that the port is taken.
        options=[("grpc.so_reuseport", 0)],
    )
    metric_grpc.add_HandleMetricServiceServicer_to_server(Metric(output), server)
    listentry_grpc.add_HandleListEntryServiceServicer_to_server(ListEntry(), server)
    quota_grpc.add_HandleQuotaServiceServicer_to_server(Quota(), server)
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    port = server.add_insecure_port(address)
    server.start()
    for service in ("", *SERVICES):
        state.set(service, health_pb2.HealthCheckResponse.SERVING)
    if address.endswith(":0"):
        address = f"{address[:-1]}{port}"
    return server, state, address


def main():
    """Serves until SIGTERM or SIGINT, then finishes the calls that are under way."""
    parser = argparse.ArgumentParser(description="The ledger adapter.")
    parser.add_argument("--address", default="127.0.0.1:9080", help="host:port or unix:PATH; port 0 takes a free one")
    parser.add_argument("--workers", type=int, default=16, help="calls that are worked on at the same time")
    parser.add_argument("--drain", type=float, default=20.0, help="seconds for calls under way after SIGTERM")
    flags = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server, state, address = serve(flags.address, flags.workers, sys.stdout.buffer)
    log.info("listening on %s", address)
    stop.wait()
    log.info("draining")
    state.enter_graceful_shutdown()
    begun = time.monotonic()
    server.stop(flags.drain).wait()
    if time.monotonic() - begun >= flags.drain:
        log.error("calls under way were cut off after %s s; look at what they wait for", flags.drain)
        # Their threads would keep the process.
        os._exit(1)
    log.info("stopped")


if __name__ == "__main__":
    main()
