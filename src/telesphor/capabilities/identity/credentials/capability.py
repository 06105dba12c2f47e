"""What credentials hand to the node: their entries, their commands and their tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. The node's own words (a credential
ended, a holder collected one) are no commands of the registry: see `expiry.py` and `offers.py`.
"""

from __future__ import annotations

from telesphor.capabilities.identity.credentials import service
from telesphor.capabilities.identity.credentials.entries import ENTRIES
from telesphor.capabilities.identity.credentials.offers import CredentialDesk, OfferCredential
from telesphor.capabilities.identity.credentials.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "credentials"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)

COMMANDS = (
    CommandType("issuer.trust/1", service.TrustIssuer, service.trust_issuer),
    CommandType("issuer.distrust/1", service.DistrustIssuer, service.distrust_issuer),
    CommandType("status-list.open/1", service.OpenStatusList, service.open_status_list),
    CommandType("credential.issue/1", service.IssueCredential, service.issue_credential),
    CommandType("credential.reverify/1", service.ReverifyCredential, service.reverify_credential),
    CommandType("credential.suspend/1", service.ChangeCredential, service.suspend_credential),
    CommandType("credential.reinstate/1", service.ChangeCredential, service.reinstate_credential),
    CommandType("credential.revoke/1", service.ChangeCredential, service.revoke_credential),
)


def credentials_capability(desk: CredentialDesk) -> Capability:
    """Make the capability for a node."""
    offer = CommandType("credential.offer/1", OfferCredential, desk.offer_credential)
    return Capability(NAME, entries=ENTRIES, commands=(*COMMANDS, offer), store=STORE)
