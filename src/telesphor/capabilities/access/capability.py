"""What access hands to the node: its entries, its tables, and the commands that set and show policies."""

from __future__ import annotations

from telesphor.capabilities.access import service, showing
from telesphor.capabilities.access.entries import ENTRIES
from telesphor.capabilities.access.store import STORE
from telesphor.runtime.capability import Capability, CommandType

POLICY_SET = CommandType("policy.set/1", service.SetPolicy, service.set_policy, service.prepare_policy)
POLICY_SHOW = CommandType("policy.show/1", showing.ShowPolicy, showing.show_policy)

CAPABILITY = Capability(name="access", entries=ENTRIES, commands=(POLICY_SET, POLICY_SHOW), store=STORE)
