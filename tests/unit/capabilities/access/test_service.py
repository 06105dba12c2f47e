"""What `authorise` allows, denies and records, through the real writer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from telesphor.capabilities.access.model import (
    RULE_TEXTS_MAX,
    AccessDenied,
    AccessEnded,
    Action,
    Ask,
    AskRefused,
    BrokenGlass,
    DecisionRefused,
    PolicyRefused,
    PresentedFactor,
    Resource,
    ResourceKind,
    TokenPolicy,
)
from telesphor.capabilities.access.service import check_again
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.kernel.digest import digest_of
from telesphor.runtime.capability import Actor, State
from telesphor.vault.model import Purpose
from tests.unit.capabilities.access.ward import Ward

SOME = "0199f0f0-0000-7000-8000-000000000000"
TWO_GRANTS = """
@id("token:{token}") permit (principal == {holder}, action == {read}, resource in {dataset});
@id("token:{token}b") permit (principal == {holder}, action == {read}, resource in {dataset});
"""
NIGHT_RULE = """
@id("no-reading-at-night")
forbid (principal, action == Telesphor::Action::"read", resource)
when { context.at.toTime() < duration("6h") };
"""


def test_owner_subject_and_readers_read_and_others_do_not(ward: Ward) -> None:
    owner, subject, reader, other = (ward.enrol("person") for _ in range(4))
    thing = ward.object_of(owner, subject=subject.id, readers=(reader.id,))
    for actor, reason in ((owner, "base:owner"), (subject, "base:subject"), (reader, "base:reader")):
        assert ward.ask(actor, "read", thing).results[0].reasons == (reason,)
    with pytest.raises(AccessDenied) as denied:
        ward.ask(other, "read", thing)
    assert denied.value.code == "access-denied"


@pytest.mark.parametrize(
    ("kind", "action"),
    [(kind, action) for kind in ("organisation", "node") for action in ("change", "erase")],
)
def test_custodian_rewraps_and_erases_and_does_not_read(ward: Ward, kind: str, action: str) -> None:
    owner, custodian = ward.enrol("person"), ward.enrol(kind)
    thing = ward.object_of(owner)
    assert ward.ask(custodian, action, thing).results[0].reasons == ("base:custodian",)
    with pytest.raises(AccessDenied):
        ward.ask(custodian, "read", thing)


def test_reader_neither_changes_nor_shares_nor_erases(ward: Ward) -> None:
    owner, reader = ward.enrol("person"), ward.enrol("person")
    thing = ward.object_of(owner, readers=(reader.id,))
    for action in ("change", "share", "erase", "grant", "export", "print"):
        with pytest.raises(AccessDenied):
            ward.ask(reader, action, thing)


@pytest.mark.parametrize("kind", ["person", "system", "device", "organisation", "node"])
def test_every_kind_of_actor_can_be_decided_about(ward: Ward, kind: str) -> None:
    actor = ward.enrol(kind)
    assert ward.ask(actor, "create", ward.object_of(actor)).results[0].reasons == ("base:owner",)


def test_decision_stands_on_the_ledger_before_what_it_allows(ward: Ward) -> None:
    owner = ward.enrol("person")
    thing = ward.object_of(owner)
    ward.ask(owner, "read", thing, purpose=Purpose.TREATMENT)
    decided, done = ward.entries()[-2:]
    assert (decided.type, done.type) == ("access.decided/1", "ward.done/1")
    assert decided.stream == f"access/{owner.id}"
    assert (decided.body.outcome, decided.body.resource) == ("allow", f"object/{thing.id}")
    assert decided.body.purpose is Purpose.TREATMENT
    assert digest_of(ward.documents()[decided.body.receipt]) == decided.body.receipt


def test_denial_is_recorded_instead_of_what_was_asked(ward: Ward) -> None:
    owner, other = ward.enrol("person"), ward.enrol("person")
    before = len(ward.entries())
    with pytest.raises(AccessDenied):
        ward.ask(other, "read", ward.object_of(owner))
    (decided,) = ward.entries()[before:]
    assert (decided.type, decided.body.outcome, decided.body.reasons) == ("access.decided/1", "deny", ())
    assert decided.body.receipt in ward.documents()


def test_receipt_names_documents_that_are_all_kept(ward: Ward) -> None:
    owner = ward.enrol("person")
    ward.ask(owner, "read", ward.object_of(owner))
    documents = ward.documents()
    receipt = msgspec.json.decode(documents[ward.entries()[-2].body.receipt])
    for digest in (*receipt["policies"], receipt["schema"], receipt["entities"], receipt["request"]):
        assert digest in documents


OF_AGE = """
@id("of-age") forbid (principal, action == Telesphor::Action::"read", resource)
unless { context.factors.contains("identity.over_18=true") };
"""


def test_documents_hold_no_name_of_a_factor_without_a_salt(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    ward.set_policy(hospital, OF_AGE)
    ward.sources = Sources(factors_of=lambda _state, _actor: (factor("identity", "over_18", "true"),))
    thing = ward.object_of(owner)
    ward.ask(owner, "read", thing)
    ward.ask(owner, "read", thing)
    naming = [
        data for data in ward.documents().values() if b"identity.over_18" in data and b"@id" not in data
    ]
    assert len(naming) == 2, "the same question at the same moment gives two documents"
    assert all(b'"salt":"' in data for data in naming)


def test_documents_hold_no_factor_that_no_policy_asks_for(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    ward.set_policy(hospital, OF_AGE)
    shown = (factor("identity", "over_18", "true"), factor("identity", "postcode", "98101"))
    ward.sources = Sources(factors_of=lambda _state, _actor: shown)
    ward.ask(owner, "read", ward.object_of(owner))
    assert not [data for data in ward.documents().values() if b"98101" in data]


def test_forbid_of_the_organisation_wins_over_every_permit(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    thing = ward.object_of(owner)
    ward.set_policy(hospital, NIGHT_RULE)
    ward.clock.advance_ms(86_400_000 - ward.clock.now_ms() % 86_400_000 + 3 * 3_600_000)
    with pytest.raises(AccessDenied) as denied:
        ward.ask(owner, "read", thing)
    assert "no-reading-at-night" in denied.value.hint
    assert ward.entries()[-1].body.reasons == ("no-reading-at-night",)
    ward.clock.advance_ms(4 * 3_600_000)
    assert ward.ask(owner, "read", thing).results[0].reasons == ("base:owner",)


def test_policy_takes_effect_with_the_next_command_and_ends_with_the_next(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    thing = ward.object_of(owner)
    ward.ask(owner, "read", thing)
    ward.set_policy(hospital, '@id("closed") forbid (principal, action, resource);')
    with pytest.raises(AccessDenied):
        ward.ask(owner, "read", thing)
    ward.set_policy(hospital, None)
    ward.ask(owner, "read", thing)


def test_organisation_cannot_lock_itself_out(ward: Ward) -> None:
    hospital = ward.enrol("organisation")
    ward.set_policy(hospital, '@id("closed") forbid (principal, action, resource);')
    ward.set_policy(hospital, None)
    assert ward.entries()[-2].body.policies is None


@pytest.mark.parametrize("kind", ["person", "system", "device"])
def test_policies_are_not_set_by_others(ward: Ward, kind: str) -> None:
    with pytest.raises(NotPermitted):
        ward.set_policy(ward.enrol(kind), '@id("mine") permit (principal, action, resource);')


def test_own_base_replaces_the_shipped_one(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    text = (
        '@id("base:nobody-but-organisations") permit (principal, action, resource)'
        ' when { principal.kind == "organisation" };'
    )
    ward.set_policy(hospital, text, slot="base")
    with pytest.raises(AccessDenied):
        ward.ask(owner, "read", ward.object_of(owner))
    ward.ask(hospital, "read", ward.object_of(owner))


def test_two_organisations_cannot_have_a_policy_of_the_same_id(ward: Ward) -> None:
    first, second = ward.enrol("organisation"), ward.enrol("organisation")
    text = '@id("shared") forbid (principal, action == Telesphor::Action::"print", resource);'
    ward.set_policy(first, text)
    with pytest.raises(Exception, match="another organisation has a policy `shared`"):
        ward.set_policy(second, text)
    ward.set_policy(first, text)


def test_rules_of_more_organisations_than_a_decision_weighs_are_refused(ward: Ward) -> None:
    hospitals = [ward.enrol("organisation") for _ in range(RULE_TEXTS_MAX + 1)]
    for number, hospital in enumerate(hospitals[:-1]):
        ward.set_policy(
            hospital, f'@id("p{number}") forbid (principal == Telesphor::Actor::"x", action, resource);'
        )
    with pytest.raises(PolicyRefused):
        ward.set_policy(hospitals[-1], '@id("one-more") forbid (principal, action, resource);')
    ward.set_policy(hospitals[-1], None)


def test_rules_of_every_organisation_hold(ward: Ward) -> None:
    owner, first, second = ward.enrol("person"), ward.enrol("organisation"), ward.enrol("organisation")
    ward.set_policy(
        first, '@id("no-print") forbid (principal, action == Telesphor::Action::"print", resource);'
    )
    ward.set_policy(
        second, '@id("no-export") forbid (principal, action == Telesphor::Action::"export", resource);'
    )
    for action in ("print", "export"):
        with pytest.raises(AccessDenied):
            ward.ask(owner, action, ward.object_of(owner))


def test_token_permits_its_holder_until_it_ends(ward: Ward) -> None:
    owner, holder = ward.enrol("person"), ward.enrol("person")
    dataset, token = ward.ids.next(), ward.ids.next()
    ward.sources = Sources(policies_for=lambda *_: (grant(token, holder, dataset, expires_ms=7),))
    allowed = ward.ask(holder, "read", ward.object_of(owner, datasets=(dataset,))).results[0]
    assert allowed.reasons == (f"token:{token}",)
    assert allowed.expires_ms == 7
    with pytest.raises(AccessDenied):
        ward.ask(holder, "read", ward.object_of(owner, datasets=(ward.ids.next(),)))


def test_what_something_else_permits_too_does_not_end_with_the_token(ward: Ward) -> None:
    owner, holder = ward.enrol("person"), ward.enrol("person")
    dataset, token = ward.ids.next(), ward.ids.next()
    ward.sources = Sources(policies_for=lambda *_: (grant(token, holder, dataset, expires_ms=7),))
    thing = ward.object_of(owner, datasets=(dataset,), readers=(holder.id,))
    allowed = ward.ask(holder, "read", thing).results[0]
    assert allowed.reasons == ("base:reader", f"token:{token}")
    assert allowed.expires_ms is None


def test_token_whose_rule_fails_takes_nothing_from_its_holder(ward: Ward) -> None:
    owner, holder = ward.enrol("person"), ward.enrol("person")
    dataset, token = ward.ids.next(), ward.ids.next()
    rule = "context.now + 9223372036854775807 > 0"
    ward.sources = Sources(policies_for=lambda *_: (grant(token, holder, dataset, rule=rule),))
    thing = ward.object_of(owner, datasets=(dataset,), readers=(holder.id,))
    assert ward.ask(holder, "read", thing).results[0].reasons == ("base:reader",)
    with pytest.raises(AccessDenied):
        ward.ask(holder, "read", ward.object_of(owner, datasets=(dataset,)))


def test_policy_of_the_organisation_that_fails_denies(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    text = (
        '@id("broken") forbid (principal, action, resource) when { context.now + 9223372036854775807 < 0 };'
    )
    ward.set_policy(hospital, text)
    with pytest.raises(AccessDenied) as denied:
        ward.ask(owner, "read", ward.object_of(owner))
    assert "could not be evaluated" in denied.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '@id("token:{token}") forbid (principal == {holder}, action == {read}, resource in {dataset});',
        '@id("token:{token}") permit (principal, action == {read}, resource in {dataset});',
        '@id("token:{token}") permit (principal == {holder}, action, resource in {dataset});',
        '@id("token:{token}") permit (principal == {holder}, action == {read}, resource);',
        '@id("token:another") permit (principal == {holder}, action == {read}, resource in {dataset});',
        '@id("base:owner") permit (principal == {holder}, action == {read}, resource in {dataset});',
        TWO_GRANTS,
        "no Cedar at all",
    ],
    ids=["forbids", "anybody", "anything-done", "anything", "other-id", "base-id", "two", "no-cedar"],
)
def test_token_that_is_no_grant_permits_nothing(ward: Ward, text: str) -> None:
    owner, holder = ward.enrol("person"), ward.enrol("person")
    dataset, token = ward.ids.next(), ward.ids.next()
    filled = text.format(
        token=token,
        holder=f'Telesphor::Actor::"{holder.id}"',
        read='Telesphor::Action::"read"',
        dataset=f'Telesphor::Dataset::"{dataset}"',
    )
    ward.sources = Sources(policies_for=lambda *_: (TokenPolicy(token, filled),))
    with pytest.raises(AccessDenied):
        ward.ask(holder, "read", ward.object_of(owner, datasets=(dataset,)))


def test_self_declared_factors_do_not_pass_for_vouched_ones(ward: Ward) -> None:
    owner, hospital, clinician = ward.enrol("person"), ward.enrol("organisation"), ward.enrol("person")
    ward.set_policy(
        hospital,
        '@id("licensed-read") permit (principal, action == Telesphor::Action::"read", resource)'
        ' when { context.factors.contains("licence.licensed_in=WA") };',
    )
    shown = factor("licence", "licensed_in", "WA")
    ward.sources = Sources(factors_of=lambda _state, actor: (shown,) if actor == clinician.id else ())
    assert ward.ask(clinician, "read", ward.object_of(owner)).results[0].reasons == ("licensed-read",)
    claimed = factor("licence", "licensed_in", "WA", vouched="self")
    ward.sources = Sources(factors_of=lambda _state, _actor: (claimed,))
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "read", ward.object_of(owner))


def test_group_of_the_owner_counts_for_a_forbid(ward: Ward) -> None:
    owner, reader, hospital = ward.enrol("person"), ward.enrol("person"), ward.enrol("organisation")
    team = ward.ids.next()
    ward.set_policy(
        hospital,
        f'@id("staff-records") forbid (principal, action, resource) when {{ resource has owner &&'
        f' resource.owner in Telesphor::Group::"{team}" }};',
    )
    thing = ward.object_of(owner, readers=(reader.id,))
    ward.ask(reader, "read", thing)
    ward.sources = Sources(groups_of=lambda _state, actor: (team,) if actor == owner.id else ())
    with pytest.raises(AccessDenied):
        ward.ask(reader, "read", thing)


def test_broken_glass_ends(ward: Ward) -> None:
    clinician, owner = ward.enrol("person"), ward.enrol("person")
    thing = ward.object_of(owner)
    glass = BrokenGlass(ward.ids.next(), "unconscious-patient", ward.clock.now_ms() + 1000, passkey=False)
    ward.ask(clinician, "break-glass", thing, glass=glass, purpose=Purpose.EMERGENCY)
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "break-glass", thing, glass=glass, purpose=Purpose.TREATMENT)
    ward.clock.advance_ms(1000)
    with pytest.raises(AccessDenied):
        ward.ask(clinician, "break-glass", thing, glass=glass, purpose=Purpose.EMERGENCY)


@pytest.mark.parametrize("action", [action.value for action in Action if action is not Action.BREAK_GLASS])
def test_emergency_that_an_ask_brings_itself_permits_nothing(ward: Ward, action: str) -> None:
    clinician, owner = ward.enrol("person"), ward.enrol("person")
    glass = BrokenGlass(ward.ids.next(), "unconscious-patient", ward.clock.now_ms() + 1000, passkey=True)
    for standing in (False, True):
        with pytest.raises(AccessDenied):
            ward.ask(
                clinician,
                action,
                ward.object_of(owner),
                glass=glass,
                purpose=Purpose.EMERGENCY,
                standing=standing,
            )
        assert ward.entries()[-1].body.break_glass is None


def test_context_of_another_shape_denies(ward: Ward) -> None:
    owner = ward.enrol("person")
    with pytest.raises(AccessDenied) as denied:
        ward.ask(owner, "read", ward.object_of(owner), extra={"location": 7})
    assert "could not be evaluated" in denied.value.hint


@pytest.mark.parametrize("name", ["now", "factors", "assurance", "device", "anything"])
def test_ask_cannot_say_what_only_the_node_says(ward: Ward, name: str) -> None:
    owner = ward.enrol("person")
    with pytest.raises(AskRefused):
        ward.ask(owner, "read", ward.object_of(owner), extra={name: "passkey"})


@pytest.mark.parametrize(
    "id", ["Ünal", "a\u200bb", "", "two words", "x" * 129, 'quote"', "line\n", "sha256:" + "0" * 64]
)
@pytest.mark.parametrize("place", ["id", "owner", "subject", "visit", "readers", "datasets"])
def test_entity_with_an_id_that_is_not_a_plain_word_is_refused(place: str, id: str) -> None:
    said: dict[str, Any] = {"kind": ResourceKind.OBJECT, "id": SOME}
    said[place] = (id,) if place in ("readers", "datasets") else id
    with pytest.raises(AskRefused):
        Resource(**said)


@pytest.mark.parametrize("place", ["readers", "datasets"])
def test_resource_with_too_many_readers_or_datasets_is_refused(place: str) -> None:
    said: dict[str, Any] = {"kind": ResourceKind.OBJECT, "id": SOME, place: tuple(map(str, range(257)))}
    with pytest.raises(AskRefused):
        Resource(**said)


@pytest.mark.parametrize("location", ["x" * 65, "Zürich"])
def test_location_that_is_no_short_ascii_word_is_refused(ward: Ward, location: str) -> None:
    owner = ward.enrol("person")
    with pytest.raises((AskRefused, DecisionRefused)):
        ward.ask(owner, "read", ward.object_of(owner), extra={"location": location})


def test_what_ended_is_noticed_without_an_entry(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    ask = Ask(action=Action.READ, resource=ward.object_of(owner), purpose=Purpose.TREATMENT)
    ward.within(lambda state: check_again(owner, ask, state))
    ward.set_policy(hospital, '@id("closed") forbid (principal, action, resource);')
    before = len(ward.entries())

    def look(state: State) -> None:
        with pytest.raises(AccessEnded):
            check_again(owner, ask, state)

    ward.within(look)
    assert len(ward.entries()) == before + 1, "but for the entry of looking"


def test_shared_documents_are_kept_once_and_refused_requests_keep_none(ward: Ward) -> None:
    owner, hospital = ward.enrol("person"), ward.enrol("organisation")
    text = '@id("print") forbid (principal, action == Telesphor::Action::"print", resource);'
    ward.set_policy(hospital, text)
    thing = ward.object_of(owner)
    ward.ask(owner, "read", thing)
    before = ward.documents()
    ward.ask(owner, "read", thing)
    assert len(ward.documents()) == len(before) + 2, "a receipt and a request; the rest is there already"


def test_factor_that_is_not_ascii_is_left_out(ward: Ward) -> None:
    owner = ward.enrol("person")
    ward.sources = Sources(factors_of=lambda _state, _actor: (factor("identity", "given_name", "Zoë"),))
    assert ward.ask(owner, "read", ward.object_of(owner)).results[0].reasons == ("base:owner",)
    assert all(data.isascii() for data in ward.documents().values())


def factor(group: str, name: str, value: str, *, vouched: str = "issuer") -> PresentedFactor:
    at = "2026-11-22T11:51:15.123Z"
    return PresentedFactor(group=group, name=name, value=value, issuer="x", verified_at=at, vouched=vouched)  # type: ignore[arg-type]


def grant(
    token: str, holder: Actor, dataset: str, *, rule: str = "true", expires_ms: int | None = None
) -> TokenPolicy:
    text = (
        f'@id("token:{token}") permit (principal == Telesphor::Actor::"{holder.id}",'
        f' action in [Telesphor::Action::"read"], resource in Telesphor::Dataset::"{dataset}")'
        f" when {{\n{rule}\n}};"
    )
    return TokenPolicy(token, text, expires_ms)
