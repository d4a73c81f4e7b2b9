"""Counts quotas in fixed windows, in the memory of the process."""

import collections
import dataclasses
import threading
import time

# Combinations of dimensions that one window of one quota counts, and answers that it remembers.
MOST = 100_000


class Full(Exception):
    """More combinations of dimensions than there is room for."""


@dataclasses.dataclass
class _Window:
    ends: int
    used: dict = dataclasses.field(default_factory=dict)
    answers: dict = dataclasses.field(default_factory=collections.OrderedDict)


class Windows:
    """The windows of all quotas by name. Handlers that count one instance share its window: a call does not say
    which handler it is from."""

    def __init__(self, clock=time.monotonic_ns):
        self._clock = clock
        self._lock = threading.Lock()
        self._windows = {}

    def take(self, name, quota, dimensions, wanted, dedup_id):
        """Takes what `wanted` says, or gives a negative amount back; returns the granted amount and the nanoseconds
        until the window ends. A dedup_id that the window remembers gets its first answer again. Raises Full."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(name)
            if window is None or window.ends <= now:
                window = self._windows[name] = _Window(now + quota.window)
            left = window.ends - now
            # A caller may ask for two quotas, or combinations of one, under one id.
            call = (dimensions, dedup_id)
            if call in window.answers:
                return window.answers[call], left
            if dimensions not in window.used and len(window.used) >= MOST:
                raise Full(f"quota {name} has {MOST} combinations of dimensions in this window")
            used = window.used.get(dimensions, 0)
            granted = _grant(quota.max_amount - used, used, wanted)
            window.used[dimensions] = used + granted
            window.answers[call] = granted
            if len(window.answers) > MOST:
                # Who asks again does so soon: the oldest answer is the one that nobody misses.
                window.answers.popitem(last=False)
            return granted, left


def _grant(free, used, wanted):
    if wanted.amount < 0:
        return -min(used, -wanted.amount)
    if wanted.amount <= free:
        return wanted.amount
    return max(free, 0) if wanted.best_effort else 0
