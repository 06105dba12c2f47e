"""The browser's kernel before Python's: what one signs or seals the other verifies or opens; a real node serves it.

The TypeScript of `web/src/kernel/` is bundled by esbuild and run by Node.js behind `web/tests/kernel/judge.ts`, one
line in and one line out. Where Node.js has ML-DSA and ML-KEM in WebCrypto its keys are those; else they are
`@noble/post-quantum`'s.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import shake_128
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pytest

from telesphor.app import node_wallet
from telesphor.client.wallet import Wallet
from telesphor.demo.bcoin import find_node_program
from telesphor.kernel import base64url, chunked
from telesphor.kernel.digest import digest_of
from telesphor.kernel.sealing import (
    RecipientKey,
    RecipientPublic,
    SealInfo,
    open_envelope,
    seal,
    seal_envelope,
    unseal,
)
from telesphor.kernel.signing import HybridSuite, SigningKey, VerifyKey, sign_jws, verify_jws
from tests.e2e.running import Running, running
from tests.support.chromium import PLAIN, find_chromium
from tests.torture.folders import ORIGIN

WEB = Path(__file__).parents[2] / "web"
ESBUILD = WEB / "node_modules" / "esbuild" / "bin" / "esbuild"
ANSWER_SECONDS_MAX = 60
PART = 4 * 1024 * 1024
VISIT = "0193a3c5-7b1a-7c3d-9e4f-0123456789ab"
BOUND = {"purpose": "message", "object": VISIT}


class Refused(Exception):
    """The kernel threw an error with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Judge:
    """The kernel, wherever it runs; `answer_to` carries a question there and its answer back."""

    def __init__(self, answer_to: Callable[[dict[str, object]], dict[str, Any]]) -> None:
        self._answer_to = answer_to

    def ask(self, action: str, **asked: object) -> Any:
        answer = self._answer_to({"do": action, **asked})
        if "code" in answer:
            raise Refused(answer["code"])
        return answer["value"]

    def refusal(self, action: str, **asked: object) -> str:
        with pytest.raises(Refused) as refused:
            self.ask(action, **asked)
        return refused.value.code


@pytest.fixture(scope="module")
def program() -> str:
    """Node.js, with what bundles the web app."""
    return find_program()


