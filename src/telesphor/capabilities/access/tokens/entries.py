"""The facts of tokens: on `token/<id>`, `group/<id>` and `dataset/<id>`; what was looked at, and what was
refused, on `access/<who asked>`.

A token's stream is its owner history. It holds no factor, no rule and no name: those stand in the document that
`policy_hash` names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from telesphor.capabilities.access.tokens.model import (
    AnyIdField,
    DatasetIdField,
    DepthField,
    DigestField,
    FactAsked,
    GrantedAction,
    GroupIdField,
    GroupKind,
    MembersField,
    NumberField,
    Recipient,
    RoleField,
    TokenIdField,
)
from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.runtime.capability import Body, EntryType
from telesphor.vault.model import Purpose


class TokenMinted(Body, frozen=True, kw_only=True):
    """A grant exists and waits to be accepted: a new one, or a narrower one of a living token.

    Attributes:
        issuer: actor id of the node on whose ledger the token lives.
        dataset_version, dataset_commitment: what the dataset held then, by number and by root.
        parent, parent_holding: the token that it was delegated from, and how that was held.
        policy_hash: digest of the terms document.
        fact: what the grant rests on, in another organisation's ledger.
    """

    issuer: ActorIdField
    grantor: ActorIdField
    recipient: Recipient
    dataset: DatasetIdField | None
    dataset_version: NumberField | None
    dataset_commitment: DigestField | None
    role: RoleField | None
    actions: tuple[GrantedAction, ...]
    purposes: tuple[Purpose, ...]
    not_before: InstantField
    not_after: InstantField
    revocable: bool
    transferable: bool
    delegation_depth: DepthField
    parent: TokenIdField | None
    parent_holding: NumberField | None
    policy_hash: DigestField
    fact: FactAsked | None


class TokenAccepted(Body, frozen=True, kw_only=True):
    """The recipient holds the token; for a group its keeper has accepted."""

    holder: AnyIdField


class TokenOffered(Body, frozen=True, kw_only=True):
    """The holder offers the token to somebody else, and keeps it until that one accepts."""

    to: ActorIdField


class TokenTransferred(Body, frozen=True, kw_only=True):
    """The token has another holder."""

    before: ActorIdField
    holder: AnyIdField


class TokenRevoked(Body, frozen=True, kw_only=True):
    """The token has ended, and with it all that were delegated from it."""


class TokenRenounced(Body, frozen=True, kw_only=True):
    """Its holder gave it up, or its recipient does not want it."""


class TokensListed(Body, frozen=True, kw_only=True):
    """The actor was shown which tokens it holds, has granted or was offered."""

    which: Literal["held", "granted", "offered"]
    count: NumberField


class TokenShown(Body, frozen=True, kw_only=True):
    """The actor was shown a token's terms, or its history."""

    token: TokenIdField
    what: Literal["terms", "history"]


class TokenCommandRefused(Body, frozen=True, kw_only=True):
    """A signed command about a token was refused, for the cause with this code."""

    token: TokenIdField
    command: Annotated[str, Meta(pattern=r"^token\.[a-z-]+/[1-9][0-9]*\Z", max_length=64)]
    cause: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]


class GroupFormed(Body, frozen=True, kw_only=True):
    """A group begins; the actor is its keeper."""

    kind: GroupKind
    role: RoleField | None


class GroupMemberAdded(Body, frozen=True, kw_only=True):
    """From the next entry on the actor belongs to the group."""

    member: ActorIdField


class GroupMemberRemoved(Body, frozen=True, kw_only=True):
    """From the next entry on it does not."""

    member: ActorIdField


class GroupDisbandedBody(Body, frozen=True, kw_only=True):
    """The group is no more; the tokens it holds allow nothing."""


class GroupShown(Body, frozen=True, kw_only=True):
    """The actor was shown who belongs to the group."""

    group: GroupIdField


class DatasetDefined(Body, frozen=True, kw_only=True):
    """A set of things begins, with these members; `root` commits to all of them."""

    members: MembersField
    root: DigestField


class DatasetExtended(Body, frozen=True, kw_only=True):
    """These members came to it; `root` commits to all members. Tokens of before do not cover them."""

    members: MembersField
    root: DigestField


class DatasetDissolved(Body, frozen=True, kw_only=True):
    """The set is no more; nothing that could still allow anything was about it."""


TOKEN_MINTED = EntryType("token.minted/1", TokenMinted)
TOKEN_DELEGATED = EntryType("token.delegated/1", TokenMinted)
TOKEN_ACCEPTED = EntryType("token.accepted/1", TokenAccepted)
TOKEN_OFFERED = EntryType("token.offered/1", TokenOffered)
TOKEN_TRANSFERRED = EntryType("token.transferred/1", TokenTransferred)
TOKEN_REVOKED = EntryType("token.revoked/1", TokenRevoked)
TOKEN_RENOUNCED = EntryType("token.renounced/1", TokenRenounced)
TOKENS_LISTED = EntryType("token.listed/1", TokensListed)
TOKEN_SHOWN = EntryType("token.shown/1", TokenShown)
TOKEN_REFUSED = EntryType("token.refused/1", TokenCommandRefused)
GROUP_FORMED = EntryType("group.formed/1", GroupFormed)
GROUP_ADDED = EntryType("group.added/1", GroupMemberAdded)
GROUP_REMOVED = EntryType("group.removed/1", GroupMemberRemoved)
GROUP_DISBANDED = EntryType("group.disbanded/1", GroupDisbandedBody)
GROUP_SHOWN = EntryType("group.shown/1", GroupShown)
DATASET_DEFINED = EntryType("dataset.defined/1", DatasetDefined)
DATASET_EXTENDED = EntryType("dataset.extended/1", DatasetExtended)
DATASET_DISSOLVED = EntryType("dataset.dissolved/1", DatasetDissolved)

ENTRIES = (
    TOKEN_MINTED,
    TOKEN_DELEGATED,
    TOKEN_ACCEPTED,
    TOKEN_OFFERED,
    TOKEN_TRANSFERRED,
    TOKEN_REVOKED,
    TOKEN_RENOUNCED,
    TOKENS_LISTED,
    TOKEN_SHOWN,
    TOKEN_REFUSED,
    GROUP_FORMED,
    GROUP_ADDED,
    GROUP_REMOVED,
    GROUP_DISBANDED,
    GROUP_SHOWN,
    DATASET_DEFINED,
    DATASET_EXTENDED,
    DATASET_DISSOLVED,
)
