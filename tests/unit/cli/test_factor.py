"""`telesphor factor`: from an issuer to a verifier, with a person who sees exactly what would be shown."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from telesphor.app import create_node, open_for_proofs
from telesphor.cli import build_tree, factor
from telesphor.cli.factor import WantedRefused, read_status_lists, read_wanted
from telesphor.cli.issuing import FactorTextRefused, read_factors
from telesphor.client.credentials import ApprovalRefused, CredentialsRefused, offers_for
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.identity.presentations.cast import (
    LICENCE,
    NODE,
    NOW_MS,
    book_of,
    make_credential,
    make_request,
    want,
)


class Place:
    """A node's folder with the key files beside it, and the ids of who has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids = {
            name: self.make(name, kind) for name, kind in (("hospital", "organisation"), ("ana", "person"))
        }

    def make(self, name: str, kind: str) -> str:
        made = self.run("keygen", str(self.key(name)), "--kind", kind)
        assert made.exit_code == 0, made.output
        return made.stdout.strip()

    def key(self, name: str) -> Path:
        return self.folder.with_name(f"{name}.key")

    def run(self, *words: str, answers: str = "") -> Result:
        return CliRunner().invoke(build_tree(words[0]), [*words, "--node", str(self.folder)], input=answers)

    def factor(self, who: str, *words: str, answers: str = "") -> Result:
        return self.run("factor", *words, "--as", str(self.key(who)), answers=answers)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("factor") / "node"
    secret = folder.with_name("node.passphrase")
    secret.write_bytes(b"correct horse battery staple")
    settings = {"passphrase_file": str(secret)}
    create_node(folder, origin="clinic.example/ledger", passphrase=secret.read_bytes(), settings=settings)
    return Place(folder)


def test_credential_is_issued_received_shown_verified_and_revoked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = place.ids["ana"]
    assert place.factor("hospital", "trust").exit_code == 0
    assert place.factor("hospital", "trust").exit_code == 1  # It is an issuer already.
    out = place.folder.with_name("ana.handover")
    issuing = (
        "issue",
        "--to",
        ana,
        "--group",
        "licence",
        "--factor",
        "licensed_in=WA",
        "--factor",
        "number=17",
    )
    issued = place.factor("hospital", *issuing, "--out", str(out))
    assert issued.exit_code == 0, issued.output
    assert place.factor("ana", "receive", str(out)).exit_code == 0
    listed = json.loads(place.factor("ana", "list", "--json").stdout)
    assert [one["name"] for one in listed[0]["factors"]] == ["licensed_in", "number"]
    asking = ("request", "--want", "licence.licensed_in=WA,OR", "--purpose", "treatment", "--holder", ana)
    asked = place.factor("hospital", *asking).stdout.strip()
    seen = StringIO()
    monkeypatch.setattr(factor, "people", Console(file=seen, force_terminal=True))
    monkeypatch.setattr("telesphor.runtime.console.people", Console(file=seen, width=200))
    declined = place.factor("ana", "present", asked, answers="n\n")
    assert declined.exit_code == 1
    assert "approval-refused" in seen.getvalue()
    shown = place.factor("ana", "present", asked, answers="y\n")
    assert shown.exit_code == 0, shown.output
    assert "licence.licensed_in" in seen.getvalue()
    assert " WA " in seen.getvalue()
    assert "number" not in seen.getvalue()
    read = json.loads(place.factor("hospital", "verify", asked, "--json").stdout)
    assert [one["value"] for one in read["credentials"][0]["factors"]] == ["WA"]
    revoked = place.factor("hospital", "revoke", issued.stdout.strip(), "--reason", "ended")
    assert revoked.exit_code == 0, revoked.output
    with open_for_proofs(place.folder) as (reader, *_):
        types = [entry.type for entry in reader.entries(first=0, end=reader.size())]
    assert types[-7:] == [
        "presentation.requested/1",
        "access.standing/1",
        "presentation.opened/1",
        "presentation.opened/1",
        "presentation.presented/1",
        "presentation.read/1",
        "credential.revoked/1",
    ]


def test_nothing_is_shown_where_nobody_can_be_asked() -> None:
    request = make_request()
    offers = offers_for(request, book_of(make_credential("licence", LICENCE)), node=NODE, now_ms=NOW_MS)
    with pytest.raises(ApprovalRefused):
        factor._ask_for_approval(request, offers, singly=False)


@pytest.mark.parametrize(
    ("answers", "approved"),
    [
        ([True, True], ["licence.licensed_in", "licence.active"]),
        ([True, False], ["licence.licensed_in"]),
        ([False, False], []),
    ],
)
def test_each_factor_is_approved_by_itself_where_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], approved: list[str]
) -> None:
    monkeypatch.setattr(factor, "people", Console(file=StringIO(), force_terminal=True))
    given = iter(answers)
    monkeypatch.setattr(factor, "_agreed", lambda _question: next(given))
    request = make_request(want("licence.licensed_in"), want("licence.active"), want("licence.privileges"))
    offers = offers_for(request, book_of(make_credential("licence", LICENCE)), node=NODE, now_ms=NOW_MS)
    assert factor._ask_for_approval(request, offers, singly=True) == approved


def test_wanted_factors_are_read_from_their_words() -> None:
    read = read_wanted(["licence.licensed_in=WA,OR"], ["identity.over_18"], ["identity.over_18"])
    assert read == [
        want("licence.licensed_in", "WA", "OR"),
        want("identity.over_18", optional=True, vouched="any"),
    ]


@pytest.mark.parametrize(
    "text", ["", "licence", "licence.", "unheard.of", "licence.Name", "licence.x=Quill", "a.b=,"]
)
def test_words_that_ask_for_no_factor_are_refused(text: str) -> None:
    with pytest.raises(WantedRefused):
        read_wanted([text], [], [])


def test_own_word_of_what_is_not_asked_for_is_refused() -> None:
    with pytest.raises(WantedRefused):
        read_wanted(["licence.active"], [], ["licence.number"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=true", True),
        ("a=false", False),
        ("a=17", 17),
        ("a=-3", -3),
        ("a=017", "017"),
        ("a=WA", "WA"),
        ("a=x=y", "x=y"),
        ("a=12345678901234567", "12345678901234567"),
    ],
)
def test_factors_are_read_from_their_words(text: str, value: object) -> None:
    (read,) = read_factors([text], by="did:web:x", at_ms=NOW_MS)
    assert (read.name, read.value, type(read.value)) == ("a", value, type(value))


@pytest.mark.parametrize("text", ["", "a", "a=", "=b"])
def test_words_that_are_no_factor_are_refused(text: str) -> None:
    with pytest.raises(FactorTextRefused) as caught:
        read_factors([text], by="did:web:x", at_ms=NOW_MS)
    assert isinstance(caught.value, TelesphorError)


def test_file_that_is_no_status_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list"
    for data in (b"", b"{}", b'{"payload":"e30"}', b'{"payload":"!"}'):
        path.write_bytes(data)
        with pytest.raises(CredentialsRefused):
            read_status_lists([path])
