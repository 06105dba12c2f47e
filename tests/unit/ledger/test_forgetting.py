"""A kept document is destroyed, the ledger says so, and proofs stand as they stood."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from telesphor.capabilities.access.vocabulary import SCHEMA_TEXT
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.forgetting import forgetting
from tests.support.papers import papers_capability
from tests.unit.capabilities.visits.clinic import Clinic
from tests.unit.capabilities.world import World

SCHEMA = digest_of(SCHEMA_TEXT.encode())
"""The node keeps it with its first decision of access."""


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    world = World(tmp_path, papers_capability("paper.put/1"), forgetting())
    world.begin()
    clinic = Clinic(world)
    clinic.open()
    return clinic


def kept(clinic: Clinic) -> bytes | None:
    with closing(EntryReader(clinic.world.path, clinic.world.registry)) as reader:
        return reader.document(SCHEMA)


def forget(documents: list[str]) -> tuple[str, dict[str, object]]:
    return "document.forget/1", {"documents": documents, "reason": "retention"}


def test_organisation_has_a_document_destroyed(clinic: Clinic) -> None:
    assert kept(clinic) is not None
    clinic.world.ask(clinic.hospital, forget([SCHEMA]))
    said = clinic.world.entries()[-1]
    assert (said.type, said.body.documents) == ("document.forgotten/1", (SCHEMA,))
    assert kept(clinic) is None


def test_person_has_no_document_destroyed(clinic: Clinic) -> None:
    with pytest.raises(TelesphorError) as caught:
        clinic.world.ask(clinic.patient, forget([SCHEMA]))
    assert caught.value.code == "forgetting-not-permitted"
    assert kept(clinic) is not None


def test_document_that_is_not_kept_is_not_forgotten(clinic: Clinic) -> None:
    with pytest.raises(TelesphorError) as caught:
        clinic.world.ask(clinic.hospital, forget([SCHEMA, digest_of(b"never kept")]))
    assert caught.value.code == "document-missing"
    assert kept(clinic) is not None


def test_forgotten_schema_is_kept_again_with_the_next_decision(clinic: Clinic) -> None:
    clinic.world.ask(clinic.hospital, forget([SCHEMA]))
    clinic.world.put(clinic.patient)
    assert kept(clinic) is not None
