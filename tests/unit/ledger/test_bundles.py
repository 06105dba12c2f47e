"""Room for documents is reckoned so that a bundle that is filled up is never too large."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telesphor.kernel import bundle
from telesphor.kernel.archive import FILES_MAX, read_archive
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX, write_bundle
from telesphor.kernel.document import DOCUMENTS_MAX
from telesphor.ledger import bundles
from telesphor.ledger.bundles import FILE_OVERHEAD_BYTES, FIXED_FILES, room_beside
from tests.unit.verify.builder import Story, signing_key
from tests.vectors.bundles.case import good_story

PARTS = Story.told().witnessed()
SIGN = signing_key("node")


def test_parts_take_no_more_than_is_reckoned() -> None:
    written = write_bundle(PARTS, sign=SIGN)
    room = room_beside(PARTS)
    assert len(written) <= BUNDLE_BYTES_MAX - room.size
    assert room.files == DOCUMENTS_MAX <= FILES_MAX - len(read_archive(written))


def test_room_that_is_filled_with_small_documents_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones cost most beside their content."""
    limit = BUNDLE_BYTES_MAX - room_beside(PARTS).size + 300_000
    for module in (bundle, bundles):
        monkeypatch.setattr(module, "BUNDLE_BYTES_MAX", limit)
    count = room_beside(PARTS).size // (FILE_OVERHEAD_BYTES + 4)
    documents = [b"%04d" % number for number in range(count)]
    assert count > 500
    assert len(write_bundle(replace(PARTS, documents=documents), sign=SIGN)) <= limit


def test_long_visit_leaves_room_for_fewer_documents_and_a_longer_one_for_none() -> None:
    entries = list(good_story().parts().entries)
    used = len(good_story().parts().evidence) + len(good_story().parts().opened)
    for count, left in ((25_000, FILES_MAX - FIXED_FILES - used - 50_001), (40_000, 0)):
        parts = replace(good_story().parts(), entries=(entries * count)[:count])
        assert room_beside(parts).files == left
