"""What a node can record, without what it needs to decide: enough to read and replay a ledger.

Whoever adds a capability adds it here, and to `Desks.registry`.
"""

from __future__ import annotations

from telesphor.capabilities.access.breakglass import capability as breakglass
from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.tokens import capability as tokens
from telesphor.capabilities.access.uses import capability as uses
from telesphor.capabilities.compliance import capability as compliance
from telesphor.capabilities.contracts import capability as contracts
from telesphor.capabilities.contracts.alerts import capability as alerts
from telesphor.capabilities.contracts.effects import capability as effects
from telesphor.capabilities.devices import capability as devices
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.credentials import capability as credentials
from telesphor.capabilities.identity.directory.capability import CAPABILITY as DIRECTORY
from telesphor.capabilities.identity.enrolment import capability as enrolment
from telesphor.capabilities.identity.invitations import capability as invitations
from telesphor.capabilities.identity.passkeys import capability as passkeys
from telesphor.capabilities.identity.presentations import capability as presentations
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as KEY_RECOVERY
from telesphor.capabilities.identity.sessions import capability as sessions
from telesphor.capabilities.interchain import capability as interchain
from telesphor.capabilities.messages import capability as messages
from telesphor.capabilities.visits.capability import RECORDED as VISITS_RECORDED
from telesphor.ledger import leaves
from telesphor.ledger.forgetting import RECORDED as FORGETTING_RECORDED
from telesphor.ledger.mirrors import RECORDED as MIRRORS_RECORDED
from telesphor.ledger.share import RECORDED as SHARING_RECORDED
from telesphor.runtime.capability import Registry
from telesphor.vault.capability import RECORDED as VAULT_RECORDED


def build_checking_registry() -> Registry:
    """What a node can record, without what it needs to decide: enough to read and replay a ledger."""
    return Registry(
        (
            IDENTITY,
            KEY_RECOVERY,
            passkeys.RECORDED,
            credentials.RECORDED,
            presentations.RECORDED,
            enrolment.RECORDED,
            sessions.RECORDED,
            DIRECTORY,
            invitations.RECORDED,
            interchain.RECORDED,
            ACCESS,
            tokens.RECORDED,
            breakglass.RECORDED,
            uses.RECORDED,
            VAULT_RECORDED,
            contracts.RECORDED,
            effects.RECORDED,
            alerts.RECORDED,
            devices.RECORDED,
            VISITS_RECORDED,
            messages.RECORDED,
            compliance.RECORDED,
            SHARING_RECORDED,
            FORGETTING_RECORDED,
            MIRRORS_RECORDED,
            leaves.CAPABILITY,
        )
    )
