"""What access hands to the node: its entries, its tables, and the command that sets policies."""

from __future__ import annotations

from telesphor.capabilities.access import service
from telesphor.capabilities.access.entries import ENTRIES
from telesphor.capabilities.access.store import STORE
from telesphor.runtime.capability import Capability, CommandType

POLICY_SET = CommandType("policy.set/1", service.SetPolicy, service.set_policy, service.prepare_policy)

CAPABILITY = Capability(name="access", entries=ENTRIES, commands=(POLICY_SET,), store=STORE)
