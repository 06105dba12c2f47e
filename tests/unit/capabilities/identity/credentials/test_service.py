"""Who may vouch for what, and what becomes of a credential, through the real writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.issuers import (
    require_registered,
    require_trusted,
    resolve_issuer,
)
from telesphor.capabilities.identity.credentials.sd_jwt import read_head
from telesphor.capabilities.identity.credentials.status_list import (
    LIST_ENTRIES,
)
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from tests.support import credentials as made
from tests.unit.capabilities.identity.credentials.office import DAY_MS, HOSPITAL, Held, Office
from tests.unit.capabilities.identity.small_node import START_MS


def code_of(office: Office, wallet: Wallet, *commands: Command) -> str:
    """The code with which a signed request is refused; nothing may have been written."""
    before = len(office.entries())
    with pytest.raises(TelesphorError) as caught:
        office.ask(wallet, *commands)
    assert len(office.entries()) == before
    return caught.value.code


def holds(office: Office, held: Held, holder: Wallet | None = None) -> str:
    """`holds`, or the code of why it does not."""
    try:
        with office.open_db() as db:
            require_registered(
                db,
                held.issued.digest,
                holder=(holder or office.clinician).actor,
                now_ms=office.clock.now_ms(),
            )
    except TelesphorError as error:
        return error.code
    return "holds"


# Issuers.


def test_organisation_trusts_itself_and_opens_its_list(office: Office) -> None:
    trusted, opened = office.entries()[-2:]
    assert (trusted.type, trusted.stream) == ("issuer.trusted/1", f"issuer/{office.issuer}")
    assert (opened.type, opened.stream) == ("status-list.opened/1", f"status-list/{office.status_list}")
    assert trusted.body.did == HOSPITAL and opened.body.issuer == office.issuer


@pytest.mark.parametrize("who", ["clinician", "node"])
def test_only_an_organisation_trusts_or_distrusts(office: Office, who: str) -> None:
    wallet: Wallet = getattr(office, who)
    assert (
        code_of(office, wallet, office.trusting(issuer=office.ids.next(), did="did:web:a.example"))
        == "not-permitted"
    )
    distrust: Command = ("issuer.distrust/1", {"issuer": office.issuer, "reason": "other"})
    assert code_of(office, wallet, distrust) == "not-permitted"


def test_organisation_makes_no_other_one_an_issuer_here(office: Office) -> None:
    other = office.enrol("organisation")
    command = office.trusting(issuer=office.ids.next(), did="did:web:a.example")
    assert code_of(office, other, command) == "not-permitted"


def test_other_organisation_does_not_take_an_issuer_over(office: Office) -> None:
    other = office.enrol("organisation")
    assert code_of(office, other, office.trusting(actor=other.actor)) == "issuer-exists"
    assert code_of(office, other, office.trusting(actor=None)) == "issuer-exists"


def test_second_issuer_of_one_name_is_refused(office: Office) -> None:
    assert code_of(office, office.hospital, office.trusting(issuer=office.ids.next())) == "issuer-exists"


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": ["licence", "licence"]},
        {"status_uri": "https://hospital.example/lists/"},
        {"status_keys": made.ISSUER.public.jwks()},
        {"keys": [made.ISSUER.public.jwks()] * 2},
    ],
    ids=["group twice", "list elsewhere", "key of lists", "pair twice"],
)
def test_issuer_that_does_not_fit_together_is_refused(office: Office, changes: dict[str, Any]) -> None:
    assert code_of(office, office.hospital, office.trusting(**changes)) == "issuer-refused"


def test_keys_that_are_none_are_refused(office: Office) -> None:
    first, second = made.ISSUER.public.jwks()
    broken = [[first | {"x": "AAAA"}, second]]
    assert code_of(office, office.hospital, office.trusting(keys=broken)) == "issuer-refused"


@pytest.mark.parametrize(
    "changes",
    [
        {"did": "hospital.example"},
        {"groups": []},
        {"groups": ["passport"]},
        {"keys": []},
        {"keys": [made.ISSUER.public.jwks()] * 5},
        {"status_uri": "http://hospital.example/lists/"},
        {"status_uri": "https://hospital.example"},
        {"more": 1},
    ],
    ids=str,
)
def test_trust_out_of_its_bounds_is_refused(office: Office, changes: dict[str, Any]) -> None:
    assert code_of(office, office.hospital, office.trusting(**changes)) == "command-refused"


def test_trust_said_again_replaces_the_keys(office: Office) -> None:
    held = office.issue()
    head = read_head(held.issued.serialized)
    with office.open_db() as db:
        assert resolve_issuer(db, head, holder=office.clinician.actor).own
    office.ask(office.hospital, office.trusting(keys=[made.ISSUER.public.jwks()]))
    with office.open_db() as db, pytest.raises(TelesphorError) as caught:
        resolve_issuer(db, head, holder=office.clinician.actor)
    assert caught.value.code == "issuer-keys-unknown"


def test_distrusted_issuer_vouches_for_nothing_from_then_on(office: Office) -> None:
    held = office.issue()
    assert holds(office, held) == "holds"
    office.ask(office.hospital, ("issuer.distrust/1", {"issuer": office.issuer, "reason": "compromised"}))
    assert holds(office, held) == "issuer-distrusted"
    with office.open_db() as db, pytest.raises(TelesphorError) as caught:
        require_trusted(db, office.issuer, group="licence")
    assert caught.value.code == "issuer-distrusted"
    assert code_of(office, office.hospital, *[issuing(office)]) == "issuer-distrusted"
    again: Command = ("issuer.distrust/1", {"issuer": office.issuer, "reason": "other"})
    assert code_of(office, office.hospital, again) == "issuer-distrusted"
    # To take a credential back, its issuer need not be trusted.
    office.change("revoke", held)


# Issuing.


def issuing(office: Office, **changes: Any) -> Command:
    index = changes.pop("index", 9)
    return office.issuing(office.sign_credential(index=index), index=index, **changes)


def test_issued_credential_stands_on_the_ledger_by_its_digest_alone(office: Office) -> None:
    held = office.issue()
    entry = office.entries()[-1]
    assert (entry.type, entry.stream, entry.n) == ("credential.issued/1", f"credential/{held.credential}", 0)
    assert (entry.body.digest, entry.body.subject) == (held.issued.digest, office.clinician.actor)
    assert b"WA" not in entry.data and b"licensed_in" not in entry.data and b"over_18" not in entry.data
    assert holds(office, held) == "holds"


def test_request_that_is_kept_as_evidence_has_no_factor(office: Office) -> None:
    office.issue()
    reader = office.open_db()
    kept = b"".join(row[0] for row in reader.execute("SELECT data FROM requests"))
    assert b"licensed_in" not in kept and b"over_18" not in kept
    reader.close()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"group": "insurance"}, "issuer-group-refused"),
        ({"issuer": "01930000-0000-7000-8000-000000000001"}, "issuer-missing"),
        ({"subject": "01930000-0000-7000-8000-000000000001"}, "actor-missing"),
        ({"list": "01930000-0000-7000-8000-000000000001"}, "status-list-missing"),
        ({"index": LIST_ENTRIES}, "command-refused"),
        ({"index": -1}, "command-refused"),
        ({"expires": format_instant(START_MS)}, "credential-lifetime-refused"),
        ({"expires": format_instant(START_MS + 11 * 366 * DAY_MS)}, "credential-lifetime-refused"),
        ({"verified": format_instant(START_MS + DAY_MS)}, "credential-lifetime-refused"),
        ({"digest": "sha256:00"}, "command-refused"),
        ({"group": "passport"}, "command-refused"),
    ],
    ids=str,
)
def test_credential_out_of_bounds_is_not_noted(office: Office, changes: dict[str, Any], code: str) -> None:
    if "index" in changes:
        command = office.issuing(office.sign_credential(index=9), **changes)
    else:
        command = issuing(office, **changes)
    assert code_of(office, office.hospital, command) == code


def test_only_the_issuer_itself_issues(office: Office) -> None:
    for wallet in (office.enrol("organisation"), office.clinician, office.node):
        assert code_of(office, wallet, issuing(office)) == "not-permitted"


def test_node_and_retired_actor_get_no_credential(office: Office) -> None:
    assert code_of(office, office.hospital, issuing(office, subject=office.node.actor)) == "not-permitted"
    office.ask(office.clinician, ("actor.retire/1", {"id": office.clinician.actor}))
    assert code_of(office, office.hospital, issuing(office)) == "actor-retired"


def test_place_id_and_digest_belong_to_one_credential_for_good(office: Office) -> None:
    held = office.issue()
    assert code_of(office, office.hospital, issuing(office, index=held.place)) == "status-index-taken"
    assert (
        code_of(office, office.hospital, issuing(office, credential=held.credential)) == "credential-exists"
    )
    assert code_of(office, office.hospital, issuing(office, digest=held.issued.digest)) == "credential-exists"
    office.change("revoke", held)
    assert code_of(office, office.hospital, issuing(office, index=held.place)) == "status-index-taken"


def test_two_credentials_for_one_place_in_one_request_are_refused(office: Office) -> None:
    assert code_of(office, office.hospital, issuing(office), issuing(office)) == "status-index-taken"


def test_list_of_another_issuer_is_refused(office: Office) -> None:
    other, issuer, status_list = office.enrol("organisation"), office.ids.next(), office.ids.next()
    office.ask(
        other,
        office.trusting(
            issuer=issuer, did="did:web:b.example", actor=other.actor, keys=[other.signing_key.public.jwks()]
        ),
        office.opening(**{"status-list": status_list, "issuer": issuer}),
    )
    assert code_of(office, office.hospital, issuing(office, list=status_list)) == "status-list-missing"
    assert (
        code_of(office, office.hospital, office.opening(**{"status-list": status_list}))
        == "status-list-exists"
    )
    assert code_of(office, office.hospital, office.opening(issuer=issuer)) == "not-permitted"


def test_credential_of_another_holder_does_not_hold(office: Office) -> None:
    assert holds(office, office.issue(), office.patient) == "holder-mismatch"


def test_credential_that_was_never_noted_does_not_hold(office: Office) -> None:
    """Signed well by the hospital's keys, and unknown to the ledger: stolen keys make no credentials here."""
    issued = office.sign_credential(index=77)
    assert holds(office, Held(office.ids.next(), issued, office.status_list, 77)) == "credential-missing"


