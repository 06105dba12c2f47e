"""`token` and `group`: what is typed becomes commands that the node's own desk decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from telesphor.capabilities.access.model import ResourceKind
from telesphor.cli import token as commands
from telesphor.cli.asking import Place
from telesphor.client.requests import Command
from telesphor.runtime.capability import Receipt
from tests.unit.capabilities.access.tokens.practice import Practice

Run = Callable[..., Result]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    made = Practice(tmp_path)
    yield made
    made.close()


@pytest.fixture
def run(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line against the practice: key files are the names of its cast; only the network is not there."""

    class Clock:
        def now_ms(self) -> int:
            return practice.clock.now_ms()

    def send(_place: Place, wallet: Path, *asked: Command) -> Receipt:
        actor = getattr(practice, wallet.stem)
        kinds = [(practice.registry.command(name), body) for name, body in asked]
        return practice.run(actor, *((kind, kind.decode(msgspec.json.encode(body))) for kind, body in kinds))

    monkeypatch.setattr(commands, "_send", send)
    monkeypatch.setattr(commands, "SystemClock", Clock)

    def invoke(*words: str) -> Result:
        app = typer.Typer()
        commands.add_to(app)
        return CliRunner().invoke(app, words)

    return invoke


def test_grant_is_minted_with_its_dataset_accepted_shown_and_revoked(practice: Practice, run: Run) -> None:
    record = practice.object_of(practice.patient)
    minted = run(
        "token", "mint", "--to", practice.clinician.id, "--object", record, "--days", "7",
        "--rule", 'principal.kind == "person"', "--as", "patient.key", "--json",
    )  # fmt: skip
    assert minted.exit_code == 0, minted.output
    token = json.loads(minted.stdout)["token"]
    assert run("token", "accept", token, "--as", "clinician.key").exit_code == 0
    assert practice.may(practice.clinician, record)
    shown = json.loads(run("token", "show", token, "--as", "patient.key", "--json").stdout)
    assert (shown["line"]["standing"], shown["members"]) == ("lives", [f"object/{record}"])
    assert run("token", "revoke", token, "--as", "patient.key").exit_code == 0
    assert not practice.may(practice.clinician, record)
    listed = json.loads(run("token", "list", "granted", "--as", "patient.key", "--json").stdout)
    assert [line["standing"] for line in listed["tokens"]] == ["revoked"]
    told = json.loads(run("token", "history", token, "--as", "patient.key", "--json").stdout)
    assert len(told["events"]) == 3


def test_delegation_takes_over_what_is_not_said(practice: Practice, run: Run) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    parent = practice.give(
        practice.patient, practice.clinician, dataset, actions=["read", "export"], delegation_depth=1
    )
    made = run(
        "token",
        "delegate",
        parent,
        "--to",
        practice.specialist.id,
        "--action",
        "read",
        "--as",
        "clinician.key",
    )
    assert made.exit_code == 0, made.output
    token = made.stdout.split()[0]
    assert run("token", "accept", token, "--as", "specialist.key").exit_code == 0
    assert practice.may(practice.specialist, record)
    assert not practice.may(practice.specialist, record, action="export")


def test_token_is_passed_on_and_given_up(practice: Practice, run: Run) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.give(practice.patient, practice.clinician, dataset, transferable=True)
    to = ("--to", practice.specialist.id)
    assert run("token", "transfer", token, *to, "--as", "clinician.key").exit_code == 0
    assert run("token", "accept", token, "--as", "specialist.key").exit_code == 0
    assert run("token", "renounce", token, "--as", "specialist.key").exit_code == 0


def test_team_is_formed_filled_granted_to_and_disbanded(practice: Practice, run: Run) -> None:
    team = run("group", "form", "--as", "hospital.key").stdout.strip()
    member = practice.clinician.id
    assert run("group", "add", team, member, "--as", "hospital.key").exit_code == 0
    visit = practice.visit_of(practice.hospital, subject=practice.patient.id)
    made = run("token", "mint", "--to-group", team, "--visit", visit, "--as", "patient.key")
    assert made.exit_code == 0, made.output
    shown = json.loads(run("group", "show", team, "--as", "clinician.key", "--json").stdout)
    assert shown["members"] == [member]
    assert run("group", "remove", team, member, "--as", "clinician.key").exit_code == 0
    assert run("group", "disband", team, "--as", "hospital.key").exit_code == 0


def test_role_and_device_are_granted(practice: Practice, run: Run) -> None:
    role = ("--kind", "role", "--role", "nurse")
    assert run("group", "form", *role, "--as", "hospital.key").exit_code == 0
    to = ("--to", practice.clinician.id, "--as", "hospital.key")
    assert run("token", "mint", "--role", "privacy-officer", *to).exit_code == 0
    device = practice._put(ResourceKind.DEVICE, owner=practice.hospital.id)
    assert run("token", "mint", "--device", device, "--action", "connect", *to).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--to", "ACTOR"),
        ("--object", "ID"),
        ("--to", "ACTOR", "--to-group", "ID", "--object", "ID"),
        ("--to", "ACTOR", "--object", "ID", "--dataset", "ID"),
        ("--to", "ACTOR", "--object", "ID", "--role", "nurse"),
    ],
)
def test_grant_that_is_not_said_clearly_is_refused(
    practice: Practice, run: Run, words: tuple[str, ...]
) -> None:
    said = [{"ACTOR": practice.clinician.id, "ID": practice.ids.next()}.get(word, word) for word in words]
    done = run("token", "mint", *said, "--as", "patient.key")
    assert done.exit_code == 1
    assert "terms-unclear" in done.output


def test_refusal_of_the_node_is_one_line(practice: Practice, run: Run) -> None:
    done = run("token", "accept", practice.ids.next(), "--as", "clinician.key")
    assert done.exit_code == 1
    assert "token-missing" in done.output
