"""The vectors of credentials: every good one is read, every bad one is refused by its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.sd_jwt import verify_credential, verify_presentation
from telesphor.capabilities.identity.credentials.status_list import read_status_list
from telesphor.kernel import canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import VerifyKey

VECTORS: Any = json.loads(Path(__file__).with_name("credential.json").read_text("ascii"))


def by_name(vector: dict[str, Any]) -> str:
    return f"{vector['code']}-{vector['name']}"


def data_of(kind: str, vector: dict[str, Any]) -> bytes:
    if "data" in vector:
        return str(vector["data"]).encode()
    document = json.loads(VECTORS[kind]["data"])
    for pointer in vector.get("remove", ()):
        place, name = _find(document, pointer)
        del place[name]
    for pointer, value in vector.get("set", {}).items():
        place, name = _find(document, pointer)
        place[name] = value
    return canonical.encode(document)


def _find(document: Any, pointer: str) -> tuple[Any, Any]:
    *steps, last = [int(step) if step.isdigit() else step for step in pointer[1:].split("/")]
    for step in steps:
        document = document[step]
    return document, last


def taken(kind: str, vector: dict[str, Any]) -> dict[str, Any]:
    """The factors that a vector shows."""
    said = VECTORS | vector
    data, issuer = data_of(kind, vector), VerifyKey.from_jwks(said["issuer"])
    if kind == "credential":
        credential = verify_credential(data, issuer=issuer, now_ms=said["now_ms"])
    else:
        credential = verify_presentation(
            data, issuer=issuer, nonce=said["nonce"], audience=said["audience"], now_ms=said["now_ms"]
        ).credential
    assert credential.holder == VerifyKey.from_jwks(said["holder"])
    assert credential.digest == VECTORS["credential"]["digest"]
    return {factor.name: factor.value for factor in credential.factors}


@pytest.mark.parametrize("kind", ["credential", "presentation"])
def test_good_documents_show_their_factors(kind: str) -> None:
    assert taken(kind, {}) == VECTORS[kind]["factors"]


@pytest.mark.parametrize("vector", VECTORS["credential"]["bad"], ids=by_name)
def test_bad_credentials_are_refused_by_name(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as caught:
        taken("credential", vector)
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["presentation"]["bad"], ids=by_name)
def test_bad_presentations_are_refused_by_name(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as caught:
        taken("presentation", vector)
    assert caught.value.code == vector["code"]


def test_status_list_says_its_statuses() -> None:
    vector = VECTORS["status_list"]
    issuer = VerifyKey.from_jwks(VECTORS["issuer"])
    found = read_status_list(
        vector["data"].encode(), uri=vector["uri"], issuer=issuer, now_ms=VECTORS["now_ms"]
    )
    assert {index: found.status_at(int(index)) for index in vector["statuses"]} == vector["statuses"]