def test_credential_noted_for_another_group_does_not_hold(office: Office) -> None:
    held, now_ms = office.issue(), office.clock.now_ms()
    with office.open_db() as db, pytest.raises(TelesphorError) as caught:
        holder = office.clinician.actor
        require_registered(db, held.issued.digest, holder=holder, now_ms=now_ms, group="employment")
    assert caught.value.code == "credential-missing"


# What becomes of it.


def test_suspended_credential_holds_again_once_reinstated(office: Office) -> None:
    held = office.issue()
    office.change("suspend", held, reason="under-review")
    assert holds(office, held) == "credential-suspended"
    assert office.entries()[-1].type == "credential.suspended/1"
    assert office.entries()[-1].body.reason == "under-review"
    office.change("reinstate", held)
    assert holds(office, held) == "holds"


@pytest.mark.parametrize("before", [(), ("suspend",)])
def test_revoked_credential_never_holds_again(office: Office, before: tuple[str, ...]) -> None:
    held = office.issue()
    for step in before:
        office.change(step, held)
    office.change("revoke", held)
    assert holds(office, held) == "credential-revoked"
    for what in ("reinstate", "suspend", "revoke"):
        command: Command = (f"credential.{what}/1", {"credential": held.credential, "reason": "other"})
        assert code_of(office, office.hospital, command) == "credential-state-refused"


