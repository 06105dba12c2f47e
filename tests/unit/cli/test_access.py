"""`telesphor access`: the log, emergency access and policies, as patients, doctors and officers type them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner, Result

from telesphor.capabilities.access.vocabulary import BASE_TEXT
from telesphor.cli.access import add_to
from telesphor.client.wallet import save_wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.keyfile import Argon2idParams
from tests.unit.capabilities.access.infirmary import Infirmary
from tests.unit.capabilities.identity.enrolment.edge import serving_aside
from tests.unit.capabilities.world import ORIGIN

SECRET = b"correct horse battery staple"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)


class Desk:
    """Key files in a folder, and a node that answers."""

    def __init__(self, folder: Path, infirmary: Infirmary, url: str) -> None:
        self.folder, self.node, self.url = folder, infirmary, url
        (folder / "passphrase").write_bytes(SECRET)
        text = f'origin = "{ORIGIN}"\npassphrase_file = "{folder / "passphrase"}"\n'
        (folder / "telesphor.toml").write_text(text)
        for name in ("hospital", "patient", "doctor", "officer", "writer"):
            save_wallet(getattr(infirmary, name), folder / f"{name}.key", passphrase=SECRET, params=CHEAP)

    def run(self, *words: str, by: str) -> Result:
        app = typer.Typer()
        add_to(app)
        key = str(self.folder / f"{by}.key")
        reached = ("--as", key, "--url", self.url, "--origin", ORIGIN, "--node", str(self.folder))
        return CliRunner().invoke(app, ["access", *words, *reached])

    def said(self, *words: str, by: str) -> Any:
        """The answer, for programs."""
        done = self.run(*words, "--json", by=by)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    infirmary = Infirmary(tmp_path, start_ms=SystemClock().now_ms())
    with serving_aside(cast("Any", SimpleNamespace(world=infirmary))) as url:
        yield Desk(tmp_path, infirmary, url)
    infirmary.close()


def test_emergency_from_the_broken_glass_to_its_review(desk: Desk) -> None:
    why = ("--reason", "unconscious-patient")
    opened = desk.run("break-glass", "open", "--object", desk.node.note, *why, by="doctor")
    assert opened.exit_code == 0, opened.output
    assert "2 people were told" in opened.output
    glass = opened.stdout.split()[0]
    assert desk.node.may_read(desk.node.doctor, desk.node.note)
    (line,) = desk.said("break-glass", "list", by="officer")["glasses"]
    assert (line["break_glass"], line["state"], line["reads"]) == (glass, "open", 1)
    assert desk.run("break-glass", "close", glass, by="doctor").exit_code == 0
    assert desk.run("break-glass", "list", by="patient").exit_code == 0
    assert desk.run("break-glass", "review", glass, "justified", by="officer").exit_code == 0
    assert desk.said("break-glass", "list", by="officer")["glasses"] == []
    assert len(desk.said("break-glass", "list", "--all", by="patient")["glasses"]) == 1


def test_refusal_is_one_line(desk: Desk) -> None:
    assert desk.run("break-glass", "forbid", by="patient").exit_code == 0
    why = ("--reason", "system-failure")
    refused = desk.run("break-glass", "open", "--record", desk.node.patient.actor, *why, by="doctor")
    assert refused.exit_code == 1
    assert "break-glass-forbidden" in refused.output
    assert desk.run("break-glass", "forbid", "--allow", by="patient").exit_code == 0


def test_log_and_notes(desk: Desk) -> None:
    words = ("note", "shared", "--object", desk.node.note, "--to", "insurer", "--purpose", "payment")
    assert desk.run(*words, by="writer").exit_code == 0
    page = desk.said("log", "--subject", desk.node.patient.actor, "--rows", "1", by="patient")
    (row,) = page["rows"]
    assert (row["action"], row["recipient"], page["organisation"]) == ("share", "insurer", ORIGIN)
    shown = desk.run("log", "--object", desk.node.note, by="patient")
    assert shown.exit_code == 0
    assert desk.run("log", "--subject", desk.node.patient.actor, by="doctor").exit_code == 1


def test_options_that_name_nothing_or_too_much_are_refused(desk: Desk) -> None:
    for words in (
        ("note", "printed"),
        ("note", "printed", "--object", "a", "--visit", "b"),
        ("break-glass", "open", "--reason", "disaster"),
        ("policy", "set"),
    ):
        refused = desk.run(*words, by="doctor")
        assert refused.exit_code == 1
        assert "options-unclear" in refused.output


def test_policies_are_set_shown_and_cleared(desk: Desk) -> None:
    text = '@id("closed") forbid (principal, action, resource) when { context.now < 0 };\n'
    (desk.folder / "rules.cedar").write_text(text)
    assert desk.run("policy", "set", str(desk.folder / "rules.cedar"), by="hospital").exit_code == 0
    shown = desk.run("policy", "show", by="hospital")
    assert shown.stdout == text
    assert desk.run("policy", "set", "--clear", by="hospital").exit_code == 0
    assert desk.said("policy", "show", "--slot", "base", by="hospital") == {"in_force": [], "text": BASE_TEXT}


def test_policies_that_are_no_text_are_refused(desk: Desk) -> None:
    for data in (b"\xff", b"/" * 70_000):
        (desk.folder / "rules.cedar").write_bytes(data)
        refused = desk.run("policy", "set", str(desk.folder / "rules.cedar"), by="hospital")
        assert "options-unclear" in refused.output
