"""What an actor is shown of tokens: its own business, and each look leaves an entry."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.tokens.refusals import TokenMissing
from tests.unit.capabilities.access.tokens.practice import Practice


def delegated(practice: Practice) -> tuple[str, str]:
    """A grant of the patient's to the clinician, and what the specialist got of it."""
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    parent = practice.give(practice.patient, practice.clinician, dataset, delegation_depth=1)
    window = {"not_before": practice.instant(0), "not_after": practice.instant(1_000)}
    return parent, practice.pass_on(practice.clinician, parent, practice.specialist, dataset, **window)


def test_grantor_sees_where_its_grant_went(practice: Practice) -> None:
    parent, child = delegated(practice)
    view = practice.ask(practice.patient, "token.show/1", token=parent).results[0]
    assert view.children == (child,)
    below = practice.ask(practice.patient, "token.show/1", token=child).results[0]
    assert (below.chain, below.line.holder) == ((parent,), practice.specialist.id)
    assert (practice.entries()[-1].type, practice.entries()[-1].stream) == (
        "token.shown/1",
        f"access/{practice.patient.id}",
    )


def test_token_does_not_exist_for_who_has_nothing_to_do_with_it(practice: Practice) -> None:
    parent, child = delegated(practice)
    for actor, token in (
        (practice.stranger, parent),
        (practice.specialist, parent),
        (practice.hospital, child),
    ):
        for command in ("show", "history"):
            with pytest.raises(TokenMissing):
                practice.ask(actor, f"token.{command}/1", token=token)


def test_member_and_keeper_see_their_groups_token(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.mint(practice.patient, team, dataset)
    for actor in (practice.hospital, practice.clinician):
        practice.ask(actor, "token.show/1", token=token)
    with pytest.raises(TokenMissing):
        practice.ask(practice.stranger, "token.show/1", token=token)


def test_history_names_every_owner_in_order(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.give(practice.patient, practice.clinician, dataset, transferable=True)
    practice.ask(practice.clinician, "token.transfer/1", token=token, to=practice.specialist.id)
    practice.ask(practice.specialist, "token.accept/1", token=token)
    practice.ask(practice.patient, "token.revoke/1", token=token)
    events = practice.ask(practice.patient, "token.history/1", token=token).results[0].events
    assert [(event.n, event.type, event.actor, event.other) for event in events] == [
        (0, "token.minted/1", practice.patient.id, practice.clinician.id),
        (1, "token.accepted/1", practice.clinician.id, practice.clinician.id),
        (2, "token.offered/1", practice.clinician.id, practice.specialist.id),
        (3, "token.transferred/1", practice.specialist.id, practice.specialist.id),
        (4, "token.revoked/1", practice.patient.id, None),
    ]
    stream = [entry for entry in practice.entries() if entry.stream == f"token/{token}"]
    assert [entry.type for entry in stream] == [event.type for event in events]
    rest = practice.ask(practice.patient, "token.history/1", token=token, after=3).results[0]
    assert (len(rest.events), rest.after) == (1, None)


def test_lists_hold_what_was_granted_is_held_and_is_offered(practice: Practice) -> None:
    parent, child = delegated(practice)
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    offered = practice.mint(practice.patient, practice.clinician, dataset)

    def listed(actor: object, which: str) -> list[str]:
        page = practice.ask(actor, "token.list/1", which=which).results[0]  # type: ignore[arg-type]
        return [line.token for line in page.tokens]

    assert listed(practice.patient, "granted") == [parent, offered]
    assert listed(practice.clinician, "held") == [parent]
    assert listed(practice.clinician, "granted") == [child]
    assert listed(practice.clinician, "offered") == [offered]
    assert listed(practice.stranger, "held") == listed(practice.stranger, "offered") == []
    assert practice.entries()[-1].body.count == 0


def test_pages_follow_each_other(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.access.tokens.views.PAGE_ROWS_MAX", 2)
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    tokens = [practice.mint(practice.patient, practice.clinician, dataset) for _ in range(3)]
    page = practice.ask(practice.patient, "token.list/1", which="granted").results[0]
    rest = practice.ask(practice.patient, "token.list/1", which="granted", after=page.after).results[0]
    assert [line.token for line in (*page.tokens, *rest.tokens)] == tokens
    assert rest.after == ""


def test_list_says_of_each_whether_it_lives(practice: Practice) -> None:
    parent, child = delegated(practice)
    practice.ask(practice.patient, "token.revoke/1", token=parent)
    [line] = practice.ask(practice.specialist, "token.list/1", which="held").results[0].tokens
    assert (line.token, line.standing) == (child, "parent-ended")