@pytest.mark.parametrize("what", ["suspend", "reinstate", "revoke"])
def test_only_its_issuer_changes_a_credential(office: Office, what: str) -> None:
    held = office.issue()
    command: Command = (f"credential.{what}/1", {"credential": held.credential, "reason": "other"})
    for wallet in (office.enrol("organisation"), office.clinician, office.node):
        assert code_of(office, wallet, command) == "not-permitted"
    missing: Command = (f"credential.{what}/1", {"credential": office.ids.next(), "reason": "other"})
    assert code_of(office, office.hospital, missing) == "credential-missing"
    free: Command = (f"credential.{what}/1", {"credential": held.credential, "reason": "she moved to Oregon"})
    assert code_of(office, office.hospital, free) == "command-refused"


def test_reinstating_what_is_not_suspended_is_refused(office: Office) -> None:
    command: Command = (
        "credential.reinstate/1",
        {"credential": office.issue().credential, "reason": "other"},
    )
    assert code_of(office, office.hospital, command) == "credential-state-refused"


def reverifying(held: Held, at_ms: int) -> Command:
    return "credential.reverify/1", {"credential": held.credential, "verified": format_instant(at_ms)}


def test_factors_verified_again_are_an_event(office: Office) -> None:
    held = office.issue()
    office.clock.advance_ms(DAY_MS)
    office.ask(office.hospital, reverifying(held, office.clock.now_ms()))
    entry = office.entries()[-1]
    assert (entry.type, entry.n) == ("credential.reverified/1", 1)
    with office.open_db() as db:
        row = store.find_credential(db, held.credential)
    assert row is not None and row.verified_ms == office.clock.now_ms()


