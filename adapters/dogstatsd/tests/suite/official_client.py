"""Does the calls that come as JSON on standard input with Datadog's own client."""

import json
import os
import sys

from datadog.dogstatsd.base import DogStatsd

wanted = json.load(sys.stdin)
os.environ.update(wanted["environment"])
client = DogStatsd(
    disable_buffering=False, flush_interval=3600, max_buffer_len=100000, **wanted["client"]
)
for method, arguments in wanted["calls"]:
    getattr(client, method)(**arguments)
client.flush_aggregated_metrics()
client.flush()
sys.stdout.flush()
# Its own thread sleeps for an hour.
os._exit(0)
