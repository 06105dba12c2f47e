"""DID documents and key histories of a node's actors, as anyone fetches them: no wallet, no signature.

Start at `fetch_document`.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import msgspec

from telesphor.client.errors import AnswerRefused
from telesphor.client.http import Http
from telesphor.kernel.note import NOTE_BYTES_MAX

DOCUMENT_BYTES_MAX: Final = 64 * 1024
"""Three keys are under 8 KB."""

PAGES_MAX: Final = 200
"""Ten thousand versions of one actor's keys: more than one a day for a lifetime of the ledger."""


class KeyVersion(msgspec.Struct):
    """One version of an actor's keys; see `docs/spec/did.md`."""

    version: str
    since: str
    until: str
    ended_at: str
    keys: tuple[str, str]
    entry: str
    proof: str


class KeyHistory(msgspec.Struct):
    """All versions of an actor's keys, oldest first, and whether it acts: active, suspended or retired."""

    id: str
    state: str
    versions: list[KeyVersion]
    next: str = ""


async def fetch_document(http: Http, actor: str, *, at: str = "") -> dict[str, Any]:
    """The DID document of an actor, now or at an instant; `actor` empty is the node itself.

    Raises:
        ClientRefused: nobody has this identifier, or nobody had it then.
    """
    path = f"/v1/actors/{quote(actor, safe='')}/did.json" if actor else "/.well-known/did.json"
    query = f"?versionTime={quote(at)}" if at else ""
    data = await http.fetch("GET", path + query, limit=DOCUMENT_BYTES_MAX)
    try:
        document = json.loads(data)
    except ValueError as error:
        raise AnswerRefused("the node's answer is not a DID document") from error
    if not isinstance(document, dict):
        raise AnswerRefused("the node's answer is not a DID document")
    return document


async def fetch_history(http: Http, actor: str) -> KeyHistory:
    """All versions of an actor's keys."""
    path = f"/v1/actors/{quote(actor, safe='')}/did-history"
    whole = await _fetch_page(http, path)
    for _ in range(PAGES_MAX):
        if not whole.next:
            return whole
        page = await _fetch_page(http, whole.next)
        whole.versions += page.versions
        whole.next = page.next
    raise AnswerRefused(f"the history has more than `{PAGES_MAX}` pages")


async def fetch_proof(http: Http, version: KeyVersion) -> bytes:
    """The inclusion proof (C2SP tlog-proof) of the entry that brought a version."""
    return await http.fetch("GET", _own_path(version.proof), limit=NOTE_BYTES_MAX)


async def _fetch_page(http: Http, path: str) -> KeyHistory:
    data = await http.fetch("GET", _own_path(path))
    try:
        return msgspec.json.decode(data, type=KeyHistory)
    except msgspec.MsgspecError as error:
        raise AnswerRefused("the node's answer is not a history of keys") from error


def _own_path(path: str) -> str:
    """A path on the same node: an answer must not send us anywhere else."""
    if not path.startswith("/v1/"):
        raise AnswerRefused("the node's answer names a path that is none of its own")
    return path
