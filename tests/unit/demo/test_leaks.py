"""Words are found wherever they stand, also within base64; what was shown may stand in documents, and nowhere else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from telesphor.app import create_node
from telesphor.demo.leaks import find_leaks, find_shown
from telesphor.kernel import base64url
from telesphor.kernel.archive import write_archive
from telesphor.kernel.digest import digest_of
from telesphor.ledger.store import keep_documents
from telesphor.runtime.database import open_database
from telesphor.runtime.folder import NodeFolder

WORD = "Wolfeschlegelstein"
SHOWN = '"licensed_in","WA"'
EMPTY = write_archive({"manifest.json": b"{}"})


@pytest.fixture
def node(tmp_path: Path) -> NodeFolder:
    (tmp_path / "network").mkdir()
    create_node(tmp_path / "node", origin="clinic.example/leaks", passphrase=b"passphrase")
    return NodeFolder(tmp_path / "node")


def leaks(node: NodeFolder, *, bundle: bytes = EMPTY) -> tuple[str, ...]:
    return find_leaks([WORD], node=node.path, neighbours=node.path.parent / "network", bundle=bundle)


def shown(node: NodeFolder, *, bundle: bytes = EMPTY) -> tuple[str, ...]:
    return find_shown([SHOWN], node=node.path, neighbours=node.path.parent / "network", bundle=bundle)


def keep(node: NodeFolder, data: bytes) -> None:
    with closing(open_database(node.ledger)) as db:
        keep_documents(db, [(digest_of(data), data)])


def test_nothing_is_found_where_nothing_is(node: NodeFolder) -> None:
    keep(node, b"a document")
    assert (leaks(node), shown(node)) == ((), ())


def test_word_in_a_document_is_a_leak_also_within_base64(node: NodeFolder) -> None:
    data = b'{"disclosures":["%s"]}' % base64url.encode(f'["salt","name","{WORD}"]'.encode()).encode()
    keep(node, data)
    assert leaks(node) == (f"document {digest_of(data)}",)


def test_word_in_a_neighbours_file_is_a_leak(node: NodeFolder) -> None:
    (node.path.parent / "network" / "witness.log").write_text(f"saw {WORD}")
    assert leaks(node) == ("witness.log",)


def test_what_was_shown_may_stand_in_documents(node: NodeFolder) -> None:
    keep(node, f'["salt",{SHOWN}]'.encode())
    bundle = write_archive({"documents/" + "0" * 64: SHOWN.encode()})
    assert shown(node, bundle=bundle) == ()


def test_what_was_shown_is_found_in_any_other_table(node: NodeFolder) -> None:
    with closing(open_database(node.ledger)) as db:
        db.execute("INSERT INTO streams VALUES(?, 1, 0)", (SHOWN,))
    assert shown(node) == ("table streams",)


def test_what_was_shown_is_found_beside_the_documents_of_a_bundle(node: NodeFolder) -> None:
    bundle = write_archive({"entries/000000000001.json": SHOWN.encode()})
    assert shown(node, bundle=bundle) == ("bundle: entries/000000000001.json",)
