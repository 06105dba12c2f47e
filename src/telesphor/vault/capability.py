"""What the vault adds to a node: its entry types, state tables and commands.

`RECORDED` is the part that needs no vault at hand, enough to read and to replay a ledger.
"""

from __future__ import annotations

from functools import partial

from telesphor.runtime.capability import Capability, CommandType
from telesphor.vault import service
from telesphor.vault.entries import ENTRIES
from telesphor.vault.model import EraseObject, ReadObject, ResumeObject, RewrapObject, SealObject, WriteObject
from telesphor.vault.store import STORE
from telesphor.vault.vault import Vault

NAME = "vault"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def capability(vault: Vault) -> Capability:
    """The capability with its commands bound to one node's vault."""
    commands = (
        CommandType("object.write/1", WriteObject, partial(service.write_object, vault=vault)),
        CommandType("object.resume/1", ResumeObject, partial(service.resume_object, vault=vault)),
        CommandType("object.seal/1", SealObject, partial(service.seal_object, vault=vault)),
        CommandType("object.read/1", ReadObject, partial(service.read_object, vault=vault)),
        CommandType("object.rewrap/1", RewrapObject, partial(service.rewrap_object, vault=vault)),
        CommandType("object.erase/1", EraseObject, partial(service.erase_object, vault=vault)),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
