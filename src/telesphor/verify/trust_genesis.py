"""Step 8: the first entry of the ledger names its owner, and the owner's root key signed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, parse_id, stream_of
from telesphor.kernel.signing import HybridSuite, VerifyKey
from telesphor.verify.body import check_kem, exactly, pair_of, same, text_of
from telesphor.verify.evidence import open_request, request_behind
from telesphor.verify.ledger import Founder, Genesis, Ledger, Placed
from telesphor.verify.report import Proved

NODE_CREATED: Final = "node.created/1"
CREATE_NODE: Final = "node.create/1"


class GenesisMissing(TelesphorError):
    """The bundle does not hold the first entry of the ledger."""

    code = "genesis-missing"
    kind = Kind.INVALID


class GenesisRefused(TelesphorError):
    """The first entry does not found the ledger that the checkpoint is of."""

    code = "genesis-refused"
    kind = Kind.INVALID


class LogKeysMismatch(TelesphorError):
    """The ledger was founded with other keys than those that sign its checkpoint."""

    code = "log-keys-mismatch"
    kind = Kind.UNAUTHENTICATED


class SecondGenesis(TelesphorError):
    """An entry other than the first claims to found the ledger."""

    code = "second-genesis"
    kind = Kind.INVALID


def check_genesis(bundle: Bundle, ledger: Ledger) -> Proved[Genesis]:
    """Step 8: `read_genesis`, for a bundle whose manifest names the same origin."""
    if ledger.origin != bundle.manifest.origin:
        raise GenesisRefused("genesis founds a ledger of another origin")
    genesis = read_genesis(ledger, log_vkeys=bundle.log_vkeys, evidence=bundle.evidence)
    node, root = genesis.node, genesis.root
    return Proved(
        genesis,
        f"the ledger was founded for the node `{node.id}` by the root whose key is `{root.key.key_id}`",
    )


def read_genesis(ledger: Ledger, *, log_vkeys: tuple[str, str], evidence: Mapping[Digest, bytes]) -> Genesis:
    """Return what the first entry names, verified.

    1. Position 0, and no other, holds `node.created/1`, as number 0 of the node's stream.
    2. It founds a ledger of this origin, with the log keys that sign the checkpoint.
    3. The root's signed request (Ed25519 and ML-DSA-87) asked for exactly this, and only this.
    """
    first = _first(ledger)
    body = exactly(first.entry.body, "genesis", "origin", "root", "node", "log")
    root = _founder(body["root"], HybridSuite.ROOT, "id", "keys")
    node = _founder(body["node"], HybridSuite.ACTOR, "id", "keys", "kem")
    if root.id == node.id or first.entry.actor != root.id:
        raise GenesisRefused("genesis is not the act of a root that differs from the node")
    if first.entry.stream != stream_of("node", node.id) or first.entry.n != 0:
        raise GenesisRefused("genesis is not number 0 of its node's stream")
    if text_of(body, "origin") != ledger.origin:
        raise GenesisRefused("genesis founds a ledger of another origin")
    if pair_of(body, "log") != log_vkeys:
        raise LogKeysMismatch("the keys in `log.vkeys` are not those the ledger was founded with")
    request = request_behind(first, evidence)
    asked = open_request(request, root.key, first, ledger.origin)
    types = [command.type for command in asked.commands]
    if types != [CREATE_NODE] or not same(asked.commands[0].body, body):
        raise GenesisRefused("the root's request does not ask for exactly this genesis")
    return Genesis(root, node, str(first.entry.evidence))


def _first(ledger: Ledger) -> Placed:
    if not ledger.entries or ledger.entries[0].position != 0:
        raise GenesisMissing("the bundle does not hold the entry at position 0")
    first, *others = ledger.entries
    if first.entry.type != NODE_CREATED:
        raise GenesisRefused(f"the entry at position 0 is not `{NODE_CREATED}`")
    for placed in others:
        if placed.entry.type.startswith("node.created/"):
            raise SecondGenesis(f"the entry at position {placed.position} founds the ledger a second time")
    return first


def _founder(value: object, suite: HybridSuite, *members: str) -> Founder:
    body: Mapping[str, object] = exactly(value, "a founder in genesis", *members)
    key = VerifyKey.from_jwks(body["keys"])
    if key.suite is not suite:
        raise GenesisRefused("a founder's keys in genesis are of the wrong suite")
    if "kem" in members:
        check_kem(body)
    return Founder(ActorId(parse_id(text_of(body, "id"))), key)
