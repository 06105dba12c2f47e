"""Errors over HTTP: RFC 9457, one status for each kind, nothing private."""

from __future__ import annotations

import json

import pytest
from litestar.exceptions import HTTPException, NotFoundException, ValidationException

from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.runtime.machine import NodeHalted, QueueFull
from telesphor.runtime.problems import (
    PROBLEM_MEDIA_TYPE,
    STATUS,
    encode_problem,
    handle_exception,
    problem_headers,
    problem_of,
)
from tests.support.notes import NoteRefused


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_an_error_status(kind: Kind) -> None:
    assert 400 <= STATUS[kind] <= 599


def test_refusal_says_code_message_and_hint_but_not_its_detail() -> None:
    problem = problem_of(NoteRefused("the notebook is `closed`", hint="open another", detail="row 17"))
    document = json.loads(encode_problem(problem))
    assert document == {
        "type": "urn:telesphor:problem:note-refused",
        "title": "note refused",
        "status": 409,
        "code": "note-refused",
        "detail": "the notebook is `closed`",
        "hint": "open another",
    }


@pytest.mark.parametrize(
    ("error", "status"), [(LimitExceeded("large"), 413), (QueueFull("full"), 503), (NodeHalted("disk"), 507)]
)
def test_status_follows_the_kind(error: TelesphorError, status: int) -> None:
    assert problem_of(error).status == status


def test_overload_says_when_to_come_back() -> None:
    assert problem_headers(problem_of(QueueFull("full"))) == {"retry-after": "1"}
    assert problem_headers(problem_of(LimitExceeded("large"))) == {}


def test_unexpected_error_says_nothing_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    document = encode_problem(problem_of(ValueError("Jane Doe")))
    assert b"Jane" not in document
    assert json.loads(document)["code"] == "internal"
    assert "Jane" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ValidationException("Jane Doe is no number"), 400, "request-malformed"),
        (NotFoundException("/Jane"), 404, "no-such-resource"),
        (HTTPException(status_code=405, detail="Method Not Allowed"), 405, "method-not-allowed"),
        (HTTPException(status_code=413, detail="Request Entity Too Large"), 413, "body-too-large"),
        (HTTPException(status_code=418, detail="teapot"), 418, "request-refused"),
    ],
)
def test_frameworks_own_refusals_become_problems_without_repeating_input(
    error: HTTPException, status: int, code: str
) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    assert "jane" not in encode_problem(problem).decode().lower()


def test_handler_answers_with_the_media_type_of_problems() -> None:
    response = handle_exception(None, NoteRefused("no"))  # type: ignore[arg-type]
    assert response.status_code == 409
    assert response.media_type == PROBLEM_MEDIA_TYPE
