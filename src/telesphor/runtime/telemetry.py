"""Structured logs and metrics, neither of which ever carries patient data, keys or tokens.

`log` writes one JSON line per event to standard error; only the fields given by name appear, and
`configure_logs` drops any whose name is not on the allow list. `Metrics` is what `/metrics` shows.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ALLOWED_FIELDS = frozenset(
    [
        *("event", "level", "timestamp", "code", "detail", "error", "where", "count", "position", "size"),
        *("seconds", "path", "method", "status", "follower", "address", "origin", "url", "stage", "entries"),
        *("requests",),
    ]
)
"""Log fields; whatever else is passed is dropped, so that a careless call cannot leak a payload."""

TRACE_FRAMES_MAX = 8


def configure_logs(level: str = "info") -> None:
    """Set up JSON logs on standard error at `level` (debug, info, warning, error)."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place_of_error,
            _allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _place_of_error(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace a traceback, whose messages may quote payloads, by the places it passed."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-TRACE_FRAMES_MAX:]
        event["where"] = [f"{frame.filename.rpartition('telesphor/')[2]}:{frame.lineno}" for frame in frames]
    return event


def _allow_listed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in ALLOWED_FIELDS}


log: structlog.stdlib.BoundLogger = structlog.get_logger()
configure_logs("warning")


class Metrics:
    """The node's counters, in a registry of their own so that two nodes in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.entries = Counter("telesphor_entries", "Entries committed", registry=self.registry)
        self.requests = Counter("telesphor_requests", "Requests decided", registry=self.registry)
        self.refused_full = Counter(
            "telesphor_requests_refused_full",
            "Requests refused because the queue was full",
            registry=self.registry,
        )
        self.batch_entries = Histogram(
            "telesphor_batch_entries",
            "Entries per durable batch",
            buckets=(1, 4, 16, 64, 256, 1024, 4096, 16384),
            registry=self.registry,
        )
        self.tree_size = Gauge("telesphor_tree_size", "Leaves in the last checkpoint", registry=self.registry)
        self.checkpoint_at = Gauge(
            "telesphor_checkpoint_timestamp_seconds",
            "When the last checkpoint was signed",
            registry=self.registry,
        )
        self.queued = Gauge(
            "telesphor_queued_requests", "Requests waiting for the writer", registry=self.registry
        )
        self.alarms = Gauge(
            "telesphor_open_alarms", "Emergency accesses that nobody has reviewed yet", registry=self.registry
        )
        self.http = Counter(
            "telesphor_http_requests",
            "HTTP requests by method and status",
            ("method", "status"),
            registry=self.registry,
        )

    def batch(self, *, requests: int, entries: int) -> None:
        """Count one durable batch."""
        self.requests.inc(requests)
        self.entries.inc(entries)
        if entries:
            self.batch_entries.observe(entries)
