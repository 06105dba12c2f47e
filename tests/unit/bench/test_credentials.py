"""The ways of handling credentials that the benchmark compares do the same; how fast they are is not for a test."""

from __future__ import annotations

from importlib.util import find_spec

from telesphor.bench import credentials
from telesphor.bench.factors import _tell_credentials


def test_every_way_works_and_is_told_beside_its_bare_signatures() -> None:
    rates = credentials.take_turns(0.0, rounds=1)
    figures = list(_tell_credentials(rates))
    assert all(figure.value > 0 and figure.peer is not None and figure.peer.value > 0 for figure in figures)
    peers = [figure.peer.name for figure in figures if figure.peer is not None]
    assert sum("bare" in peer for peer in peers) == 3
    assert sum("sd-jwt" in peer for peer in peers) == (3 if find_spec("sd_jwt") else 0)


def test_naive_way_shows_what_ours_shows() -> None:
    works = credentials._our_works()
    ours = works[credentials.PRESENTED]()
    shown = {factor.name: factor.value for factor in ours.credential.factors}  # type: ignore[attr-defined]
    assert shown == {name: credentials.FACTORS[name] for name in credentials.SHOWN}
    naive = credentials._naive_works()
    if naive:
        theirs = naive[credentials.NAIVE_PRESENTED]()
        assert isinstance(theirs, dict)
        assert {name: theirs[name] for name in credentials.SHOWN} == shown
        assert set(theirs).isdisjoint(set(credentials.FACTORS) - set(credentials.SHOWN))
