"""A node that turns dishonest: a real witness refuses each of its tricks, and a witness that does not is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telesphor.demo.dishonest_node import Answer, Liar, judge, submit
from telesphor.demo.history import History, backdated, recounted
from telesphor.demo.stage import ORIGIN
from telesphor.kernel import canonical
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.merkle import ConsistencyRefused, verify_consistency
from telesphor.ledger.witness.model import SIZE_MEDIA_TYPE, TEXT_MEDIA_TYPE, format_request
from telesphor.ledger.witness.standalone import (
    WitnessFolder,
    WitnessSettings,
    create_witness,
    open_witness,
    trust_file,
)
from telesphor.runtime.serving import serving

PASSPHRASE = b"correct horse"
SIZE, EARLIER = 9, 5
TRUE = History(tuple(b"entry %d" % position for position in range(SIZE)))
ENTRY = canonical.encode({"at": "2026-03-04T05:06:07.008Z", "body": {"count": 12, "kind": "heart-rate"}})


@pytest.fixture(scope="module")
def liar() -> Liar:
    log = LogSigner.generate(ORIGIN)
    forked = TRUE.with_entry(3, b"another entry")
    return Liar(log, TRUE, forked, EARLIER, SystemClock().now_ms() // 1000)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory, liar: Liar) -> Iterator[str]:
    """The address of a real witness that has cosigned the true ledger."""
    folder = tmp_path_factory.mktemp("witness") / "w"
    settings = WitnessSettings(
        name="north.example/w", organisation="north.example", region="n", cloud="c", operator="o"
    )
    create_witness(folder, settings=settings, passphrase=PASSPHRASE, clock=SystemClock())
    trust_file(WitnessFolder(folder), "".join(f"{vkey}\n" for vkey in liar.log.vkeys()).encode())
    with (
        open_witness(folder, passphrase=PASSPHRASE, clock=SystemClock()) as opened,
        serving(opened.edge()) as url,
    ):
        first = format_request(old_size=0, proof=(), note=liar.sign(TRUE, SIZE))
        assert submit(url, first).status == 200
        yield url


def test_truth_is_cosigned_again(witness: str, liar: Liar) -> None:
    again = format_request(old_size=SIZE, proof=(), note=liar.sign(TRUE, SIZE))
    assert submit(witness, again).status == 200


def test_fork_is_refused_as_a_conflict_of_roots(witness: str, liar: Liar) -> None:
    answer = submit(witness, liar.fork(SIZE))
    assert (answer.status, answer.media_type) == (409, TEXT_MEDIA_TYPE)


def test_rewritten_entry_is_refused_for_its_proof(witness: str, liar: Liar) -> None:
    assert submit(witness, liar.rewrite(SIZE)).status == 422


def test_roll_back_is_answered_with_the_size_that_was_cosigned(witness: str, liar: Liar) -> None:
    answer = submit(witness, liar.roll_back(SIZE))
    assert (answer.status, answer.media_type, answer.body) == (409, SIZE_MEDIA_TYPE, b"9\n")


def test_tree_that_shrinks_is_refused(witness: str, liar: Liar) -> None:
    assert submit(witness, liar.shrink(SIZE)).status == 400


REFUSAL = Answer(409, TEXT_MEDIA_TYPE, b"another tree of this size was cosigned\n")


def detects(*answers: Answer) -> bool:
    return judge("a fork", answers, status=409, media_type=TEXT_MEDIA_TYPE, who="all").detected


def test_trick_that_all_refuse_is_detected() -> None:
    assert detects(REFUSAL, REFUSAL)


@pytest.mark.parametrize(
    "other",
    [
        Answer(200, TEXT_MEDIA_TYPE, b"a signature\n"),
        Answer(404, TEXT_MEDIA_TYPE, b"no such log\n"),
        Answer(409, SIZE_MEDIA_TYPE, b"9\n"),
        Answer(409, TEXT_MEDIA_TYPE, b""),
    ],
    ids=["cosigned", "refused for another reason", "refused as another fault", "refused without a word"],
)
def test_trick_that_one_takes_or_refuses_for_another_reason_is_not_detected(other: Answer) -> None:
    assert not detects(REFUSAL, other)


def test_trick_that_nobody_was_asked_about_is_not_detected() -> None:
    assert not detects()


def test_true_history_is_consistent_and_a_forked_one_is_not() -> None:
    grown = TRUE.grown()
    for told, holds in ((grown, True), (grown.with_entry(3, b"another entry"), False)):
        new, path = told.checkpoint(SIZE + 1), told.consistency(SIZE, SIZE + 1)
        try:
            verify_consistency(
                old_size=SIZE,
                old_root=TRUE.checkpoint(SIZE).root,
                new_size=SIZE + 1,
                new_root=new.root,
                path=tuple(path),
            )
            assert holds
        except ConsistencyRefused:
            assert not holds


def test_forged_entries_differ_from_the_true_one_in_one_member() -> None:
    assert backdated(ENTRY) == ENTRY.replace(b"2026-", b"2025-")
    assert recounted(ENTRY) == ENTRY.replace(b"12", b"13")
