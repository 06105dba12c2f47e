"""Values of tokens: terms, kinds of groups and members, bounds, rows, and the pure rule of narrowing.

Start at `Terms`; what can be refused is in `refusals`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, NewType, Protocol

from msgspec import Meta

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.tokens.refusals import MembersRefused, TermsRefused, WiderThanParent
from telesphor.capabilities.identity.model import InstantField
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest, format_digest
from telesphor.kernel.ids import ActorId
from telesphor.kernel.merkle import leaf_hash, root_of
from telesphor.runtime.capability import Actor, Body, State
from telesphor.vault.model import Purpose

TokenId = NewType("TokenId", str)
GroupId = NewType("GroupId", str)
DatasetId = NewType("DatasetId", str)

TOKENS_STREAM = "token"
GROUPS_STREAM = "group"
DATASETS_STREAM = "dataset"

DEPTH_MAX = 4
"""Grantor, clinician, specialist, laboratory, its locum: further away nobody knows whom they trust."""

DATASET_MEMBERS_MAX = 128
"""Each member is asked about when a token is minted; a visit is one member, whatever was recorded in it."""

GRANT_ASKS_MAX = 128
"""Members times purposes of one minting: each is a decision of half a millisecond, inside the one writer."""

DATASETS_PER_MEMBER_MAX = 120
"""Every decision about an object weighs all datasets that hold it, or its visit: `PARENTS_MAX` in all."""

DATASETS_PER_DEFINER_MAX = 40
"""So that one actor alone cannot use up what others may define."""

DATASETS_BY_PEOPLE_MAX = 100
"""Of these, so that all together cannot use up what the organisation may define."""

GROUP_MEMBERS_MAX = 512
"""A department; larger ones are several groups."""

GROUPS_PER_ACTOR_MAX = 200
"""Every decision weighs all groups of the actor: `PARENTS_MAX`, with the roles it holds by tokens."""

GROUPS_BY_PEOPLE_MAX = 100
"""Of these, so that no one keeps an actor out of the organisation's groups by adding it to groups of their own."""

ROLES_PER_ACTOR_MAX = 50
"""Roles held by tokens, likewise."""

LIFETIME_MS_MAX = 10 * 366 * 24 * 3_600_000
"""Ten years. A grant for ever is forgotten and never revoked."""

FACTORS_MAX = 16

RULE_CHARS_MAX = 1_024
"""A dozen comparisons; five such rules, along the longest chain, fit the text that a decision takes."""

PAGE_ROWS_MAX = 200
"""Rows of one answer."""

_ID = Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)
TokenIdField = Annotated[TokenId, _ID]
GroupIdField = Annotated[GroupId, _ID]
DatasetIdField = Annotated[DatasetId, _ID]
AnyIdField = Annotated[str, _ID]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
RoleField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z", max_length=32)]
NumberField = Annotated[int, Meta(ge=0, le=2**53 - 1)]
DepthField = Annotated[int, Meta(ge=0, le=DEPTH_MAX)]
FactorField = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\.[a-z][a-z0-9_-]{0,31}=[ !#-\[\]-~]{1,64}\Z", max_length=130)
]
"""`group.name=value` of printable ASCII, without quotes and backslashes: it stands in Cedar text."""
RuleField = Annotated[str, Meta(pattern=r"^[ -~\n]*\Z", max_length=RULE_CHARS_MAX)]