def test_verification_in_the_past_or_future_is_refused(office: Office) -> None:
    held = office.issue()
    for at_ms in (START_MS, START_MS - DAY_MS, START_MS + DAY_MS):
        assert code_of(office, office.hospital, reverifying(held, at_ms)) == "credential-lifetime-refused"
    office.change("suspend", held)
    assert code_of(office, office.hospital, reverifying(held, START_MS + 1)) == "credential-state-refused"


# The end.


def test_credential_ends_by_its_date_and_then_by_an_event(office: Office) -> None:
    short, longer = office.issue(days=1), office.issue(days=2)
    assert office.expiry.record_due() == 0
    office.clock.advance_ms(DAY_MS)
    assert holds(office, short) == "credential-expired"
    before = len(office.entries())
    assert office.expiry.record_due() == 1 and office.expiry.record_due() == 0
    entry = office.entries()[-1]
    assert (entry.type, entry.stream) == ("credential.expired/1", f"credential/{short.credential}")
    assert (entry.actor, entry.evidence, len(office.entries())) == (office.node.actor, None, before + 1)
    assert holds(office, short) == "credential-expired" and holds(office, longer) == "holds"


def test_ended_credential_is_not_changed_any_more(office: Office) -> None:
    held = office.issue(days=1)
    office.clock.advance_ms(DAY_MS)
    for what in ("suspend", "revoke"):
        command: Command = (f"credential.{what}/1", {"credential": held.credential, "reason": "other"})
        assert code_of(office, office.hospital, command) == "credential-state-refused"
    assert (
        code_of(office, office.hospital, reverifying(held, office.clock.now_ms()))
        == "credential-state-refused"
    )


def test_nobody_says_the_nodes_words_in_its_place(office: Office) -> None:
    held = office.issue()
    words: list[tuple[str, dict[str, Any]]] = [
        ("credential.expire/1", {}),
        ("credential.collect/1", {"forms": ["hybrid"]}),
    ]
    for name, body in words:
        for wallet in (office.hospital, office.node):
            command: Command = (name, {"credential": held.credential} | body)
            assert code_of(office, wallet, command) == "unknown-command"


def test_tables_are_a_fold_of_the_entries(office: Office, tmp_path: Path) -> None:
    first, second, third = office.issue(), office.issue(), office.issue(days=1)
    office.change("suspend", first)
    office.change("revoke", second)
    office.clock.advance_ms(2 * DAY_MS)
    office.expiry.record_due()
    office.ask(office.hospital, ("issuer.distrust/1", {"issuer": office.issuer, "reason": "ended"}))
    assert third.place == 3
    assert check_state(office.path, tmp_path / "replica.sqlite", office.registry) > 0
