"""The ledgers whose proofs this node accepts: by origin, by both of their keys, from which level on.

INVARIANT: a proof of a ledger that is not named here is refused, whatever it proves of itself; and no bundle
is read in full before a partner's keys have signed its checkpoint.

Start at `load_partners` and `prove_facts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from telesphor.capabilities.interchain.model import (
    Fact,
    Head,
    JudgingFailed,
    LevelField,
    ProofRefused,
    ProvenFacts,
)
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import CHECKPOINT, LIMITS, MANIFEST, BundleRefused, entry_path, parse_manifest
from telesphor.kernel.checkpoint import SignedCheckpoint, log_verifiers, open_checkpoint
from telesphor.kernel.digest import format_digest
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import DEFAULT_LEVELS, LEVELS_BYTES_MAX, LevelPolicy, parse_levels
from telesphor.kernel.merkle import leaf_hash
from telesphor.runtime.network import NETWORK_FILE, PartnerSettings
from telesphor.runtime.settings import SettingsRefused
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import Pins
from telesphor.verify.report import Report


@dataclass(frozen=True, kw_only=True)
class Partner:
    """Another organisation's ledger, and what this node demands of its proofs.

    Attributes:
        vkeys: its Ed25519 and ML-DSA-44 keys as vkey text, in either order.
        levels: the policy by which levels are judged here.
        at_least: the least level, 1 to 5.

    Raises:
        VkeyRefused: the keys are not the two of one log with this origin.
    """

    origin: str
    vkeys: tuple[str, str]
    levels: LevelPolicy
    at_least: int

    def __post_init__(self) -> None:
        log_verifiers(self.origin, self.vkeys)


def load_partners(settings: Iterable[PartnerSettings], folder: Path) -> dict[str, Partner]:
    """The partners by origin.

    Args:
        folder: the node's, to which paths are relative.

    Raises:
        SettingsRefused: a partner is named twice, has keys that are not its own, or a policy that is none.
    """
    partners: dict[str, Partner] = {}
    for said in settings:
        if said.origin in partners:
            raise SettingsRefused(f"`{NETWORK_FILE}`: the partner `{said.origin}` is named twice")
        try:
            partners[said.origin] = Partner(
                origin=said.origin,
                vkeys=said.vkeys,
                levels=_read_levels(said, folder),
                at_least=int(said.at_least[1:]),
            )
        except SettingsRefused:
            raise
        except TelesphorError as error:
            raise SettingsRefused(
                f"`{NETWORK_FILE}`: the partner `{said.origin}`: {error.message}", hint=error.hint
            ) from error
    return partners


def _read_levels(said: PartnerSettings, folder: Path) -> LevelPolicy:
    if said.levels is None:
        return parse_levels(DEFAULT_LEVELS.encode())
    try:
        with (folder / said.levels).open("rb") as file:
            return parse_levels(file.read(LEVELS_BYTES_MAX + 1))
    except OSError as error:
        raise SettingsRefused(
            f"`{NETWORK_FILE}`: the levels of the partner `{said.origin}` cannot be read",
            hint="paths are relative to the node's folder",
        ) from error


def prove_facts(data: bytes, positions: tuple[int, ...], *, partners: Mapping[str, Partner]) -> ProvenFacts:
    """Verify a bundle of a partner's ledger and return the facts at `positions`.

    1. It is one canonical archive with a manifest.
    2. The manifest names the origin of a partner.
    3. The checkpoint is signed by both keys of that partner.
    4. The whole bundle verifies under those keys, and reaches the level that is demanded.
    5. Each position is one of its entries.

    Raises:
        ProofRefused: whatever does not hold, with the code of it.
        JudgingFailed: a fault of this node's own.
    """
    try:
        files = read_archive(data, limits=LIMITS)
        partner = _partner(parse_manifest(_file(files, MANIFEST)).origin, partners)
        signed = open_checkpoint(_file(files, CHECKPOINT), origin=partner.origin, vkeys=partner.vkeys)
        report = verify_bundle(
            data, pins=Pins(frozenset(partner.vkeys)), levels=partner.levels, require=partner.at_least
        )
        level = _level_of(report)
        # The report is about these very bytes, so the files in them are those that were verified.
        facts = tuple(_fact(files, position) for position in positions)
    except (ProofRefused, JudgingFailed):
        raise
    except TelesphorError as error:
        raise _refusal(error.code) from error
    except Exception as error:
        raise _failure(type(error).__name__) from error
    return ProvenFacts(
        origin=partner.origin,
        subject=report.subject,
        level=level,
        policy=partner.levels.digest,
        head=_head(signed),
        facts=facts,
    )


def _file(files: Mapping[str, bytes], path: str) -> bytes:
    if path not in files:
        raise BundleRefused(f"the bundle has no file `{path}`")
    return files[path]


def _partner(origin: str, partners: Mapping[str, Partner]) -> Partner:
    partner = partners.get(origin)
    if partner is None:
        raise ProofRefused(
            "the bundle is of a ledger that is not one of this node's partners",
            cause="partner-unknown",
            hint=f"an operator names partners in the node's `{NETWORK_FILE}`",
        )
    return partner


def _level_of(report: Report) -> LevelField:
    """The level that a report proves; raises for one that failed."""
    if not report.passed:
        code = report.steps[-1].code
        raise _failure("verify_bundle") if code == "internal" else _refusal(code)
    assert report.judged is not None, "a bundle that passed has been judged"
    levels: tuple[LevelField, ...] = ("L1", "L2", "L3", "L4", "L5")
    return levels[report.judged.judgement.level - 1]


def _head(signed: SignedCheckpoint) -> Head:
    return Head(size=signed.checkpoint.size, root=format_digest(signed.checkpoint.root))


def _fact(files: Mapping[str, bytes], position: int) -> Fact:
    data = files.get(entry_path(position))
    if data is None:
        raise ProofRefused(f"the bundle holds no entry at position `{position}`", cause="fact-not-in-bundle")
    entry = parse_entry(data)
    leaf = format_digest(leaf_hash(data))
    return Fact(position=position, type=entry.type, stream=entry.stream, n=entry.n, leaf=leaf)


def _refusal(code: str) -> ProofRefused:
    # Only the code: the words about what failed may quote the bundle.
    return ProofRefused(
        f"the bundle does not verify (`{code}`)",
        cause=code,
        hint="run `telesphor verify` on it with the other ledger's keys and this node's levels",
    )


def _failure(detail: str) -> JudgingFailed:
    return JudgingFailed("this node could not judge the bundle", hint="send it again later", detail=detail)
