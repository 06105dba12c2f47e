"""A notary signs only what it has itself found to be at L3, under its own policy and the cards it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from telesphor.kernel.cosignature import append_signatures
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.kernel.note import NoteSignature
from telesphor.ledger.witness.model import SubmissionRefused, WitnessRefusal, format_request
from telesphor.ledger.witness.notary import NotaryCheck, notary_check
from telesphor.ledger.witness.standalone import WitnessFolder
from telesphor.ledger.witness.witness import Witness
from tests.support.witnesses import (
    NOW_SECONDS,
    ORIGIN,
    Tree,
    clock,
    cosigned_at,
    cosigner,
    make_card,
    make_witness,
)
from tests.unit.ledger.witness.gathering import NOTARY, PLACES, POLICY, make_notary, witness_name

TREE = Tree(12)


def cosigned_by(places: Sequence[str], *, time_seconds: int = NOW_SECONDS, tree: Tree = TREE) -> bytes:
    """A submission of the ledger with the cosignatures of these places' witnesses."""
    lines: list[NoteSignature] = []
    for place in places:
        lines += cosigner(witness_name(place)).cosign(tree.checkpoint(), time_seconds=time_seconds)
    return format_request(old_size=0, proof=(), note=append_signatures(TREE.note(), lines))


def refusal_of(notary: Witness, body: bytes) -> WitnessRefusal:
    with pytest.raises(WitnessRefusal) as caught:
        notary.add_checkpoint(body)
    assert notary._store.seen(ORIGIN).size == 0
    return caught.value


def test_what_diverse_witnesses_cosigned_is_signed(tmp_path: Path) -> None:
    lines = make_notary(tmp_path).add_checkpoint(cosigned_by(PLACES))
    assert cosigned_at(TREE.note(), lines, name=NOTARY) == NOW_SECONDS


def half_of_one(_: Path) -> bytes:
    lines = [*cosigner(witness_name("north")).cosign(TREE.checkpoint(), time_seconds=NOW_SECONDS)[:1]]
    note = append_signatures(TREE.note(), lines)
    return format_request(old_size=0, proof=(), note=note)


@pytest.mark.parametrize(
    "make",
    [
        lambda _: cosigned_by(()),
        lambda _: cosigned_by(("north",)),
        lambda _: cosigned_by(("north", "stranger")),
        lambda _: cosigned_by(PLACES, tree=TREE.fork(3)),
        lambda _: cosigned_by(PLACES, time_seconds=NOW_SECONDS + 61),
        half_of_one,
    ],
    ids=["no-witness", "one-witness", "a-stranger", "of-a-fork", "after-us", "half"],
)
def test_what_is_not_at_l3_is_403(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    refusal = refusal_of(make_notary(tmp_path), make(tmp_path))
    assert (type(refusal), refusal.status) == (SubmissionRefused, 403)


def test_the_refusal_says_what_is_missing(tmp_path: Path) -> None:
    assert "at L1: " in refusal_of(make_notary(tmp_path), cosigned_by(("north",))).message


def test_witnesses_of_the_notary_s_own_organisation_do_not_count(tmp_path: Path) -> None:
    from telesphor.kernel.card import Role, read_card

    cards = [read_card(make_card(witness_name(place), place=place)) for place in ("north", "south")]
    cards.append(read_card(make_card(ORIGIN, role=Role.LOG, place="clinic")))
    check = NotaryCheck(POLICY, cards, organisation="north.example", clock=clock())
    refusal = refusal_of(make_witness(tmp_path, name=NOTARY, check=check), cosigned_by(("north", "south")))
    assert "1 validator cosigned it" in refusal.message


def test_a_ledger_whose_card_is_not_known_is_403(tmp_path: Path) -> None:
    from telesphor.kernel.card import read_card

    cards = [read_card(make_card(witness_name(place), place=place)) for place in PLACES]
    check = NotaryCheck(POLICY, cards, organisation="notary.example", clock=clock())
    refusal = refusal_of(make_witness(tmp_path, name=NOTARY, check=check), cosigned_by(PLACES))
    assert "the log's own card" in refusal.message


def test_the_notary_s_own_policy_is_what_counts(tmp_path: Path) -> None:
    strict = parse_levels(
        b'format = "telesphor-levels/1"\nvalidators = 3\n'
        b"[diversity]\norganisations = 4\nregions = 1\nclouds = 1\noperators = 1\n"
        b'[notary]\nat_least = 1\n[anchors]\nat_least = 1\nnetworks = ["bitcoin-mainnet"]\nconfirmations = 6\n'
    )
    refusal = refusal_of(make_notary(tmp_path, policy=strict), cosigned_by(PLACES))
    assert "the validators are of 3 organisations, where 4 are asked" in refusal.message


def test_a_notary_s_folder_gives_its_policy_and_cards(tmp_path: Path) -> None:
    folder = WitnessFolder(tmp_path)
    folder.cards.mkdir()
    (folder.cards / "a.json").write_bytes(make_card(witness_name("north")))
    check = notary_check(folder, organisation="notary.example", clock=clock())
    assert [card.name for card in check._witnesses] == [witness_name("north")]
    assert check._policy.validators == 3  # the shipped default
    folder.levels.write_bytes(DEFAULT_LEVELS.replace("validators = 3", "validators = 5").encode())
    assert notary_check(folder, organisation="notary.example", clock=clock())._policy.validators == 5
