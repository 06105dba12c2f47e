"""The fuzz target of documents: what names what in any bytes."""

from __future__ import annotations

from telesphor.kernel import canonical
from telesphor.kernel.document import DOCUMENT_BYTES_MAX, digests_in, digests_named_in, follow_documents
from tests.vectors.bundles.grants import RECEIPT, RULE

DOCUMENTS = [RECEIPT, RULE, b'{"a":[' + RECEIPT + b"]}"]


def take_document(data: bytes) -> None:
    named = digests_named_in(data)
    assert all(digest.encode() in data for digest in named)
    if named:
        assert digests_in(canonical.decode(data, limit=DOCUMENT_BYTES_MAX)) == named
    assert len(list(follow_documents(named, dict.fromkeys(named, data).get))) == len(named)
