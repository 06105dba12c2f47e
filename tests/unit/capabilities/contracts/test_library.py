"""The shipped contracts, from a trigger to what it brings about, on a node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from telesphor.capabilities.contracts.effects.connectors import FolderConnector, Secrets
from telesphor.kernel.clock import format_instant
from tests.unit.capabilities.contracts.workshop import DAY_MS, MINUTE_MS, Inbox, Workshop


def says(data: bytes, number: str) -> bool:
    """Whether a number stands there by itself: digests, ids and salts have any three digits sooner or later."""
    return re.search(rf"(?<![\w-]){number}(?![\w-])".encode(), data) is not None


def test_consent_that_has_ended_takes_its_token_along(shop: Workshop) -> None:
    notices = Inbox()
    shop.connectors["notices"] = notices
    shop.reopen()
    contract, patient = shop.ship("consent-expiry"), shop.world.enrol("person")
    token, other = shop.mint(patient, shop.clinician), shop.mint(patient, shop.clinician)
    shop.settle()
    given: dict[str, Any] = {
        "consent": shop.world.ids.next(),
        "recipient": shop.clinician.actor,
        "scope": "lab-results",
        "token": token,
        "expires": format_instant(shop.world.clock.now_ms() + 60 * MINUTE_MS),
    }
    assert shop.call(contract, who=patient, name="give", **given).outcome == "executed"
    shop.pass_ms(30 * MINUTE_MS)
    shop.settle()
    assert not shop.of_type("token.revoked/1")
    shop.pass_ms(60 * MINUTE_MS)
    shop.settle()
    (revoked,) = shop.of_type("token.revoked/1")
    assert (revoked.stream, revoked.actor, revoked.evidence) == (
        f"token/{token}",
        shop.world.node.actor,
        None,
    )
    entries = shop.world.entries()
    assert entries[revoked.position + 1].type == "effect.done/1"
    assert entries[revoked.position + 1].body.made == 1
    assert [message["reason"] for message in notices.messages] == ["expired"]
    assert f"token/{other}" not in {entry.stream for entry in shop.of_type("token.revoked/1")}


def test_nobody_has_another_patients_token_revoked(shop: Workshop) -> None:
    contract, patient = shop.ship("consent-expiry"), shop.world.enrol("person")
    token = shop.mint(patient, shop.clinician)
    shop.settle()
    given: dict[str, Any] = {
        "consent": shop.world.ids.next(),
        "recipient": patient.actor,
        "scope": "lab-results",
        "token": token,
        "expires": format_instant(shop.world.clock.now_ms() + 1),
    }
    answer = shop.call(contract, who=shop.world.enrol("person"), name="give", **given)
    assert (answer.outcome, answer.cause) == ("failed", "failed")
    shop.pass_ms(DAY_MS)
    shop.settle()
    assert not shop.of_type("token.revoked/1")


def test_reading_out_of_range_is_an_alert_that_somebody_acknowledges(shop: Workshop) -> None:
    alerts = Inbox()
    shop.connectors["alerts"] = alerts
    shop.reopen()
    contract, patient = shop.ship("reading-alert"), shop.world.ids.next()
    reading: dict[str, Any] = {
        "patient": patient,
        "kind": "heart-rate",
        "value": "140",
        "measured_at": format_instant(shop.world.clock.now_ms()),
    }
    assert shop.call(contract, who=shop.device, name="check", **reading).result == '{"level":"critical"}'
    shop.settle()
    (raised,) = shop.of_type("alert.raised/1")
    assert (raised.body.level, raised.body.code, raised.body.about) == (
        "critical",
        "reading-out-of-range",
        (patient,),
    )
    assert raised.body.contract == contract
    assert not says(b"".join(entry.data for entry in shop.world.entries()[raised.position - 1 :]), "140")
    assert [message["value"] for message in alerts.messages] == ["140"]
    alert = raised.stream.removeprefix("alert/")
    page = shop.world.ask(shop.hospital, ("alert.list/1", {"contract": contract})).results[0]
    assert [row.alert for row in page.alerts] == [alert]
    shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": alert}))
    page = shop.world.ask(shop.hospital, ("alert.list/1", {"contract": contract})).results[0]
    assert page.alerts == ()


def test_what_two_people_approved_is_sent_once(shop: Workshop) -> None:
    approvals = Inbox()
    shop.connectors["approvals"] = approvals
    shop.reopen()
    contract, request = shop.ship("two-person-approval"), shop.world.ids.next()
    asked: dict[str, Any] = {"request": request, "action": "export the record"}
    shop.call(contract, name="propose", **asked)
    shop.settle()
    assert approvals.messages == []
    assert shop.call(contract, name="approve", **asked).outcome == "failed"
    shop.call(contract, who=shop.world.enrol("person"), name="approve", **asked)
    shop.settle()
    assert [message["proposed_by"] for message in approvals.messages] == [shop.clinician.actor]


def test_nobody_approves_with_somebody_whom_they_invited(shop: Workshop) -> None:
    """Whoever sends a link can open it as well; the node tells the contract who invited whom."""
    contract, asked = shop.ship("two-person-approval"), {"action": "export the record"}
    second = shop.world.invite(shop.clinician)
    for proposer, approver in ((shop.clinician, second), (second, shop.clinician)):
        request = shop.world.ids.next()
        shop.call(contract, who=proposer, name="propose", request=request, **asked)
        answer = shop.call(contract, who=approver, name="approve", request=request, **asked)
        assert answer.outcome == "failed"
        assert "one of the two invited the other" in answer.message
        colleague = shop.world.enrol("person")
        assert (
            shop.call(contract, who=colleague, name="approve", request=request, **asked).outcome == "executed"
        )


def test_claim_leaves_by_a_folder_with_the_secret_that_no_entry_holds(shop: Workshop, tmp_path: Path) -> None:
    secret = tmp_path / "clearing-house"
    secret.write_text("account 4711\n")
    shop.connectors["claims"] = FolderConnector(tmp_path / "claims", Secrets({"clearing-house": secret}))
    shop.reopen()
    contract, visit = shop.ship("claim-assembly"), shop.world.ids.next()
    for price in ("72.50", "12.25"):
        line: dict[str, Any] = {
            "line": shop.world.ids.next(),
            "code": "99213",
            "units": 1,
            "price": price,
        }
        assert shop.call(contract, name="charge", visit=visit, **line).outcome == "executed"
    shop.call(contract, name="close", visit=visit, payer="acme", diagnoses=["I10"])
    shop.settle()
    (file,) = (tmp_path / "claims").iterdir()
    claim = msgspec.json.decode(file.read_bytes())
    assert (claim["total"], claim["account"]) == ("84.75", "account 4711")
    assert not says(b"".join(entry.data for entry in shop.world.entries()), "4711")
    run = shop.of_type("contract.executed/1")[-1]
    assert file.name == f"{run.id}.0.json"
    assert not says(shop.document(run.body.output) or b"", "4711")
