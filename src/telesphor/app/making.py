"""Making a node: folder, keys, and the first entry of its ledger, signed by its root. Start at `create_node`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telesphor.app.node import CHECKPOINT_WAIT_SECONDS, open_node
from telesphor.capabilities.identity.authenticate import (
    read_genesis,
)
from telesphor.client.requests import sign_genesis
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.folder import (
    NodeFolder,
    NodeKeys,
    RootKeys,
    save_node_keys,
    save_root_keys,
    witness_name,
    write_private,
)
from telesphor.runtime.settings import format_settings


def create_node(
    path: Path,
    *,
    origin: str,
    passphrase: bytes,
    settings: dict[str, Any] | None = None,
    clock: Clock | None = None,
) -> NodeFolder:
    """Make a node in the empty folder `path`: keys, settings, and the first entry, signed by its root.

    Raises:
        FolderRefused: the folder holds something already, or cannot be written.
    """
    clock = clock or SystemClock()
    ids = IdSource(clock)
    folder = NodeFolder(path)
    folder.create()
    keys = NodeKeys(
        node_id=ActorId(ids.next()),
        log=LogSigner.generate(origin),
        cosigner=Cosigner.generate(witness_name(origin)),
        signing=SigningKey.generate(HybridSuite.ACTOR),
        recipient=RecipientKey.generate(),
    )
    root = RootKeys(root_id=ActorId(ids.next()), signing=SigningKey.generate(HybridSuite.ROOT))
    save_node_keys(folder.node_key, keys, passphrase=passphrase)
    save_root_keys(folder.root_key, root, passphrase=passphrase)
    write_private(folder.log_vkeys, "".join(f"{vkey}\n" for vkey in keys.log.vkeys()).encode())
    write_private(folder.settings, format_settings({"origin": origin, **(settings or {})}).encode())
    with open_node(path, passphrase=passphrase, clock=clock, making=True) as node:
        genesis = sign_genesis(
            root=root.root_id,
            root_key=root.signing,
            node=node_wallet(keys),
            origin=origin,
            log_vkeys=keys.log.vkeys(),
            clock=clock,
            ids=ids,
        )
        request = read_genesis(genesis, registry=node.registry, origin=origin, clock=clock)
        receipt = node.machine.call_blocking(request)
        node.integrator.wait_for(receipt.first, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
    return folder


def node_wallet(keys: NodeKeys) -> Wallet:
    """The node as an actor that signs."""
    return Wallet(keys.node_id, "node", keys.signing, keys.recipient)
