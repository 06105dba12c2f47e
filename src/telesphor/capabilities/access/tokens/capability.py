"""What tokens, groups and datasets hand to the node: their entries, their commands and their tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from typing import Any

from telesphor.capabilities.access.tokens import groups, holding, service, views
from telesphor.capabilities.access.tokens.datasets import (
    DatasetDesk,
    DefineDataset,
    DissolveDataset,
    ExtendDataset,
    dissolve_dataset,
)
from telesphor.capabilities.access.tokens.entries import ENTRIES
from telesphor.capabilities.access.tokens.model import Authorise, FindResource
from telesphor.capabilities.access.tokens.service import TokenDesk, on_record, prepare_terms
from telesphor.capabilities.access.tokens.store import STORE
from telesphor.capabilities.identity.administering import Administration, NoAdministration
from telesphor.runtime.capability import Capability, CommandType

NAME = "tokens"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def tokens_capability(
    *, authorise: Authorise, find_resource: FindResource, administration: Administration | None = None
) -> Capability:
    """Make the capability for a node.

    Args:
        authorise: the rules of access, asked with the action `grant` when a token is minted.
        find_resource: what an object, a visit or a device is, as the capability that owns it knows it.
        administration: the rules about persons who administer; None lets none do so.
    """
    membership = groups.Membership(administration or NoAdministration())
    tokens = TokenDesk(authorise=authorise, find_resource=find_resource)
    datasets = DatasetDesk(find_resource)
    commands = (
        _token("token.mint/1", service.MintToken, tokens.mint, prepare=prepare_terms),
        _token("token.delegate/1", service.DelegateToken, tokens.delegate, prepare=prepare_terms),
        _token("token.accept/1", holding.AcceptToken, holding.accept_token),
        _token("token.transfer/1", holding.TransferToken, holding.transfer_token),
        _token("token.revoke/1", holding.RevokeToken, holding.revoke_token),
        _token("token.renounce/1", holding.RenounceToken, holding.renounce_token),
        CommandType("token.list/1", views.ListTokens, views.list_tokens),
        CommandType("token.show/1", views.ShowToken, views.show_token),
        CommandType("token.history/1", views.TokenHistory, views.token_history),
        CommandType("group.form/1", groups.FormGroup, groups.form_group),
        CommandType("group.add/1", groups.AddToGroup, membership.add),
        CommandType("group.remove/1", groups.RemoveFromGroup, membership.remove),
        CommandType("group.disband/1", groups.DisbandGroup, groups.disband_group),
        CommandType("group.show/1", groups.ShowGroup, groups.show_group),
        CommandType("dataset.define/1", DefineDataset, datasets.define),
        CommandType("dataset.extend/1", ExtendDataset, datasets.extend),
        CommandType("dataset.dissolve/1", DissolveDataset, dissolve_dataset),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)


def _token(name: str, body: Any, decide: Any, *, prepare: Any = None) -> CommandType:
    """A command whose refusals stand on the ledger."""
    return CommandType(name, body, on_record(name, decide), prepare)
