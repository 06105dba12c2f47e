"""What interchain hands to the node: its entries, its one command and its tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. The node's own word is no
command of the registry: see `service.ProofDesk`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from telesphor.capabilities.interchain.entries import ENTRIES
from telesphor.capabilities.interchain.judging import JudgingProcess
from telesphor.capabilities.interchain.partners import load_partners, prove_facts
from telesphor.capabilities.interchain.service import ProofDesk, ProveFacts, SubmitProof
from telesphor.capabilities.interchain.store import STORE
from telesphor.runtime.capability import Body, Capability, CommandType, Receipt
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import load_network
from telesphor.runtime.tickets import Tickets

NAME = "interchain"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def interchain_capability(desk: ProofDesk) -> Capability:
    """Make the capability for a node."""
    submit = CommandType("interchain.submit/1", SubmitProof, desk.submit_proof)
    return Capability(NAME, entries=ENTRIES, commands=(submit,), store=STORE)


def open_desk(
    folder: NodeFolder,
    tickets: Tickets,
    *,
    record: Callable[[CommandType, Body], Receipt],
    aside: bool,
    stack: ExitStack,
) -> ProofDesk:
    """Open a node's desk for proofs of the partners in its settings; without any, all proofs are refused.

    Args:
        record: records the node's own word, which the outcome is.
        aside: whether bundles are judged in child processes, which `stack` ends.

    Raises:
        SettingsRefused: a partner in the network settings is not well described.
    """
    network = load_network(folder.path)
    partners = load_partners(network.partner if network else (), folder.path)
    prove: ProveFacts = partial(prove_facts, partners=partners)
    if aside:
        judge = JudgingProcess(partners)
        stack.callback(judge.close)
        prove = judge.prove
    return ProofDesk(prove=prove, tickets=tickets, open_db=partial(open_reader, folder.ledger), record=record)
