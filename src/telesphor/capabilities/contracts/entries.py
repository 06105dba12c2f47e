"""The facts of contracts: their life, the calls made of them, and every run with what went in and came out."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.contracts.model import (
    EFFECTS_MAX,
    CallIdField,
    Cause,
    DigestField,
    EngineField,
    GasField,
    KeyField,
    NameField,
    TriggerKind,
    TriggerName,
    VersionField,
)
from telesphor.runtime.capability import Body, EntryType

StateField = Annotated[str, Meta(pattern="^(|sha256:[0-9a-f]{64})$", max_length=71)]
"""The digest of a state document; empty before there was any, which means `{}`."""


class ContractDeployed(Body, frozen=True, kw_only=True):
    """A contract was deployed: its manifest and its source, by digest."""

    name: NameField
    version: VersionField
    manifest: DigestField
    source: DigestField


class ContractUpgraded(Body, frozen=True, kw_only=True):
    """It runs by another source from now on; its state stays."""

    version: VersionField
    manifest: DigestField
    source: DigestField


class ContractPaused(Body, frozen=True, kw_only=True):
    """It does not run until it is resumed; what triggers it meanwhile waits."""

    reason: NameField


class ContractResumed(Body, frozen=True, kw_only=True):
    """It runs again."""


class ContractRetired(Body, frozen=True, kw_only=True):
    """It runs no more, for good."""

    reason: NameField


class ContractCalled(Body, frozen=True, kw_only=True):
    """An actor called it; `input` names the document with the argument."""

    call: CallIdField
    name: NameField
    input: DigestField


class Ran(Body, frozen=True, kw_only=True):
    """What both outcomes of a run say: what caused it, what ran, on what, and what it spent.

    Attributes:
        before: the state that it was given.
        key: what it was ordered by.
    """

    trigger: TriggerName
    kind: TriggerKind
    version: VersionField
    manifest: DigestField
    source: DigestField
    key: KeyField
    input: DigestField
    before: StateField
    gas: GasField
    engine: EngineField


class ContractExecuted(Ran, frozen=True, kw_only=True):
    """It ran: the state is `after` now, and `output` says what it wants done."""

    after: StateField
    output: DigestField
    effects: Annotated[int, Meta(ge=0, le=EFFECTS_MAX)]


class ContractFailed(Ran, frozen=True, kw_only=True):
    """It ran and gave nothing; the state is as it was.

    Attributes:
        repeatable: whether every machine comes to the same; if not, it struck a limit of this one.
    """

    failure: DigestField
    cause: Cause
    repeatable: bool


CONTRACT_DEPLOYED = EntryType("contract.deployed/1", ContractDeployed)
CONTRACT_UPGRADED = EntryType("contract.upgraded/1", ContractUpgraded)
CONTRACT_PAUSED = EntryType("contract.paused/1", ContractPaused)
CONTRACT_RESUMED = EntryType("contract.resumed/1", ContractResumed)
CONTRACT_RETIRED = EntryType("contract.retired/1", ContractRetired)
CONTRACT_CALLED = EntryType("contract.called/1", ContractCalled)
CONTRACT_EXECUTED = EntryType("contract.executed/1", ContractExecuted)
CONTRACT_FAILED = EntryType("contract.failed/1", ContractFailed)

ENTRIES = (
    CONTRACT_DEPLOYED,
    CONTRACT_UPGRADED,
    CONTRACT_PAUSED,
    CONTRACT_RESUMED,
    CONTRACT_RETIRED,
    CONTRACT_CALLED,
    CONTRACT_EXECUTED,
    CONTRACT_FAILED,
)
