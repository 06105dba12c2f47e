"""One entry's proof as text: C2SP tlog-proof, with anchors in its extra line.

A proof is the entry's position, its inclusion path and the checkpoint it leads to, with all cosignatures.
The format has room for extra data that nobody signed; ours is an archive (`archive.py`) of the anchors of
that checkpoint, under the names that they have in a bundle. They need no signature: each is proved by a
public chain. Any tool for the format reads the rest and may leave the extra line out.

Start at `format_tlog_proof` and `parse_tlog_proof`. Source: c2sp.org/tlog-proof. Bytes: `docs/spec/bundle.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel import base64url
from telesphor.kernel.archive import ArchiveLimits, read_archive, write_archive
from telesphor.kernel.bundle_files import (
    ANCHORS_MAX,
    POSITION_MAX,
    BundleRefused,
    bound_of,
    format_proof,
    parse_anchors,
    parse_proof,
)
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import NOTE_BYTES_MAX

HEADER: Final = "c2sp.org/tlog-proof@v1"
# The anchors of a checkpoint in two networks have about 20 KB; this is what all bounds together allow.
EXTRA_BYTES_MAX: Final = 4 * 1024 * 1024
TLOG_PROOF_BYTES_MAX: Final = NOTE_BYTES_MAX + EXTRA_BYTES_MAX * 4 // 3 + 8 * 1024

_EXTRA: Final = ArchiveLimits(
    archive_bytes=EXTRA_BYTES_MAX, file_bytes=EXTRA_BYTES_MAX, files=2 * ANCHORS_MAX
)
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,11})", re.ASCII)


class TlogProofRefused(TelesphorError):
    """The text is not a proof of the one form that proofs have."""

    code = "tlog-proof-refused"
    kind = Kind.INVALID


@dataclass(frozen=True, kw_only=True)
class TlogProof:
    """A proof whose form holds; nothing is verified yet.

    Attributes:
        index: position of the entry.
        path: hashes from the leaf's sibling upwards (RFC 6962, section 2.1.1).
        checkpoint: the signed note, with its cosignatures.
        anchors: what dates the checkpoint, by file name, such as `bitcoin-mainnet.ots`.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    anchors: Mapping[str, bytes] = field(default_factory=dict)


def format_tlog_proof(
    index: int, path: Sequence[bytes], checkpoint: bytes, anchors: Mapping[str, bytes] | None = None
) -> bytes:
    """Write a proof; without anchors it has no extra line.

    Raises:
        BundleRefused, LimitExceeded: the anchors are not files of anchors, or too large.
    """
    extra = ""
    if anchors:
        files = {f"anchors/{name}": content for name, content in anchors.items()}
        parse_anchors(files)
        extra = f"extra {base64url.std_encode(write_archive(files))}\n"
    head = f"{HEADER}\n{extra}index {index}\n".encode("ascii")
    return head + format_proof(path) + b"\n" + checkpoint


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a proof strictly.

    Raises:
        TlogProofRefused: another version or order of lines, or an extra line of another kind.
        LimitExceeded: larger than any proof.
    """
    if len(data) > TLOG_PROOF_BYTES_MAX:
        raise LimitExceeded(f"the proof has {len(data)} bytes; at most {TLOG_PROOF_BYTES_MAX} are read")
    head, separator, checkpoint = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not separator or lines.pop(0) != HEADER:
        raise TlogProofRefused(f"the text is not a proof of the form `{HEADER}`")
    anchors: dict[str, bytes] = {}
    if lines and lines[0].startswith("extra "):
        anchors = _parse_extra(lines.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None or int(match[1]) > POSITION_MAX:
        raise TlogProofRefused("the proof does not name the position of its entry")
    path = parse_proof("".join(f"{line}\n" for line in lines).encode("ascii", "replace"))
    return TlogProof(index=int(match[1]), path=path, checkpoint=checkpoint, anchors=anchors)


def _parse_extra(text: str) -> dict[str, bytes]:
    try:
        files = read_archive(base64url.std_decode(text), limits=_EXTRA)
        for path, content in files.items():
            if not path.startswith("anchors/"):
                raise BundleRefused("the extra line holds something other than anchors")
            if len(content) > bound_of(path):
                raise LimitExceeded(f"the file `{path}` is larger than {bound_of(path)} bytes")
        return parse_anchors(files)
    except LimitExceeded:
        raise
    except TelesphorError as error:
        raise TlogProofRefused(f"the proof's extra line is refused: {error.message}") from error
