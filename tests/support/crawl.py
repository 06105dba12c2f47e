"""An anonymous client that goes wherever it can, and a search for what it must not have found.

`crawl` asks every operation that a node describes, without credentials, with real ids in the place of each
parameter, and follows every path that an answer names. `Secrets` is what a ledger knows and nobody else may;
`Secrets.found_in` looks for it in answers, also where base64 or bytes would hide it. Start at `crawl`.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

DESCRIPTION = "/schema/openapi.json"
ANSWERS_MAX = 5_000
CHARS_MIN = 16
"""Shorter texts of entries are words of the format; a salt, a digest, an id or a commitment is longer."""

_PATH = re.compile(r"""["'(\s<](/[A-Za-z0-9._~%/?&=:-]+)""")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(rb"[0-9a-f]{32,}")
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TYPE = re.compile(r"[a-z-]+\.[a-z-]+/\d+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class Answered(NamedTuple):
    """One answer: what was asked, its status, and head and body as they came."""

    method: str
    path: str
    status: int
    data: bytes


def crawl(url: str, values: Mapping[str, Sequence[object]], *, also: Iterable[str] = ()) -> list[Answered]:
    """Everything an anonymous client can reach.

    Args:
        values: for each parameter of a path or query, what to put there; one that lacks is a fault of the test.
        also: paths that no description and no answer names, such as tiles.
    """
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    waiting = [("GET", DESCRIPTION), ("GET", "/"), ("GET", "/schema"), *(("GET", path) for path in also)]
    described = json.loads(_ask(connection, "GET", DESCRIPTION)[1])
    waiting += _operations(described, values)
    answers: list[Answered] = []
    seen: set[tuple[str, str]] = set()
    while waiting:
        method, path = waiting.pop()
        if (method, path) in seen:
            continue
        seen.add((method, path))
        status, data = _ask(connection, method, path)
        answers.append(Answered(method, path, status, data))
        assert len(answers) < ANSWERS_MAX, "the crawl does not end"
        waiting += [("GET", found) for found in _links(data)]
    connection.close()
    return answers


def _ask(connection: HTTPConnection, method: str, path: str) -> tuple[int, bytes]:
    """The status, and the body; the head before it where an answer is kept."""
    connection.request(method, path, headers={"accept": "*/*"})
    response = connection.getresponse()
    body = response.read()
    if path == DESCRIPTION:
        return response.status, body
    head = "".join(f"{name}: {value}\n" for name, value in response.getheaders())
    return response.status, head.encode() + b"\n" + body


def _operations(described: Any, values: Mapping[str, Sequence[object]]) -> Iterator[tuple[str, str]]:
    """Every method of every path, with everything that may stand in it."""
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            needed = [
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter["in"] in ("path", "query")
            ]
            unknown = [name for name in needed if name not in values]
            assert not unknown, f"the crawl does not know what to put into {unknown} of {path}"
            for chosen in itertools.product(*(values[name] for name in needed)):
                yield method.upper(), _fill(path, dict(zip(needed, chosen, strict=True)))


def _fill(path: str, chosen: dict[str, object]) -> str:
    query = {name: value for name, value in chosen.items() if f"{{{name}" not in path}
    for name in chosen.keys() - query.keys():
        path = re.sub(rf"\{{{name}(:\w+)?\}}", quote(str(chosen[name]).lstrip("/")), path)
    return path + (
        "?" + "&".join(f"{name}={quote(str(value))}" for name, value in query.items()) if query else ""
    )


def _links(data: bytes) -> Iterator[str]:
    """Paths that stand in a text; those of a description with a parameter in them are filled elsewhere."""
    if len(data) < 1024 * 1024:
        yield from (path for path in _PATH.findall(data.decode("utf-8", "replace")) if "{" not in path)


class Secrets(NamedTuple):
    """What must not be found: texts as they are, names as whole words, and bytes as they might stand anywhere."""

    texts: frozenset[bytes]
    names: re.Pattern[bytes]
    raw: frozenset[bytes]

    def found_in(self, answers: Iterable[Answered]) -> list[str]:
        """The answers that hold a secret; never which."""
        every = [*answers]
        # Most answers are one of a few refusals, word for word.
        held = {data: self._held_by(data) for data in {answer.data for answer in every}}
        # What the client itself wrote into the path may be said back to it.
        return sorted(
            f"{method} {path}"
            for method, path, data in {(answer.method, answer.path, answer.data) for answer in every}
            if held[data] - set(_ID.findall(path.encode()))
        )

    def _held_by(self, answer: bytes) -> set[bytes]:
        data = _BETWEEN.join([answer, *_layers(answer)])
        found = {text for text in (*self.texts, *self.raw) if text in data}
        name = self.names.search(data)
        return found | {name.group()} if name is not None else found


_BETWEEN = b"\n\xff\n"
"""What stands in no text, so that nothing is found across a border."""


def _layers(data: bytes) -> Iterator[bytes]:
    """What base64 and hexadecimal in it stand for; and once more, for a document in a document."""
    for found in _decoded(data):
        yield found
        yield from _decoded(found)


def _decoded(data: bytes) -> Iterator[bytes]:
    for run in _BASE64.findall(data):
        plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        yield _b64(plain[: len(plain) - (len(plain) % 4 == 1)])
    for run in _HEX.findall(data):
        yield bytes.fromhex(run[: len(run) // 2 * 2].decode())


def _b64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def secrets_of(
    entries: Iterable[bytes], requests: Iterable[bytes], words: Iterable[str], *, public: str
) -> Secrets:
    """The secrets of a ledger.

    Args:
        entries: their exact bytes.
        requests: signed requests as they were sent.
        words: names, numbers and findings of the records.
        public: what is known of the ledger anyway: its origin and its keys.
    """
    texts: set[bytes] = set()
    for data in entries:
        entry = json.loads(data)
        texts |= {data, json.dumps(entry["body"], separators=(",", ":"), sort_keys=True).encode()}
        texts |= {text.encode() for text in _texts(entry) if _is_secret(text, public)}
        texts |= set(_ID.findall(data))
    for data in requests:
        parts = json.loads(data)
        texts |= {signature["signature"].encode() for signature in parts["signatures"]}
        texts |= {parts["payload"].encode(), *_ID.findall(_b64(_standard(parts["payload"])))}
    forms = {form for word in words for form in (word, json.dumps(word)[1:-1])}
    texts |= {form.encode() for form in forms if len(form) >= CHARS_MIN}
    names = b"|".join(re.escape(form.encode()) for form in sorted(forms) if len(form) < CHARS_MIN)
    texts.discard(b"{}")
    ids = {bytes.fromhex(text.replace(b"-", b"").decode()) for text in texts if _ID.fullmatch(text)}
    return Secrets(frozenset(texts), re.compile(rb"\b(?:" + names + rb")\b"), frozenset(ids))


def _standard(text: str) -> bytes:
    return text.encode().translate(bytes.maketrans(b"-_", b"+/"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _is_secret(text: str, public: str) -> bool:
    """Longer than words are, and not the ledger's own; no type; no instant, which a checkpoint may share."""
    if _INSTANT.fullmatch(text) or _TYPE.fullmatch(text):
        return False
    return len(text) >= CHARS_MIN and text not in public
