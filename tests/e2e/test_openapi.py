"""The node's own API description, held against the node: whatever is sent, answers are as it says, and never 5xx.

Schemathesis makes requests from `/schema/openapi.json`, good ones and bad ones, without a ticket and with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.running import PROBLEM, Running, running
from tests.torture.scale import TORTURE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 6 * TORTURE


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("openapi") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def api(node: Running) -> Any:
    return schemathesis.openapi.from_url(f"{node.url}/schema/openapi.json")


_quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def test_answers_are_as_described_without_a_ticket_and_with_one(api: Any, node: Running) -> None:
    bearer = {"authorization": f"Bearer {node.read_ticket(node.put(b'content' * 99))}"}
    asked = set()
    with requests.Session() as session:
        for found in api.get_all_operations():
            operation = found.ok()

            @_quick
            @given(case=operation.as_strategy())
            def check(case: Any) -> None:
                for headers in ({}, bearer):
                    case.call_and_validate(checks=CHECKS, headers=headers, session=session)
                asked.add((case.method.lower(), case.path))

            check()
    described = node.ask("GET", "/schema/openapi.json").json()["paths"]
    assert asked == {(method, path) for path, operations in described.items() for method in operations}


def test_downloads_are_as_described(api: Any, node: Running) -> None:
    object_id = node.put(b"content" * 99)
    headers = {"authorization": f"Bearer {node.read_ticket(object_id)}"}
    for form in ("content", "ciphertext"):
        for extra, status in (({}, 200), ({"range": "bytes=0-9"}, 206), ({"range": "bytes=9-0"}, 416)):
            operation = api[f"/v1/objects/{{object_id}}/{form}"]["GET"]
            case = operation.Case(path_parameters={"object_id": object_id})
            answer = case.call_and_validate(checks=CHECKS, headers={**headers, **extra})
            assert answer.status_code == status


def test_description_is_openapi_3_1_and_names_every_refusal(node: Running) -> None:
    document = node.ask("GET", "/schema/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            refusal = operation["responses"]["default"]
            assert set(refusal["content"]) == {PROBLEM}, f"{method} {path}"
