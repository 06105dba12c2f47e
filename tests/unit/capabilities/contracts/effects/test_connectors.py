"""Connectors: a folder and an HTTPS address, what they send, what they never show, and settings that are refused."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.contracts.effects.connectors import (
    FolderConnector,
    SecretMissing,
    Secrets,
    SendFailed,
    SendRefused,
    WebhookConnector,
    fill_secrets,
)
from telesphor.capabilities.contracts.effects.settings import CONTRACTS_FILE, load_connectors
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.settings import SettingsRefused

KEY = "01900000-0000-7000-8000-000000000001.0"
NONE = Secrets({})


class Receiver:
    """A server on this machine that answers as it is told."""

    def __init__(self) -> None:
        self.status, self.headers, self.got = 200, {}, []  # type: ignore[var-annotated]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers), json.loads(body)))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hook(receiver: Receiver, secrets: Secrets = NONE, **further: Any) -> WebhookConnector:
    given: dict[str, Any] = {"headers": {}, "secret_headers": {}} | further
    return WebhookConnector(receiver.url, secrets, **given)


def test_webhook_posts_the_message_under_its_key(receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    headers = {"authorization": (Secrets({"token": secret}), "token")}
    hook(receiver, headers={"x-from": "clinic"}, secret_headers=headers).send(KEY, {"n": 1})
    ((sent, message),) = receiver.got
    assert message == {"n": 1}
    found = {name.lower(): value for name, value in sent.items()}
    assert (found["idempotency-key"], found["authorization"], found["x-from"]) == (KEY, "s3cret", "clinic")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_webhook_that_is_troubled_is_asked_again(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(SendFailed):
        hook(receiver).send(KEY, {})


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
def test_webhook_that_refuses_is_not_asked_again_and_not_followed(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"location": receiver.url}
    with pytest.raises(SendRefused):
        hook(receiver).send(KEY, {})
    assert len(receiver.got) == 1


def test_webhook_that_does_not_answer_is_asked_again() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        connector = WebhookConnector(url, NONE, headers={}, secret_headers={}, seconds=0.2)
        with pytest.raises(SendFailed) as caught:
            connector.send(KEY, {"secret": "of the message"})
    assert "of the message" not in str(caught.value) + caught.value.detail


def test_folder_holds_each_message_whole_and_once(tmp_path: Path) -> None:
    connector = FolderConnector(tmp_path / "out", NONE)
    connector.send(KEY, {"n": 1})
    (file,) = (tmp_path / "out").iterdir()
    made = file.stat().st_mtime_ns
    connector.send(KEY, {"n": 1})
    assert [file.name for file in (tmp_path / "out").iterdir()] == [f"{KEY}.json"]
    assert file.stat().st_mtime_ns == made
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b'{"n":1}', 0o600)


def test_folder_that_cannot_be_written_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SendFailed):
        FolderConnector(tmp_path / "out", NONE).send(KEY, {})


def test_secret_is_put_where_the_message_names_it_and_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text("1234\n")
    secrets = Secrets({"pin": file})
    message = {"a": [{"$secret": "pin"}], "b": {"c": {"$secret": "pin"}}}
    assert fill_secrets(message, secrets) == b'{"a":["1234"],"b":{"c":"1234"}}'
    file.write_text("5678")
    assert b"5678" in fill_secrets(message, secrets)


def test_connector_gets_no_secret_but_its_own(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text("1234")
    for secrets in (NONE, Secrets({"pin": tmp_path / "absent"})):
        with pytest.raises(SecretMissing) as caught:
            fill_secrets({"a": {"$secret": "pin"}}, secrets)
        assert "1234" not in str(caught.value)


GOOD = """
[secrets]
pin = "pin"

[connectors.out]
kind = "folder"
path = "out"

[connectors.hook]
kind = "webhook"
url = "https://hook.example/x"
secrets = ["pin"]
secret_headers = { authorization = "pin" }
"""


def load(folder: Path, text: str) -> Any:
    (folder / "pin").write_text("1234")
    (folder / CONTRACTS_FILE).write_text(text)
    return load_connectors(folder)


def test_settings_give_the_connectors(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert {name: type(one).__name__ for name, one in found.items()} == {
        "out": "FolderConnector",
        "hook": "WebhookConnector",
    }
    assert load_connectors(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"https://hook.example/x"', '"http://hook.example/x"'),
        ('"https://hook.example/x"', '"https://user:word@hook.example/x"'),
        ('"https://hook.example/x"', '"file:///etc/passwd"'),
        ('secrets = ["pin"]', 'secrets = ["pan"]'),
        ('authorization = "pin"', 'authorization = "pan"'),
        ('authorization = "pin"', 'Idempotency-Key = "pin"'),
        ('authorization = "pin"', '"bad header" = "pin"'),
        ('pin = "pin"', 'pin = "absent"'),
        ('kind = "folder"', 'kind = "pigeon"'),
        ("[connectors.out]", "[connectors.Out]"),
        ('path = "out"', 'path = "out"\nmore = 1'),
    ],
    ids=[
        "in-the-clear", "credential-in-the-address", "another-scheme", "unlisted-secret", "unlisted-header-secret",
        "header-of-the-nodes-own", "header-name", "secret-without-a-file", "unknown-kind", "name", "unknown-field",
    ],
)  # fmt: skip
def test_settings_are_refused(tmp_path: Path, before: str, after: str) -> None:
    assert before in GOOD
    with pytest.raises(SettingsRefused) as caught:
        load(tmp_path, GOOD.replace(before, after))
    assert isinstance(caught.value, TelesphorError)
    assert "1234" not in str(caught.value)
    assert "word" not in str(caught.value)