@pytest.fixture(scope="module")
def judge(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """The kernel in Node.js."""
    with judging(program, tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def find_program() -> str:
    """Node.js, where what bundles the web app is there too; else the test is skipped."""
    program = find_node_program()
    if program is None or not ESBUILD.is_file():
        pytest.skip("needs Node.js and the web app's packages: `make setup` installs them")
    return program


@contextmanager
def judging(program: str, folder: Path) -> Iterator[Judge]:
    """Run the kernel, and the factors above it, behind a line in and a line out."""
    script = folder / "judge.mjs"
    bundle(program, "judge.ts", script, "--platform=node", "--format=esm")
    process = subprocess.Popen(
        [program, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def answer_to(asked: dict[str, object]) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    try:
        yield Judge(answer_to)
    finally:
        process.terminate()
        process.wait(10)


def bundle(program: str, source: str, target: Path, *options: str) -> None:
    """One script of a program of the web app's tests."""
    words = [program, str(ESBUILD), str(WEB / "tests" / "kernel" / source), "--bundle", *options]
    words += ["--log-level=warning", f"--outfile={target}"]
    subprocess.run(words, check=True, timeout=ANSWER_SECONDS_MAX)


def make_wallet(actor: str = VISIT) -> Wallet:
    return Wallet(actor, "person", SigningKey.generate(HybridSuite.ACTOR), RecipientKey.generate())  # type: ignore[arg-type]


def hand_over(judge: Judge, wallet: Wallet, **choice: str) -> int:
    """Give a wallet of Python's to the kernel; returns its handle."""
    seeds = {
        "ed25519": base64url.encode(wallet.signing_key.ed25519_seed),
        "mldsa": base64url.encode(wallet.signing_key.mldsa_seed),
        "kem": base64url.encode(wallet.kem_key.seed),
    }
    return int(judge.ask("seeds", actor=wallet.actor, kind=wallet.kind, **seeds, **choice))


# Formats: one makes, the other takes.


@pytest.mark.parametrize("engine", [{}, {"engine": "noble"}], ids=["native", "noble"])
def test_request_of_the_browser_verifies_here(judge: Judge, engine: dict[str, str]) -> None:
    wallet = make_wallet()
    handle = hand_over(judge, wallet, **engine)
    commands = [
        {"type": "visit.open/1", "body": {"text": "naïve “quotes” \u2028 \U0001f600", "n": 2**53 - 1}}
    ]
    data = judge.ask("sign", handle=handle, node=ORIGIN, commands=commands).encode()
    payload = verify_jws(data, wallet.signing_key.public)
    assert payload["commands"] == commands
    assert payload["keys"] == list(wallet.signing_key.public.thumbprints())


def test_document_of_python_verifies_in_the_browser(judge: Judge) -> None:
    for suite in HybridSuite:
        key = SigningKey.generate(suite)
        payload = {"keys": list(key.public.thumbprints()), "text": "\x7f\u2028é"}
        jws, jwks = sign_jws(payload, key).decode(), key.public.jwks()
        assert judge.ask("verify", jws=jws, jwks=jwks) == payload
        other = SigningKey.generate(suite)
        assert judge.refusal("verify", jws=jws, jwks=other.public.jwks()) == "jws-header-refused"


@pytest.mark.parametrize("engine", [{}, {"engine": "noble"}], ids=["native", "noble"])
def test_sealed_secret_opens_on_the_other_side(judge: Judge, engine: dict[str, str]) -> None:
    wallet = make_wallet()
    handle = hand_over(judge, wallet, **engine)
    info = SealInfo(**BOUND, recipient=wallet.kem_key.thumbprint(), role="reader")
    asked = {**BOUND, "role": "reader"}
    sealed = judge.ask("seal", to=wallet.kem_text, secret=base64url.encode(b"from there"), **asked)
    assert unseal(base64url.decode(sealed), key=wallet.kem_key, info=info) == b"from there"
    ours = base64url.encode(seal(b"from here", recipient=wallet.kem_key.public, info=info))
    assert base64url.decode(judge.ask("unseal", handle=handle, sealed=ours, **asked)) == b"from here"
    assert judge.refusal("unseal", handle=handle, sealed=ours, **{**asked, "role": "node"}) == "seal-refused"


def test_envelope_opens_on_the_other_side(judge: Judge) -> None:
    wallets = [make_wallet(), make_wallet()]
    handles = [hand_over(judge, wallet) for wallet in wallets]
    roles = ["reader", "monitor"]
    message = shake_128(b"message").digest(40_000)
    to = [[wallet.kem_text, role] for wallet, role in zip(wallets, roles, strict=True)]
    theirs = judge.ask("envelope", recipients=to, message=base64url.encode(message), **BOUND).encode()
    recipients = [(wallet.kem_key.public, role) for wallet, role in zip(wallets, roles, strict=True)]
    ours = seal_envelope(message, recipients=recipients, **BOUND)
    for wallet, handle in zip(wallets, handles, strict=True):
        assert open_envelope(theirs, key=wallet.kem_key, **BOUND) == message
        opened = judge.ask("open", handle=handle, envelope=ours.decode(), **BOUND)
        assert base64url.decode(opened) == message


@pytest.mark.parametrize("size", [0, 16_383, 16_384, 64 * 16_384])
def test_chunked_ciphertext_opens_on_the_other_side(judge: Judge, size: int) -> None:
    key, plaintext = shake_128(b"key").digest(32), shake_128(b"plain").digest(size)
    secrets = {"key": base64url.encode(key), "context": "c"}
    theirs = base64url.decode(judge.ask("encrypt", plaintext=base64url.encode(plaintext), **secrets))
    opened = BytesIO()
    chunked.decrypt_stream(BytesIO(theirs), opened, key=key, context=b"c")
    assert opened.getvalue() == plaintext
    ours = BytesIO()
    chunked.encrypt_stream(BytesIO(plaintext), ours, key=key, context=b"c")
    back = judge.ask("decrypt", ciphertext=base64url.encode(ours.getvalue()), **secrets)
    assert base64url.decode(back) == plaintext


# A node: what the browser asks of it.


class Ask(Protocol):
    """One action of the kernel at the node."""

    def __call__(self, action: str, **asked: object) -> Any: ...


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("web") / "node") as node:
        yield node


@pytest.fixture
def handle(judge: Judge, node: Running) -> int:
    """A person with keys of the browser's own making, registered."""
    made = judge.ask("wallet", kind="person", node=ORIGIN)
    registrar = node_wallet(node.node.keys)
    assert node.post(node.sign(registrar, ("actor.register/1", made["body"]))).status == 200
    return int(made["handle"])


@pytest.fixture
def ask(judge: Judge, node: Running, handle: int) -> Ask:
    def ask(action: str, **asked: object) -> Any:
        return judge.ask(action, **{"handle": handle, "url": node.url, "node": ORIGIN, **asked})

    return ask


def code_of(ask: Ask, action: str, **asked: object) -> str:
    with pytest.raises(Refused) as refused:
        ask(action, **asked)
    return refused.value.code


CANCEL: Sequence[dict[str, Any]] = [{"type": "actor.cancel-recovery/1", "body": {}}]


def test_command_of_a_browser_is_taken(judge: Judge, node: Running, ask: Ask) -> None:
    handle = hand_over(judge, node.system)
    visit = node.ids.next()
    body = {"visit": visit, "patient": node.patient.actor, "clinician": node.clinician.actor, "devices": []}
    receipt = ask("send", handle=handle, commands=[{"type": "visit.open/1", "body": body}])
    assert f"visit/{visit}" in [line["stream"] for line in receipt["entries"]]


def test_refusal_keeps_the_code_of_the_node(ask: Ask) -> None:
    assert code_of(ask, "send", commands=[{"type": "no.such/1", "body": {}}]) == "unknown-command"
    assert code_of(ask, "send", node="other.example/log", commands=CANCEL) == "wrong-node"


@pytest.mark.parametrize("ahead_hours", [-25, -1, 1, 25])
def test_clock_that_is_hours_wrong_is_set_by_the_node(ask: Ask, ahead_hours: int) -> None:
    code = code_of(ask, "send", commands=CANCEL, ahead_ms=ahead_hours * 3_600_000)
    assert code == code_of(ask, "send", commands=CANCEL)
    assert code not in ("request-expired", "request-from-future")


def test_clock_that_is_days_wrong_is_not(ask: Ask) -> None:
    days_ms = 3 * 86_400_000
    assert code_of(ask, "send", commands=CANCEL, ahead_ms=days_ms) == "request-from-future"
    assert code_of(ask, "send", commands=CANCEL, ahead_ms=-days_ms) == "request-expired"


def test_rotated_keys_are_used_from_then_on(ask: Ask) -> None:
    object_id = ask("put", size=10, type="text/plain", readers=[])["object"]
    resume = [{"type": "object.read/1", "body": {"object": object_id, "purpose": "treatment", "visit": None}}]
    assert ask("rotate", commands=resume) > 0
    # The wrap is made anew for the fresh key.
    assert ask("read", object=object_id, spans=[[0, 3]])["size"] == 10


def test_line_that_breaks_is_said_so(ask: Ask) -> None:
    faults = [{"method": "POST", "nth": 1, "how": "unheard"}]
    assert code_of(ask, "send", commands=CANCEL, faults=faults) == "node-unreachable"


SPANS = [[0, 5], [16_380, 10], [PART - 3, 6], [PART, 1]]


@pytest.mark.parametrize(("how", "size"), [("put", 0), ("grow", 0), ("put", PART), ("grow", PART + 70_000)])
def test_object_is_written_and_read_by_browsers(ask: Ask, node: Running, how: str, size: int) -> None:
    written = ask(how, size=size, type="video/webm", readers=[node.clinician.actor])
    check_object(ask, node, written, size)


BREAKS = [
    pytest.param("put", [("PATCH", 1, "unsent")], id="first part of a file unsent"),
    pytest.param("grow", [("PATCH", 1, "unheard")], id="answer to the first part lost"),
    pytest.param(
        "put", [("PATCH", 2, "unsent"), ("HEAD", 1, "unsent"), ("PATCH", 3, "unsent")], id="long silence"
    ),
    pytest.param(
        "grow", [("PATCH", 2, "unheard"), ("HEAD", 1, "unheard")], id="answer to the last part lost"
    ),
    pytest.param("put", [("POST", 2, "unsent")], id="seal unsent"),
    pytest.param("grow", [("POST", 2, "unheard")], id="answer to the seal lost"),
]


@pytest.mark.parametrize(("how", "breaks"), BREAKS)
def test_upload_goes_on_after_a_break(
    ask: Ask, node: Running, how: str, breaks: list[tuple[str, int, str]]
) -> None:
    size = PART + 1_000
    faults = [{"method": method, "nth": nth, "how": kind} for method, nth, kind in breaks]
    written = ask(how, size=size, type="video/webm", readers=[node.clinician.actor], faults=faults)
    assert written["heard"] == (("POST", 2, "unheard") not in breaks)
    check_content(node, written, size)


def test_read_goes_on_after_a_break(ask: Ask, node: Running) -> None:
    size = PART + 1_000
    written = ask("put", size=size, type="video/webm", readers=[])
    faults = [{"method": "GET", "nth": nth, "how": "unheard"} for nth in (1, 3, 4)]
    read = ask("read", object=written["object"], spans=SPANS, faults=faults)
    assert read["whole"] == digest_of(content_of(size))


def test_ticket_of_a_stopped_upload_is_renewed(
    ask: Ask, node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = node.node.vault.tickets
    issued: list[str] = []
    real = taken.redeem

    def forget_first(ticket: str, kind: Any) -> Any:
        if ticket not in issued:
            issued.append(ticket)
        return real("x" * 43 if ticket == issued[0] else ticket, kind)

    monkeypatch.setattr(taken, "redeem", forget_first)
    written = ask("put", size=PART + 9, type="text/plain", readers=[node.clinician.actor])
    assert len(issued) == 2
    monkeypatch.undo()
    check_content(node, written, PART + 9)


def test_stranger_reads_nothing(ask: Ask, judge: Judge, node: Running) -> None:
    object_id = ask("put", size=10, type="text/plain", readers=[])["object"]
    stranger = hand_over(judge, node.patient)
    assert code_of(ask, "read", handle=stranger, object=object_id, spans=[]) == "access-denied"


def test_page_is_not_given_a_document_that_runs(ask: Ask) -> None:
    for media_type, shown in [("text/html", "application/octet-stream"), ("image/png", "image/png")]:
        object_id = ask("put", size=10, type=media_type, readers=[])["object"]
        read = ask("read", object=object_id, spans=[])
        assert (read["mediaType"], read["shown"]) == (media_type, shown)


# Chromium: keys that WebCrypto holds, in a page of the node's own.


@pytest.fixture(scope="module")
def page(program: str, node: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of the node's origin that has the kernel."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("needs Chromium")
    script = tmp_path_factory.mktemp("page") / "page.js"
    bundle(program, "page.ts", script, "--format=iife")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=PLAIN)
        page = browser.new_page()
        # Any page of the node will do; the driver's own scripts are not under its policy.
        page.add_init_script(path=script)
        page.goto(f"{node.url}/checkpoint")
        yield page
        browser.close()


@pytest.fixture(scope="module")
def browser(page: Any) -> Judge:
    """The kernel in Chromium."""
    return Judge(lambda asked: page.evaluate("(asked) => answerTo(asked)", asked))


def check_engines(browser: Judge) -> None:
    """Older browsers do without: then the program's own engines work, which the tests above judge."""
    engines = browser.ask("engines")
    if engines != {"mldsa": True, "mlkem": True} and not os.environ.get("CI"):
        pytest.skip(f"this Chromium has not both ML-DSA and ML-KEM of its own: {engines}")
    assert engines == {"mldsa": True, "mlkem": True}


def test_keys_of_the_browser_itself_sign_and_open(browser: Judge, node: Running, page: Any) -> None:
    check_engines(browser)
    made = browser.ask("wallet", kind="person", node=ORIGIN)
    body = made["body"]
    registrar = node_wallet(node.node.keys)
    assert node.post(node.sign(registrar, ("actor.register/1", body))).status == 200
    assert browser.ask("keep", handle=made["handle"], node=ORIGIN) == [[made["actor"], "webcrypto"]]
    page.reload()
    handle = browser.ask("load", actor=made["actor"])
    data = browser.ask("sign", handle=handle, node=ORIGIN, commands=CANCEL).encode()
    assert verify_jws(data, VerifyKey.from_jwks(body["keys"]))["actor"] == made["actor"]
    public = RecipientPublic(base64url.decode(body["kem"]))
    envelope = seal_envelope(b"from here", recipients=[(public, "reader")], **BOUND)
    opened = browser.ask("open", handle=handle, envelope=envelope.decode(), **BOUND)
    assert base64url.decode(opened) == b"from here"


def test_browser_seals_to_python(browser: Judge) -> None:
    wallet = make_wallet()
    recipients = [[wallet.kem_text, "reader"]]
    message = base64url.encode(b"from there")
    envelope = browser.ask("envelope", recipients=recipients, message=message, **BOUND).encode()
    assert open_envelope(envelope, key=wallet.kem_key, **BOUND) == b"from there"


def test_seeds_give_browser_and_python_the_same_keys(browser: Judge) -> None:
    wallet = make_wallet()
    handle = hand_over(browser, wallet)
    check_engines(browser)
    data = browser.ask("sign", handle=handle, node=ORIGIN, commands=CANCEL).encode()
    assert verify_jws(data, wallet.signing_key.public)["commands"] == CANCEL


def test_chromium_writes_and_reads_an_object(browser: Judge, node: Running) -> None:
    handle = hand_over(browser, node.clinician)

    def ask(action: str, **asked: object) -> Any:
        return browser.ask(action, **{"handle": handle, "url": "", "node": ORIGIN, **asked})

    size = 70_000
    check_object(ask, node, ask("grow", size=size, type="video/webm", readers=[]), size)


def content_of(size: int) -> bytes:
    return shake_128(f"content {size}".encode()).digest(size)


def check_object(ask: Ask, node: Running, written: dict[str, Any], size: int) -> None:
    """Browsers and Python read exactly what was written."""
    content = content_of(size)
    read = ask("read", object=written["object"], spans=SPANS)
    assert (read["size"], read["digest"], written["size"]) == (size, written["digest"], size)
    assert [base64url.decode(span) for span in read["spans"]] == [content[at : at + n] for at, n in SPANS]
    assert read["whole"] == digest_of(content)
    check_content(node, written, size)


def check_content(node: Running, written: dict[str, Any], size: int) -> None:
    """The node has exactly what was written."""
    bearer = f"Bearer {node.read_ticket(written['object'])}"
    answer = node.ask("GET", f"/v1/objects/{written['object']}/content", headers={"authorization": bearer})
    assert answer.body == content_of(size)
