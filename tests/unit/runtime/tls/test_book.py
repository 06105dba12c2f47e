"""The book of channels: counts, the last ones, the metrics' text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from telesphor.kernel.clock import ManualClock
from telesphor.runtime.tls.book import Channel, ChannelBook


def channel(group: str = "X25519MLKEM768", peer: str = "") -> Channel:
    return Channel(
        side="server", version="TLSv1.3", group=group, cipher="c", quantum_safe="MLKEM" in group, peer=peer
    )


def test_counts_go_on_when_the_list_is_full() -> None:
    book = ChannelBook(last_max=3)
    for number in range(5):
        book.opened(channel(peer=f"n{number}"))
    book.opened(channel("X25519"))
    assert [one.peer for one in book.last()] == ["", "n4", "n3"]
    assert book.counts() == {"X25519MLKEM768": 5, "X25519": 1}


def test_time_is_the_clocks() -> None:
    assert ChannelBook(ManualClock(0)).now() == "1970-01-01T00:00:00.000Z"


def test_metrics_count_by_group_and_algorithm_and_name_no_peer() -> None:
    book = ChannelBook()
    book.opened(channel(peer="node1.other.example"))
    book.opened(channel("X25519"))
    book.refused("server", "peer-expired")
    book.loaded("node1.clinic.example", ends_ms=5_000)
    book.not_loaded()
    registry = CollectorRegistry()
    registry.register(book)
    text = generate_latest(registry).decode()
    assert "telesphor_tls_channels_total{" in text
    assert 'group="X25519MLKEM768"' in text
    assert 'telesphor_tls_refused_total{code="peer-expired",side="server"} 1.0' in text
    assert 'telesphor_tls_certificate_ends_timestamp_seconds{name="node1.clinic.example"} 5.0' in text
    assert 'telesphor_tls_certificates_loaded_total{outcome="refused"} 1.0' in text
    assert "other.example" not in text


def test_metrics_of_an_empty_book_can_be_shown() -> None:
    registry = CollectorRegistry()
    registry.register(ChannelBook())
    assert b"telesphor_tls_channels" in generate_latest(registry)
