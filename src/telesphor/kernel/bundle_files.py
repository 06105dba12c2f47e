"""The files of a bundle, each by itself: its path, its bound, and how its bytes are read and written.

The set of paths is closed: `bound_of` knows every one and refuses all others, so that nothing can travel in
a bundle that no reader looks at. Nothing is verified here; what the files mean together is in
`telesphor.verify`.

Start at `bound_of`; the paths are specified in `docs/spec/bundle.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel import base64url, canonical
from telesphor.kernel.card import CARD_BYTES_MAX
from telesphor.kernel.chains.anchor import parse_network
from telesphor.kernel.chains.ethereum import PROOF_BYTES_MAX
from telesphor.kernel.chains.headers import HEADERS_BYTES_MAX
from telesphor.kernel.chains.timestamp import FILE_BYTES_MAX as OTS_BYTES_MAX
from telesphor.kernel.commitment import MEMBER_PATTERN
from telesphor.kernel.digest import Digest, parse_digest
from telesphor.kernel.document import DOCUMENT_BYTES_MAX, DOCUMENTS_MAX
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.level_policy import LEVELS_BYTES_MAX
from telesphor.kernel.note import NOTE_BYTES_MAX, SIGNATURES_MAX

# Two signatures and their headers, with room for the larger suite.
MANIFEST_JWS_BYTES_MAX: Final = 16 * 1024
# Four times what a node reads of one request.
EVIDENCE_BYTES_MAX: Final = 4 * 1024 * 1024
# A tree has fewer than 2^63 leaves, so a path has at most 63 hashes (RFC 6962 2.1.1).
PATH_HASHES_MAX: Final = 63
# An opened value is one small answer or figure, not a document.
OPENED_BYTES_MAX: Final = 64 * 1024
VKEYS_BYTES_MAX: Final = 8 * 1024
# A card is here for two lines of the checkpoint's note, which has at most SIGNATURES_MAX.
CARDS_MAX: Final = SIGNATURES_MAX // 2
# One for each public network there is, and a few that are somebody's own.
ANCHORS_MAX: Final = 8
# Twelve digits of position: far beyond any ledger, and the files sort as the entries do.
POSITION_MAX: Final = 10**12 - 1

MANIFEST: Final = "manifest.json"
MANIFEST_JWS: Final = "manifest.jws"
READ_ME: Final = "READ ME.txt"
CHECKPOINT: Final = "checkpoint"
LOG_VKEYS: Final = "log.vkeys"
LEVELS: Final = "levels.toml"

_BOUNDS: Final = {
    READ_ME: 64 * 1024,
    CHECKPOINT: NOTE_BYTES_MAX,
    LOG_VKEYS: VKEYS_BYTES_MAX,
    LEVELS: LEVELS_BYTES_MAX,
    "entries": ENTRY_BYTES_MAX,
    "proofs": PATH_HASHES_MAX * 45,  # 32 bytes are 44 characters of base64, and a newline
    "opened": OPENED_BYTES_MAX,
    "ots": OTS_BYTES_MAX,
    "headers": HEADERS_BYTES_MAX,
    "json": PROOF_BYTES_MAX,
}
_NUMBERED: Final = re.compile(r"(entries|proofs|opened)/([0-9]{12})\.(json|txt)", re.ASCII)
_EVIDENCE: Final = re.compile(r"evidence/([0-9a-f]{64})\.json", re.ASCII)
_DOCUMENT: Final = re.compile(r"documents/([0-9a-f]{64})", re.ASCII)
_CARD: Final = re.compile(r"cards/([0-9a-f]{8})\.json", re.ASCII)
_ANCHOR: Final = re.compile(r"anchors/([a-z0-9-]{1,40})\.(ots|headers|json)", re.ASCII)
_MEMBER: Final = re.compile(MEMBER_PATTERN, re.ASCII)


class BundleRefused(TelesphorError):
    """The archive is sound, but its files are not those of a bundle."""

    code = "bundle-refused"
    kind = Kind.INVALID


@dataclass(frozen=True, kw_only=True)
class BundleEntry:
    """One entry: its exact bytes and the inclusion path from its leaf to the checkpoint's root."""

    position: int
    data: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class OpenedCommitment:
    """The value behind a commitment of an entry: `member` is its name in the entry's body, such as `shown.2`."""

    position: int
    member: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)


def entry_path(position: int) -> str:
    """Path of an entry's exact bytes."""
    return f"entries/{position:012d}.json"


