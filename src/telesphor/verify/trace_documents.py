"""Step 14: the documents shown are the ones that entries name, and those that these name in turn."""

from __future__ import annotations

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.digest import digest_of
from telesphor.kernel.document import digests_in, follow_documents
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.verify.ledger import Ledger
from telesphor.verify.report import Proved, counted


class DocumentMismatch(TelesphorError):
    """A document does not have the digest under which it is shown."""

    code = "document-mismatch"
    kind = Kind.CORRUPT


class DocumentUnreferenced(TelesphorError):
    """The bundle holds a document that nothing in it names."""

    code = "document-unreferenced"
    kind = Kind.INVALID


def check_documents(bundle: Bundle, ledger: Ledger) -> Proved[None]:
    """Step 14. Each document has the digest in its path, and has its reason to be here.

    1. The SHA-256 of its bytes is that digest.
    2. The body of an entry names it, or a document does that has such a reason itself.

    A document that is named may be missing: it can be forgotten, and a digest need not be of a document.
    """
    for digest, data in bundle.documents.items():
        if digest_of(data) != digest:
            raise DocumentMismatch(f"the document `{digest}` is not the one that has this digest")
    if not bundle.documents:
        return Proved(None, "no document is shown in this bundle")
    named = {digest for placed in ledger.entries for digest in digests_in(placed.entry.body)}
    reached = {digest for digest, _ in follow_documents(named, bundle.documents.get)}
    for digest in bundle.documents:
        if digest not in reached:
            raise DocumentUnreferenced(f"nothing here names the document `{digest}`")
    return Proved(
        None,
        f"{counted(len(reached), 'document')} shown, each under the digest by which an entry, or a document "
        "that an entry leads to, names it",
    )
