"""Alerts: open until acknowledged once, by whom the rules of access let; and listed on the record."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.model import AccessDenied
from telesphor.capabilities.contracts.alerts.model import AlertAcknowledged, AlertMissing
from telesphor.capabilities.contracts.model import ContractMissing
from telesphor.capabilities.identity.model import NotPermitted
from tests.unit.capabilities.contracts.workshop import Workshop, manifest_text

SOURCE = """
def handle(state, trigger):
    return {}, [command("alert.raise/1", {"level": "warning", "code": "seen"})]
"""
TEXT = manifest_text(
    "alerting", 'commands = ["alert.raise/1"]\n[[triggers]]\non = "call"\nname = "go"\ncallers = ["person"]\n'
)


def raised(shop: Workshop, *, count: int = 1) -> tuple[str, list[str]]:
    contract = shop.deploy(SOURCE, TEXT)
    for _ in range(count):
        shop.call(contract, name="go")
    shop.settle()
    return contract, [entry.stream.removeprefix("alert/") for entry in shop.of_type("alert.raised/1")]


def test_alert_is_acknowledged_once(shop: Workshop) -> None:
    _, (alert,) = raised(shop)
    shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": alert}))
    said = shop.of_type("alert.acknowledged/1")[0]
    assert (said.stream, said.actor) == (f"alert/{alert}", shop.hospital.actor)
    with pytest.raises(AlertAcknowledged):
        shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": alert}))


def test_whom_the_rules_do_not_let_neither_sees_nor_acknowledges(shop: Workshop) -> None:
    contract, (alert,) = raised(shop)
    for command, body in (
        ("alert.acknowledge/1", {"alert": alert}),
        ("alert.list/1", {"contract": contract}),
    ):
        with pytest.raises(AccessDenied):
            shop.world.ask(shop.clinician, (command, body))
        assert shop.last().type == "access.decided/1"
    with pytest.raises(NotPermitted):
        shop.world.ask(shop.device, ("alert.acknowledge/1", {"alert": alert}))


def test_organisation_that_did_not_deploy_the_contract_does_not_list_its_alerts(shop: Workshop) -> None:
    contract, _ = raised(shop)
    with pytest.raises(AccessDenied):
        shop.world.ask(shop.world.enrol("organisation"), ("alert.list/1", {"contract": contract}))


def test_alert_that_nobody_raised_is_missing(shop: Workshop) -> None:
    with pytest.raises(AlertMissing):
        shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": shop.world.ids.next()}))
    with pytest.raises(ContractMissing):
        shop.world.ask(shop.hospital, ("alert.list/1", {"contract": shop.world.ids.next()}))


def test_list_shows_pages_and_leaves_an_entry(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, alerts = raised(shop, count=3)
    monkeypatch.setattr("telesphor.capabilities.contracts.alerts.service.PAGE_ROWS_MAX", 2)
    first = shop.world.ask(shop.hospital, ("alert.list/1", {"contract": contract})).results[0]
    assert [row.alert for row in first.alerts] == alerts[:2]
    listed = shop.last()
    assert (listed.type, listed.stream, listed.body.count) == (
        "alert.listed/1",
        f"access/{shop.hospital.actor}",
        2,
    )
    body = {"contract": contract, "after": first.after}
    second = shop.world.ask(shop.hospital, ("alert.list/1", body)).results[0]
    assert ([row.alert for row in second.alerts], second.after) == (alerts[2:], "")
    shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": alerts[0]}))
    every = {"contract": contract, "which": "all"}
    assert shop.world.ask(shop.hospital, ("alert.list/1", every)).results[0].alerts[0].acknowledged_by
    left = shop.world.ask(shop.hospital, ("alert.list/1", {"contract": contract})).results[0]
    assert [row.alert for row in left.alerts] == alerts[1:]