def proof_path(position: int) -> str:
    """Path of an entry's inclusion path."""
    return f"proofs/{position:012d}.txt"


def opened_path(position: int) -> str:
    """Path of the opened commitment of an entry."""
    return f"opened/{position:012d}.json"


def evidence_path(digest: Digest) -> str:
    """Path of the signed request whose payload has this digest."""
    return f"evidence/{parse_digest(digest).hex()}.json"


def document_path(digest: Digest) -> str:
    """Path of the document whose bytes have this digest; what kind of text it is, it says itself."""
    return f"documents/{parse_digest(digest).hex()}"


def card_path(key_id: int) -> str:
    """Path of the card of the ML-DSA-44 verifier key with this id (C2SP signed-note, 32 bits)."""
    return f"cards/{key_id:08x}.json"


def bound_of(path: str) -> int:
    """The most bytes a file may have, by its path; raises `BundleRefused` when a bundle has no such file."""
    numbered = _NUMBERED.fullmatch(path)
    if numbered is not None and (numbered[3] == "txt") == (numbered[1] == "proofs"):
        return _BOUNDS[numbered[1]]
    if _EVIDENCE.fullmatch(path):
        return EVIDENCE_BYTES_MAX
    if _DOCUMENT.fullmatch(path):
        return DOCUMENT_BYTES_MAX
    if _CARD.fullmatch(path):
        return CARD_BYTES_MAX
    if anchor := _ANCHOR.fullmatch(path):
        network_of(path.removeprefix("anchors/"))
        return _BOUNDS[anchor[2]]
    if path in (READ_ME, CHECKPOINT, LOG_VKEYS, LEVELS):
        return _BOUNDS[path]
    raise BundleRefused(f"a bundle has no file such as `{path}`")


def network_of(name: str) -> str:
    """The network of an anchor's file, such as `bitcoin-mainnet` of `bitcoin-mainnet.ots`.

    Raises:
        BundleRefused: not the name of an anchor's file.
        AnchorOfAnotherNetwork: the network is not one whose anchors can be judged.
    """
    anchor = _ANCHOR.fullmatch(f"anchors/{name}")
    if anchor is None:
        raise BundleRefused(f"`{name[:80]}` is not the name of an anchor's file")
    network = parse_network(anchor[1])
    if (anchor[2] == "json") != network.startswith("ethereum-"):
        raise BundleRefused(f"an anchor in `{network}` has no file such as `{name}`")
    return network


