"""Steps 4 and 5: what others than the log said of the ledger's state: witnesses, notaries, public chains.

Whoever has a card in the bundle must have signed the checkpoint, with both keys, and whatever is there of a
key that is known, or of a public chain, must verify: evidence that is wrong fails the bundle, evidence that
is missing only leaves its level unreached. Lines of keys that nobody here knows are passed over, as C2SP
signed-note demands, and counted.

Start at `check_witnesses` and `check_anchors`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.bundle_files import network_of
from telesphor.kernel.card import Card, Role, read_card
from telesphor.kernel.chains.anchor import HeaderPin, VerifiedAnchor, anchor_digest
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.ethereum import verify_ethereum_anchor
from telesphor.kernel.checkpoint import SignedCheckpoint
from telesphor.kernel.cosignature import Cosignature, CosignatureMissing, verify_cosignature
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.note import Note, parse_note, parse_vkey
from telesphor.kernel.policy import Policy
from telesphor.verify.report import Proved, counted


class CardMisplaced(TelesphorError):
    """A card stands under the name of another key than its own."""

    code = "card-misplaced"
    kind = Kind.INVALID


class CardKeyReused(TelesphorError):
    """One key stands in two cards, or in a witness's card and among the log's own."""

    code = "card-key-reused"
    kind = Kind.UNAUTHENTICATED


class CardUnreferenced(TelesphorError):
    """A card is here of someone who did not sign the checkpoint."""

    code = "card-unreferenced"
    kind = Kind.INVALID


@dataclass(frozen=True)
class Witnessed:
    """Who signed the checkpoint, each with its own card: the log's, if it is here, and the cosigners'."""

    log: Card | None
    cosigned: tuple[tuple[Card, Cosignature], ...]


def check_witnesses(bundle: Bundle, policies: Sequence[Policy]) -> Proved[Witnessed]:
    """Step 4: `witness_note`, with the cards of the bundle, for a checkpoint whose log has been verified.

    1. Each card is signed by both of its own keys, and stands under the id of its ML-DSA-44 key.
    2. No key stands in two cards, and none of the log's in a witness's.
    3. Everyone with a card signed this checkpoint, with both keys and at one time.
    4. Each line of a witness that the reader's policies name verifies, and their quorums are met.
    """
    cards = read_cards(bundle.cards)
    return witness_note(parse_note(bundle.checkpoint), cards, log_vkeys=bundle.log_vkeys, policies=policies)


def read_cards(cards: Mapping[int, bytes]) -> list[Card]:
    """The cards, each verified under its own keys and filed under their id."""
    found = []
    for key_id, data in cards.items():
        card = read_card(data)
        if parse_vkey(card.vkeys[1]).key_id != key_id:
            raise CardMisplaced(f"the card of `{card.name}` is filed under the id of another key")
        found.append(card)
    return found


def witness_note(
    note: Note, cards: Sequence[Card], *, log_vkeys: Collection[str], policies: Sequence[Policy]
) -> Proved[Witnessed]:
    """Points 2 to 4 of `check_witnesses`, for a note and the cards of those who signed it.

    Raises:
        CardKeyReused, CardUnreferenced, HalfSignature, CosignatureRefused, NoteSignatureRefused, QuorumNotMet.
    """
    _check_keys(cards, log_vkeys)
    log = next((card for card in cards if card.role is Role.LOG), None)
    cosigned = tuple((card, _cosignature(note, card)) for card in cards if card is not log)
    met = [name for policy in policies for name in policy.check_note(note)]
    known = [
        *map(parse_vkey, log_vkeys),
        *(vkey for policy in policies for vkey in policy.witnesses.values()),
    ]
    known += [parse_vkey(vkey) for card, _ in cosigned for vkey in card.vkeys]
    ids = {(vkey.name, vkey.key_id) for vkey in known}
    unknown = sum((line.name, line.key_id) not in ids for line in note.signatures)
    witnessed = Witnessed(log, cosigned)
    return Proved(witnessed, _sentence(witnessed, met=met, policies=len(policies), unknown=unknown))


def _cosignature(note: Note, card: Card) -> Cosignature:
    try:
        return verify_cosignature(note, card.keys)
    except CosignatureMissing:
        raise CardUnreferenced(
            f"the card of `{card.name}` is here, and it did not sign the checkpoint"
        ) from None


def check_anchors(
    files: Mapping[str, bytes], signed: SignedCheckpoint, pins: Sequence[HeaderPin]
) -> Proved[tuple[VerifiedAnchor, ...]]:
    """Step 5. Each anchor shows that a block of its network dates the SHA-256 of this checkpoint's text.

    Args:
        files: the files of the anchors by name.
        pins: block headers that the reader knows.

    Raises:
        AnchorRefused: the first that does not verify.
    """
    digest = anchor_digest(signed.checkpoint.body())
    networks = sorted({network_of(name) for name in files})
    anchors = tuple(_verify_anchor(network, files, digest=digest, pins=pins) for network in networks)
    if not anchors:
        return Proved((), "no public chain is shown to date the ledger's state")
    return Proved(anchors, "; ".join(anchor.sentence for anchor in anchors))


def _verify_anchor(
    network: str, files: Mapping[str, bytes], *, digest: bytes, pins: Sequence[HeaderPin]
) -> VerifiedAnchor:
    if network.startswith("bitcoin-"):
        ots, headers = files[f"{network}.ots"], files[f"{network}.headers"]
        return verify_bitcoin_anchor(digest=digest, ots=ots, headers=headers, network=network, pins=pins)
    return verify_ethereum_anchor(digest=digest, data=files[f"{network}.json"], network=network, pins=pins)


def _check_keys(cards: Sequence[Card], log_vkeys: Collection[str]) -> None:
    """One key in two cards would let one signature count for two; the log cannot witness itself."""
    seen = {parse_vkey(vkey).public_key for vkey in log_vkeys}
    for card in cards:
        if card.role is Role.LOG:
            if set(card.vkeys) != set(log_vkeys):
                raise CardUnreferenced(f"the card of the log `{card.name}` is not that of this ledger")
            continue
        for vkey in map(parse_vkey, card.vkeys):
            if vkey.public_key in seen:
                raise CardKeyReused(f"a key of the card of `{card.name}` is somebody else's as well")
            seen.add(vkey.public_key)


def _sentence(witnessed: Witnessed, *, met: Sequence[str], policies: int, unknown: int) -> str:
    roles = [card.role for card, _ in witnessed.cosigned]
    witnesses, notaries = roles.count(Role.WITNESS), roles.count(Role.NOTARY)
    if roles:
        who = [counted(witnesses, "witness", "witnesses")] * bool(witnesses)
        who += [counted(notaries, "notary", "notaries")] * bool(notaries)
        said = (
            f"{' and '.join(who)} signed this state with Ed25519 and ML-DSA-44, each with a card of its own"
        )
    else:
        said = "nobody with a card but the log itself signed this state"
    if policies:
        signers = f", by {', '.join(f'`{name}`' for name in met)}" if met else ""
        said += f"; the quorum of your policy is met{signers}"
    if unknown:
        said += f"; {counted(unknown, 'line')} of keys that nobody here knows passed over"
    return said
