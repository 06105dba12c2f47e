"""What contracts hand to the node: their entries, commands and tables, and how their workers are started.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. The node's own word is no
command of the registry: see `desk.ContractDesk`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import apsw

from telesphor.capabilities.contracts.desk import ContractDesk, ReadDocument
from telesphor.capabilities.contracts.entries import ENTRIES
from telesphor.capabilities.contracts.pool import WORKERS, WorkerPool
from telesphor.capabilities.contracts.service import (
    Authorise,
    CallContract,
    Contracts,
    DeployContract,
    PauseContract,
    ResumeContract,
    RetireContract,
    UpgradeContract,
    permit_by_kind,
    read_offer,
)
from telesphor.capabilities.contracts.store import STORE
from telesphor.runtime.capability import Body, Capability, CommandType, Receipt

NAME = "contracts"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def contracts_capability(desk: ContractDesk) -> Capability:
    """Make the capability for a node."""
    decisions = desk.contracts
    commands = (
        CommandType("contract.deploy/1", DeployContract, decisions.deploy_contract, _prepare),
        CommandType("contract.upgrade/1", UpgradeContract, decisions.upgrade_contract, _prepare),
        CommandType("contract.pause/1", PauseContract, decisions.pause_contract),
        CommandType("contract.resume/1", ResumeContract, decisions.resume_contract),
        CommandType("contract.retire/1", RetireContract, decisions.retire_contract),
        CommandType("contract.call/1", CallContract, desk.call_contract),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)


def open_desk(
    *,
    record: Callable[[CommandType, Body], Receipt],
    open_db: Callable[[], apsw.Connection],
    read_document: ReadDocument,
    stack: ExitStack,
    authorise: Authorise = permit_by_kind,
    workers: int = WORKERS,
    ready: bool = True,
) -> ContractDesk:
    """Open a node's desk for contracts, with its workers, which `stack` ends.

    Args:
        record: records the node's own word, which the outcome of a run is.
        ready: whether they are started now, not with the first run.
    """
    pool = WorkerPool(workers)
    stack.callback(pool.close)
    if ready:
        pool.start()
    return ContractDesk(
        Contracts(authorise), run=pool.run, open_db=open_db, read_document=read_document, record=record
    )


def _prepare(command: DeployContract) -> object:
    return read_offer(command.manifest, command.source)