def parse_text(data: bytes, *, path: str) -> str:
    """The text of a file; raises `BundleRefused` when it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BundleRefused(f"the file `{path}` is not UTF-8 text") from None


def parse_vkeys(data: bytes) -> tuple[str, str]:
    """The two lines of `log.vkeys`; raises `BundleRefused`."""
    lines = parse_text(data, path=LOG_VKEYS).split("\n")
    if len(lines) != 3 or lines[2] or not (lines[0] and lines[1]):
        raise BundleRefused(f"the file `{LOG_VKEYS}` does not hold exactly two lines")
    return lines[0], lines[1]


def parse_entries(files: Mapping[str, bytes]) -> tuple[BundleEntry, ...]:
    """Each entry with its proof, by rising position; neither may be without the other.

    Raises:
        BundleRefused: one is without the other, or a commitment is opened that has no entry.
    """
    positions = {kind: set[int]() for kind in ("entries", "proofs", "opened")}
    for path in files:
        if numbered := _NUMBERED.fullmatch(path):
            positions[numbered[1]].add(int(numbered[2]))
    for position in sorted(positions["entries"] ^ positions["proofs"]):
        raise BundleRefused(f"the entry at position {position} does not have both its bytes and its proof")
    for position in sorted(positions["opened"] - positions["entries"]):
        raise BundleRefused(f"the commitment opened at position {position} has no entry")
    return tuple(
        BundleEntry(
            position=position,
            data=files[entry_path(position)],
            path=parse_proof(files[proof_path(position)]),
        )
        for position in sorted(positions["entries"])
    )


def format_proof(path: Sequence[bytes]) -> bytes:
    """The inclusion path, one hash per line in standard base64, as in C2SP tlog-proof."""
    return "".join(f"{base64url.std_encode(node)}\n" for node in path).encode("ascii")


def parse_proof(data: bytes) -> tuple[bytes, ...]:
    """The inclusion path that `format_proof` wrote; raises `BundleRefused`, `NotBase64`."""
    lines = data.split(b"\n")
    if lines.pop() or len(lines) > PATH_HASHES_MAX:
        raise BundleRefused("a proof is not a list of lines, or has too many")
    path = tuple(base64url.std_decode(line.decode("ascii", "replace")) for line in lines)
    if any(len(node) != 32 for node in path):
        raise BundleRefused("a proof holds something that is not a hash of 32 bytes")
    return path


def parse_evidence(files: Mapping[str, bytes]) -> dict[Digest, bytes]:
    """The signed requests by the digest that their path says."""
    found = ((_EVIDENCE.fullmatch(path), content) for path, content in files.items())
    return {Digest(f"sha256:{match[1]}"): content for match, content in found if match}


def parse_documents(files: Mapping[str, bytes]) -> dict[Digest, bytes]:
    """The documents by the digest that their path says; raises `LimitExceeded` when there are too many."""
    found = ((_DOCUMENT.fullmatch(path), content) for path, content in files.items())
    documents = {Digest(f"sha256:{match[1]}"): content for match, content in found if match}
    check_documents(len(documents))
    return documents


def check_documents(count: int) -> None:
    """Refuse more documents than a bundle may have."""
    if count > DOCUMENTS_MAX:
        raise LimitExceeded(f"the bundle has {count} documents where {DOCUMENTS_MAX} are allowed")


def parse_cards(files: Mapping[str, bytes]) -> dict[int, bytes]:
    """The cards by the key id that their path says; raises `LimitExceeded` when there are too many."""
    found = ((_CARD.fullmatch(path), content) for path, content in files.items())
    cards = {int(match[1], 16): content for match, content in found if match}
    if len(cards) > CARDS_MAX:
        raise LimitExceeded(f"the bundle has {len(cards)} cards where {CARDS_MAX} are allowed")
    return cards


def parse_anchors(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the anchors by their names below `anchors/`.

    Raises:
        BundleRefused: a proof in Bitcoin is without its headers, or they without it.
        LimitExceeded: more networks than `ANCHORS_MAX`.
    """
    anchors = {
        path.removeprefix("anchors/"): content for path, content in files.items() if _ANCHOR.fullmatch(path)
    }
    check_anchors(anchors)
    return anchors


def check_anchors(names: Iterable[str]) -> None:
    """Refuse unless the files of each network are whole, and there are not too many networks."""
    given = set(names)
    networks = {network_of(name) for name in given}
    for network in sorted(networks):
        if network.startswith("bitcoin-") and not {f"{network}.ots", f"{network}.headers"} <= given:
            raise BundleRefused(f"the anchor in `{network}` does not have both its proof and its headers")
    if len(networks) > ANCHORS_MAX:
        raise LimitExceeded(f"the bundle has anchors in {len(networks)} networks; {ANCHORS_MAX} are allowed")


def encode_opened(opened: OpenedCommitment) -> bytes:
    """The file of an opened commitment; it does not say the position, which is its name."""
    value = {
        "key": base64url.encode(opened.key),
        "pointer": opened.member,
        "v": 1,
        "value": base64url.encode(opened.value),
    }
    return canonical.encode(value)


def parse_opened(path: str, data: bytes) -> OpenedCommitment:
    """The opened commitment in a file of this path; raises `BundleRefused`."""
    numbered = _NUMBERED.fullmatch(path)
    if numbered is None or numbered[1] != "opened":
        raise BundleRefused(f"`{path}` is not the path of an opened commitment")
    return parse_opening(data, position=int(numbered[2]), path=path)


def parse_opening(data: bytes, *, position: int, path: str) -> OpenedCommitment:
    """The opening in `data`, of a commitment at `position`; `path` is what a refusal calls the file.

    Raises:
        BundleRefused: not an opened commitment of version 1.
    """
    value = canonical.decode(data, limit=OPENED_BYTES_MAX)
    names = {"v", "pointer", "key", "value"}
    if not isinstance(value, dict) or set(value) != names or type(value["v"]) is not int or value["v"] != 1:
        raise BundleRefused(f"the file `{path}` is not an opened commitment of version 1")
    member, key, content = value["pointer"], value["key"], value["value"]
    if not (isinstance(member, str) and isinstance(key, str) and isinstance(content, str)):
        raise BundleRefused(f"the file `{path}` has a field of the wrong type")
    if not _MEMBER.fullmatch(member) or len(base64url.decode(key)) != 32:
        raise BundleRefused(f"the file `{path}` names no member, or its key is not 32 bytes")
    return OpenedCommitment(
        position=position, member=member, key=base64url.decode(key), value=base64url.decode(content)
    )