class GrantedAction(StrEnum):
    """What a token can be for. Granting, erasing, administering and breaking the glass are never handed on."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    EXPORT = "export"
    PRINT = "print"
    SHARE = "share"
    CONNECT = "connect"
    OPEN_VISIT = "open-visit"
    CLOSE_VISIT = "close-visit"
    RECORD = "record"


class GroupKind(StrEnum):
    """What a group is for."""

    CARE_TEAM = "care-team"
    ROLE = "role"


class Recipient(Body, frozen=True, kw_only=True):
    """Whom a token is for."""

    kind: Literal["actor", "group"]
    id: AnyIdField


class Member(Body, frozen=True, kw_only=True, order=True):
    """One thing in a dataset; a visit stands for all that belongs to it."""

    kind: Literal["object", "visit", "device"]
    id: AnyIdField

    @property
    def ref(self) -> str:
        """`kind/id`, as it is sorted, hashed and stored."""
        return f"{self.kind}/{self.id}"


MembersField = Annotated[tuple[Member, ...], Meta(min_length=1, max_length=DATASET_MEMBERS_MAX)]


class FactAsked(Body, frozen=True, kw_only=True):
    """An entry of another organisation's ledger that the grant rests on; this node accepted its proof."""

    proof: AnyIdField
    position: NumberField
    type: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]*/[1-9][0-9]*\Z", max_length=64)]


class Terms(Body, frozen=True, kw_only=True):
    """What a token allows, and under which conditions; the same in the command and in the pure rules.

    All of it is said, and lists are sorted, so that what was signed and what is recorded are the same to the byte.
    Exactly one of `dataset` and `role` is given. Times are instants; `not_after` is the first moment at which
    the token allows nothing any more.
    """

    recipient: Recipient
    dataset: DatasetIdField | None
    role: RoleField | None
    actions: Annotated[tuple[GrantedAction, ...], Meta(max_length=len(GrantedAction))]
    purposes: Annotated[tuple[Purpose, ...], Meta(max_length=len(Purpose))]
    not_before: InstantField
    not_after: InstantField
    revocable: bool
    transferable: bool
    delegation_depth: DepthField
    required_factors: Annotated[tuple[FactorField, ...], Meta(max_length=FACTORS_MAX)]
    rule: RuleField


class TermsDocument(Body, frozen=True, kw_only=True):
    """What a token's entry names by `policy_hash`: the conditions that do not stand on the ledger.

    `rules` begins with those of the tokens above, in order, and ends with the token's own where it has one.
    The salt keeps what could be guessed from being found by its digest.
    """

    format: Literal["telesphor-token-terms/1"] = "telesphor-token-terms/1"
    token: TokenIdField
    required_factors: tuple[str, ...]
    rules: tuple[str, ...]
    salt: str


class GroupRef(NamedTuple):
    """A group that an actor belongs to; a role may also be held by a token, whose id then stands here."""

    id: str
    kind: Literal["care-team", "role", "role-token"]
    role: str | None


class GroupRow(NamedTuple):
    """A group as the ledger says."""

    group: GroupId
    keeper: ActorId
    kind: GroupKind
    role: str | None
    state: Literal["formed", "disbanded"]


class DatasetRow(NamedTuple):
    """A dataset as the ledger says; `version` is the number of its newest entry."""

    dataset: DatasetId
    definer: ActorId
    version: int
    state: Literal["defined", "dissolved"]


class TokenRow(NamedTuple):
    """A token as the ledger says.

    Attributes:
        holder: who has it, once it was accepted; None before.
        holding: number of the entry by which its holder got it; -1 before.
        offered_to: to whom its holder offered it since.
        version: of its dataset, when it was minted.
        parent_holding: how its parent was held when it was delegated.
        terms: digest of its terms document.
    """

    token: TokenId
    grantor: ActorId
    recipient_kind: str
    recipient: str
    state: Literal["offered", "held", "revoked", "renounced"]
    holder: str | None
    holding: int
    offered_to: ActorId | None
    dataset: DatasetId | None
    version: int
    role: str | None
    actions: frozenset[str]
    purposes: frozenset[str]
    not_before: str
    not_after: str
    revocable: bool
    transferable: bool
    delegation_depth: int
    parent: TokenId | None
    parent_holding: int
    terms: Digest

    @property
    def to_group(self) -> bool:
        return self.recipient_kind == "group"


class Authorise(Protocol):
    """The rules of access, handed in: an answer with what must be recorded, or `AccessDenied`."""

    def __call__(self, actor: Actor, ask: Ask, state: State) -> Allowed: ...


class FindResource(Protocol):
    """What a member is, as the capability that owns it knows it; raises where there is none such."""

    def __call__(self, state: State, kind: ResourceKind, id: str) -> Resource: ...


