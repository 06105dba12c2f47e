"""What channels there were: counts for ever, the last ones by themselves; no addresses, no patient data.

A `Channel` is noted when its handshake is complete, a refusal when it is decided. The other side is named only
where it showed a certificate, that is, where it is a machine of an organisation: a person's browser is
counted and not identified.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from telesphor.kernel.clock import Clock, SystemClock, format_instant

LAST_CHANNELS_MAX = 256
"""Enough to see who talks to this node just now; each takes some hundred bytes."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One connection, as it was agreed.

    Attributes:
        side: `server` where the other side dialled, `client` where this side did.
        group: the key exchange that was negotiated, such as `X25519MLKEM768`.
        quantum_safe: whether that key exchange is; what is recorded of the channel then stays secret.
        own_certificate: the algorithm of this side's certificate; empty without one.
        peer_certificate: the algorithm of the other side's; empty without one.
        peer_organisation, peer: from the other side's certificate; empty without one.
    """

    side: str
    version: str
    group: str
    cipher: str
    quantum_safe: bool
    own_certificate: str = ""
    peer_certificate: str = ""
    peer_organisation: str = ""
    peer: str = ""
    opened_at: str = ""


class ChannelBook(Collector):
    """The channels of one node; safe to share between threads, and a collector of Prometheus."""

    def __init__(self, clock: Clock | None = None, *, last_max: int = LAST_CHANNELS_MAX) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._last: deque[Channel] = deque(maxlen=last_max)
        self._opened: Counter[tuple[str, str, str, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._reloads: Counter[str] = Counter()
        self._ends: dict[str, int] = {}

    def now_ms(self) -> int:
        """The time, by this book's clock."""
        return self._clock.now_ms()

    def now(self) -> str:
        """The present instant, for a channel that opens."""
        return format_instant(self.now_ms())

    def opened(self, channel: Channel) -> None:
        """Note a channel whose handshake is complete."""
        key = (channel.side, channel.group, channel.own_certificate, channel.peer_certificate)
        with self._lock:
            self._opened[key] += 1
            self._last.append(channel)

    def refused(self, side: str, code: str) -> None:
        """Note a refusal by its code."""
        with self._lock:
            self._refused[side, code] += 1

    def loaded(self, name: str, *, ends_ms: int) -> None:
        """Note which certificate is in use, and until when it is valid."""
        with self._lock:
            self._reloads["taken"] += 1
            self._ends[name] = ends_ms

    def not_loaded(self) -> None:
        """Note that new files were not taken because they are broken."""
        with self._lock:
            self._reloads["refused"] += 1

    def last(self) -> list[Channel]:
        """The last channels, newest first."""
        with self._lock:
            return list(self._last)[::-1]

    def counts(self) -> dict[str, int]:
        """Channels by group, as negotiated."""
        with self._lock:
            found: Counter[str] = Counter()
            for (_, group, _, _), count in self._opened.items():
                found[group] += count
            return dict(found)

    def refusals(self) -> dict[str, int]:
        """Refusals by code."""
        with self._lock:
            found: Counter[str] = Counter()
            for (_, code), count in self._refused.items():
                found[code] += count
            return dict(found)

    def collect(self) -> Iterator[Metric]:
        """The counters as `/metrics` shows them."""
        opened = CounterMetricFamily(
            "telesphor_tls_channels",
            "TLS channels opened",
            labels=("side", "group", "own_certificate", "peer_certificate"),
        )
        refused = CounterMetricFamily(
            "telesphor_tls_refused", "TLS handshakes refused or broken", labels=("side", "code")
        )
        reloads = CounterMetricFamily(
            "telesphor_tls_certificates_loaded", "Certificate files read again", labels=("outcome",)
        )
        ends = GaugeMetricFamily(
            "telesphor_tls_certificate_ends_timestamp_seconds",
            "When the certificate in use expires",
            labels=("name",),
        )
        with self._lock:
            for labels, count in self._opened.items():
                opened.add_metric(labels, count)
            for key, count in self._refused.items():
                refused.add_metric(key, count)
            for outcome, count in self._reloads.items():
                reloads.add_metric((outcome,), count)
            for name, ends_ms in self._ends.items():
                ends.add_metric((name,), ends_ms / 1000)
        yield from (opened, refused, reloads, ends)
