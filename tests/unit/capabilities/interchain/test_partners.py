"""Which bundles a node believes: those of partners it names, under keys and levels of its own choice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.interchain import partners as partners_module
from telesphor.capabilities.interchain.model import JudgingFailed, ProofRefused, ProvenFacts
from telesphor.capabilities.interchain.partners import Partner, load_partners, prove_facts
from telesphor.kernel.archive import read_archive, write_archive
from telesphor.kernel.bundle import CHECKPOINT, MANIFEST, write_bundle
from telesphor.kernel.digest import digest_of, format_digest
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.kernel.merkle import leaf_hash
from telesphor.kernel.note import VkeyRefused
from telesphor.runtime.network import PartnerSettings
from telesphor.runtime.settings import SettingsRefused
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import Pins
from tests.unit.capabilities.interchain.hospital import CLINIC, CLOSING, partner
from tests.unit.verify.builder import Story, log_signer
from tests.vectors.bundles.all import FAULTS, Fault
from tests.vectors.bundles.case import good_bundle, good_story
from tests.vectors.bundles.confirm import witnessed_bundle


def prove(data: bytes, *positions: int, partners: tuple[Partner, ...] | None = None) -> ProvenFacts:
    known = (partner(),) if partners is None else partners
    return prove_facts(data, positions or (CLOSING,), partners={each.origin: each for each in known})


def refusal(data: bytes, *positions: int, partners: tuple[Partner, ...] | None = None) -> ProofRefused:
    with pytest.raises(ProofRefused) as caught:
        prove(data, *positions, partners=partners)
    return caught.value


def test_partners_bundle_gives_the_facts_that_were_asked_for() -> None:
    proven = prove(good_bundle(), 0, CLOSING)
    world = good_story().world
    assert (proven.origin, proven.subject, proven.level) == (CLINIC, good_story().visit, "L1")
    assert proven.policy == digest_of(DEFAULT_LEVELS.encode())
    assert proven.head.size == len(world.entries)
    genesis, closing = proven.facts
    assert (genesis.position, genesis.type) == (0, "node.created/1")
    entry = parse_entry(world.entries[CLOSING])
    assert (closing.position, closing.type) == (CLOSING, "visit.closed/1")
    assert (closing.stream, closing.n) == (entry.stream, entry.n)
    assert closing.leaf == format_digest(leaf_hash(world.entries[CLOSING]))


def test_level_is_the_one_that_was_reached_and_not_the_one_demanded() -> None:
    assert prove(witnessed_bundle(), partners=(partner(at_least=2),)).level == "L4"


def test_fact_of_a_selection_counts_too() -> None:
    parts = good_story().selected([CLOSING])
    data = write_bundle(parts, sign=good_story().world.node.key)
    assert prove(data).subject.startswith("selection/")


# Deny by default.


def test_node_without_partners_refuses_everything() -> None:
    assert refusal(good_bundle(), partners=()).cause == "partner-unknown"


def test_ledger_that_is_no_partner_is_refused() -> None:
    other = "other.example/log"
    stranger = partner(origin=other, vkeys=log_signer(origin=other).vkeys())
    assert refusal(good_bundle(), partners=(stranger,)).cause == "partner-unknown"


def test_ledger_of_the_same_keys_and_another_origin_is_refused() -> None:
    data = Story.told(origin="clinic.example/other").bundle()
    assert refusal(data).cause == "partner-unknown"


def test_partners_name_with_other_keys_is_refused() -> None:
    impostor = partner(vkeys=log_signer("impostor").vkeys())
    assert refusal(good_bundle(), partners=(impostor,)).cause == "checkpoint-refused"


@pytest.mark.parametrize("half", [0, 1])
def test_partner_of_whom_only_one_key_is_right_is_refused(half: int) -> None:
    vkeys = list(log_signer().vkeys())
    vkeys[half] = log_signer("impostor").vkeys()[half]
    mixed = partner(vkeys=(vkeys[0], vkeys[1]))
    assert refusal(good_bundle(), partners=(mixed,)).cause == "half-signature"


def test_level_below_the_demanded_one_is_refused() -> None:
    assert refusal(good_bundle(), partners=(partner(at_least=2),)).cause == "level-not-reached"
    assert refusal(witnessed_bundle(), partners=(partner(at_least=5),)).cause == "level-not-reached"


def test_level_is_judged_by_this_nodes_policy_and_not_by_the_bundles_own() -> None:
    strict = parse_levels(DEFAULT_LEVELS.replace("validators = 3", "validators = 4").encode())
    demanding = partner(at_least=2, levels=strict)
    assert refusal(witnessed_bundle(), partners=(demanding,)).cause == "level-not-reached"


def test_fact_that_is_not_in_the_bundle_is_refused() -> None:
    absent = next(p for p in range(len(good_story().world.entries)) if p not in good_story().chosen())
    assert refusal(good_bundle(), absent).cause == "fact-not-in-bundle"
    assert refusal(good_bundle(), CLOSING, 2**53 - 1).cause == "fact-not-in-bundle"


# Bad bundles.


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_faulty_bundle_is_refused_for_what_the_verifier_refuses_it(fault: Fault) -> None:
    data = fault.make()
    seen = verify_bundle(data, pins=Pins(frozenset(partner().vkeys))).steps[-1]
    cause = refusal(data).cause
    # The checkpoint is opened under the partner's keys first, before the bundle's own claim of them is looked at.
    assert cause == ("checkpoint-refused" if seen.code == "key-not-pinned" else seen.code)


@pytest.mark.parametrize("data", [b"", b"PK", b"\0" * 1000], ids=["empty", "short", "zeros"])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert refusal(data).cause == "not-an-archive"


@pytest.mark.parametrize("path", [MANIFEST, CHECKPOINT])
def test_archive_without_what_is_read_first_is_refused(path: str) -> None:
    files = dict(read_archive(good_bundle()))
    del files[path]
    assert refusal(write_archive(files)).cause == "bundle-refused"


def test_bundle_with_any_byte_changed_is_refused() -> None:
    data, chance = good_bundle(), random.Random(7)
    for place in chance.sample(range(len(data)), 60):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        assert refusal(bytes(changed)).cause


def test_refusal_holds_no_text_of_the_bundle() -> None:
    text = "evil-name"
    story = Story.told(until="close")
    story.close(body={"count": 1, "root": text})
    error = refusal(story.bundle())
    assert text not in f"{error.message} {error.hint} {error.cause} {error.detail}"
    stranger = refusal(Story.told(origin=f"{text}.example/x").bundle())
    assert text not in f"{stranger.message} {stranger.hint} {stranger.cause} {stranger.detail}"


def test_every_code_of_a_refusal_fits_the_ledgers_cause() -> None:
    from msgspec import convert

    from telesphor.capabilities.interchain.model import CauseField

    codes = {kind.code for kind in _kinds(TelesphorError)}
    assert len(codes) > 100
    assert all(convert(code, CauseField) == code for code in codes)


def _kinds(root: type[TelesphorError]) -> list[type[TelesphorError]]:
    return [root, *(kind for below in root.__subclasses__() for kind in _kinds(below))]


def test_fault_of_the_judge_is_not_held_against_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(partners_module, "verify_bundle", broken)
    with pytest.raises(JudgingFailed):
        prove(good_bundle())


def test_fault_of_the_verifier_is_not_held_against_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    from telesphor.verify import check_bundle

    def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(check_bundle, "check_streams", broken)
    with pytest.raises(JudgingFailed):
        prove(good_bundle())


def test_strangers_bundle_is_not_read_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> Any:
        raise AssertionError("it was read")

    monkeypatch.setattr(partners_module, "verify_bundle", never)
    assert refusal(good_bundle(), partners=()).cause == "partner-unknown"
    assert (
        refusal(good_bundle(), partners=(partner(vkeys=log_signer("other").vkeys()),)).cause
        == "checkpoint-refused"
    )


# The settings.


def settings(**changes: Any) -> PartnerSettings:
    return PartnerSettings(**{"origin": CLINIC, "vkeys": log_signer().vkeys(), **changes})


def test_partner_is_at_level_three_under_the_shipped_policy_unless_more_is_said(tmp_path: Path) -> None:
    loaded = load_partners([settings()], tmp_path)
    assert loaded == {CLINIC: partner(at_least=3)}


def test_policy_of_a_partner_is_read_from_the_nodes_folder(tmp_path: Path) -> None:
    own = DEFAULT_LEVELS.replace("validators = 3", "validators = 1")
    (tmp_path / "levels.toml").write_text(own)
    loaded = load_partners([settings(levels="levels.toml", at_least="L2")], tmp_path)
    assert loaded == {CLINIC: partner(at_least=2, levels=parse_levels(own.encode()))}


def test_order_of_the_keys_does_not_matter() -> None:
    turned = partner(vkeys=tuple(reversed(log_signer().vkeys())))
    assert prove(good_bundle(), partners=(turned,)).level == "L1"


def test_partner_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="twice"):
        load_partners([settings(), settings(at_least="L1")], tmp_path)


@pytest.mark.parametrize(
    "vkeys",
    [
        log_signer(origin="other.example/log").vkeys(),
        (log_signer().vkeys()[0], log_signer().vkeys()[0]),
        (log_signer().vkeys()[1], log_signer().vkeys()[1]),
        ("clinic+00000000+AAAA", "clinic+00000000+AAAA"),
    ],
    ids=["of-another-origin", "ed25519-twice", "mldsa44-twice", "no-keys"],
)
def test_partner_with_keys_that_are_not_its_own_is_refused(vkeys: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=CLINIC):
        load_partners([settings(vkeys=vkeys)], tmp_path)


def test_partner_cannot_be_made_of_keys_that_are_not_its_own() -> None:
    with pytest.raises(VkeyRefused):
        partner(vkeys=log_signer(origin="other.example/log").vkeys())


@pytest.mark.parametrize(
    "text", [None, "", "format = 1", "x" * 300_000], ids=["none", "empty", "wrong", "large"]
)
def test_policy_that_is_none_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "levels.toml").write_text(text)
    with pytest.raises(SettingsRefused, match=CLINIC):
        load_partners([settings(levels="levels.toml")], tmp_path)