def members_root(refs: frozenset[str] | set[str]) -> Digest:
    """The commitment to a set of members: RFC 6962 root over their references, sorted by byte."""
    return format_digest(root_of([leaf_hash(ref.encode("ascii")) for ref in sorted(refs)]))


def check_terms(terms: Terms, *, now_ms: int) -> None:
    """Refuse terms that mean nothing, or more than a token may; the rule is checked in `compile`.

    Raises:
        TermsRefused, InvalidInstant.
    """
    begin_ms, end_ms = parse_instant(terms.not_before), parse_instant(terms.not_after)
    if end_ms <= begin_ms or end_ms <= now_ms:
        raise TermsRefused("the token ends before it begins, or has ended already")
    if end_ms - now_ms > LIFETIME_MS_MAX:
        raise TermsRefused("the token would live longer than ten years", hint="renew it when it ends")
    if (terms.dataset is None) == (terms.role is None):
        raise TermsRefused("a token is for a dataset or for a role", hint="give one of `dataset` and `role`")
    for name, values in (
        ("actions", terms.actions),
        ("purposes", terms.purposes),
        ("required_factors", terms.required_factors),
    ):
        if list(values) != sorted(set(values)):
            raise TermsRefused(f"`{name}` is not in order, or has something twice")
    if terms.role is not None:
        _check_role(terms)
    elif not terms.actions or not terms.purposes:
        raise TermsRefused("a token for a dataset says for which actions and which purposes")
    if terms.recipient.kind == "group" and (terms.transferable or terms.delegation_depth):
        raise TermsRefused("a group's token is neither transferred nor delegated")


def check_narrower(child: Terms, parent: TokenRow, *, factors: frozenset[str]) -> None:
    """Refuse a delegation that is wider than its parent in any field but the dataset, which needs the tables.

    Rules need no comparison: a child's policy holds its parent's rules besides its own.

    Args:
        factors: those that the parent requires.

    Raises:
        WiderThanParent: names the first field that is.
    """
    wider = {
        "actions": not parent.actions.issuperset(child.actions),
        "purposes": not parent.purposes.issuperset(child.purposes),
        "not_before": child.not_before < parent.not_before,
        "not_after": child.not_after > parent.not_after,
        "revocable": parent.revocable and not child.revocable,
        "transferable": child.transferable and not parent.transferable,
        "delegation_depth": child.delegation_depth >= parent.delegation_depth,
        "required_factors": not factors.issubset(child.required_factors),
        "role": child.role is not None,
    }
    for field, is_wider in wider.items():
        if is_wider:
            raise WiderThanParent(
                f"the delegation is wider than its parent in `{field}`", hint="ask for less, or for the same"
            )


def check_members(members: tuple[Member, ...], *, before: frozenset[str]) -> frozenset[str]:
    """The references of a dataset with these members added; raises `MembersRefused`."""
    refs = [member.ref for member in members]
    if refs != sorted(refs):
        raise MembersRefused("the members are not in order", hint="sort them by `kind/id`")
    after = before | set(refs)
    if len(after) != len(before) + len(refs):
        raise MembersRefused("a member stands there twice")
    if len(after) > DATASET_MEMBERS_MAX:
        raise MembersRefused(f"a dataset has at most `{DATASET_MEMBERS_MAX}` members", hint="define another")
    if len(after) > 1 and any(ref.startswith("device/") for ref in after):
        raise MembersRefused("a device stands alone in its dataset", hint="define one for each device")
    return frozenset(after)


def _check_role(terms: Terms) -> None:
    # What a role may do is the organisation's to say, in its policies; a token only says who has it.
    beside = (terms.actions, terms.purposes, terms.required_factors, terms.rule)
    if any(beside) or terms.transferable or terms.delegation_depth or terms.recipient.kind != "actor":
        raise TermsRefused(
            "a role token says who has the role and until when, and nothing else",
            hint="what a role may do stands in the organisation's policies",
        )


assert {action.value for action in GrantedAction} <= {action.value for action in Action}
