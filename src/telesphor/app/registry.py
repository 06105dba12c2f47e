"""What a node can record, without what it needs to decide: enough to read and replay a ledger.

Whoever adds a capability adds it here, and to `Node._build_registry`.
"""

from __future__ import annotations

from telesphor.capabilities.devices.capability import CAPABILITY as DEVICES
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.interchain import capability as interchain
from telesphor.capabilities.visits.capability import RECORDED as VISITS_RECORDED
from telesphor.ledger import leaves
from telesphor.ledger.mirrors import RECORDED as MIRRORS_RECORDED
from telesphor.ledger.share import RECORDED as SHARING_RECORDED
from telesphor.runtime.capability import Registry
from telesphor.vault.capability import RECORDED as VAULT_RECORDED


def build_checking_registry() -> Registry:
    """What a node can record, without what it needs to decide: enough to read and replay a ledger."""
    capabilities = (IDENTITY, interchain.RECORDED, VAULT_RECORDED, DEVICES, VISITS_RECORDED)
    return Registry((*capabilities, SHARING_RECORDED, MIRRORS_RECORDED, leaves.CAPABILITY))
