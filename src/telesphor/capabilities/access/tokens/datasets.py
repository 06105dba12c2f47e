"""The use cases of datasets: define a set of objects, visits or a device, extend it, dissolve it.

A dataset is a name for a set and gives no right to anything in it: that is decided when a token is minted. Still
only who has a part in a thing may name it, so that nobody else can crowd what is weighed about it.
A token covers what the dataset held when it was minted; to grant what came later, mint another.
"""

from __future__ import annotations

from telesphor.capabilities.access.model import ResourceKind
from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.covering import find_defined
from telesphor.capabilities.access.tokens.entries import (
    DATASET_DEFINED,
    DATASET_DISSOLVED,
    DATASET_EXTENDED,
    DatasetDefined,
    DatasetDissolved,
    DatasetExtended,
)
from telesphor.capabilities.access.tokens.model import (
    DATASETS_BY_PEOPLE_MAX,
    DATASETS_PER_DEFINER_MAX,
    DATASETS_PER_MEMBER_MAX,
    DATASETS_STREAM,
    DatasetIdField,
    DatasetRow,
    FindResource,
    Member,
    MembersField,
    check_members,
    members_root,
)
from telesphor.capabilities.access.tokens.policies import living_tokens_of
from telesphor.capabilities.access.tokens.refusals import (
    DatasetExists,
    DatasetInUse,
    MembersRefused,
    NoPartInMember,
    NotTheDefiner,
)
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class DefineDataset(Body, frozen=True, kw_only=True):
    """Name a set of things under a fresh id."""

    dataset: DatasetIdField
    members: MembersField


class ExtendDataset(Body, frozen=True, kw_only=True):
    """Add things to a dataset of one's own."""

    dataset: DatasetIdField
    members: MembersField


class DissolveDataset(Body, frozen=True, kw_only=True):
    """End a dataset of one's own."""

    dataset: DatasetIdField


class DatasetDesk:
    """The use cases of datasets.

    Args:
        find_resource: what a member is, as the capability that owns it knows it.
    """

    def __init__(self, find_resource: FindResource) -> None:
        self._find_resource = find_resource

    def define(self, actor: Actor, command: DefineDataset, state: State) -> Decision:
        """Begin a dataset.

        Raises:
            NotPermitted: the actor is a device, the node or its root.
            DatasetExists: the id was used before.
            MembersRefused: a member twice, a device beside others, or too many.
            NoPartInMember: a member that the actor has nothing to do with.
        """
        require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM)
        if store.find_dataset(state.db, command.dataset) is not None:
            raise DatasetExists(
                f"the id `{command.dataset}` was used for a dataset before", hint="make a new id"
            )
        refs = check_members(command.members, before=frozenset())
        self._check_part(actor, command.members, state)
        body = DatasetDefined(members=command.members, root=members_root(refs))
        return Decision((Draft(DATASET_DEFINED.name, stream_of(DATASETS_STREAM, command.dataset), body),))

    def extend(self, actor: Actor, command: ExtendDataset, state: State) -> Decision:
        """Add members; tokens of before do not cover them.

        Raises:
            DatasetMissing, NotTheDefiner, MembersRefused, NoPartInMember.
        """
        row = _own_dataset(actor, command.dataset, state)
        before = store.members_of(state.db, row.dataset, version=row.version)
        refs = check_members(command.members, before=before)
        self._check_part(actor, command.members, state)
        body = DatasetExtended(members=command.members, root=members_root(refs))
        return Decision((Draft(DATASET_EXTENDED.name, stream_of(DATASETS_STREAM, row.dataset), body),))

    def _check_part(self, actor: Actor, members: tuple[Member, ...], state: State) -> None:
        by_organisation = actor.kind == ActorKind.ORGANISATION
        maximum = DATASETS_PER_MEMBER_MAX if by_organisation else DATASETS_BY_PEOPLE_MAX
        for member in members:
            resource = self._find_resource(state, ResourceKind(member.kind), member.id)
            parties = (resource.owner, resource.subject, *resource.readers)
            has_part = by_organisation or actor.id in parties
            if not has_part and not living_tokens_of(state, actor.id, resource):
                raise NoPartInMember(f"the actor has no part in `{member.ref}`")
            everybody, own = store.count_datasets(state.db, member.ref, definer=actor.id)
            if everybody >= maximum or own >= DATASETS_PER_DEFINER_MAX:
                raise MembersRefused(
                    f"`{member.ref}` is in as many datasets as it may be",
                    hint="grant on one of these, or dissolve those that no token is about any more",
                )


def dissolve_dataset(actor: Actor, command: DissolveDataset, state: State) -> Decision:
    """End a dataset on which nothing is granted any more, so that it counts for nobody's bound.

    Raises:
        DatasetMissing, NotTheDefiner.
        DatasetInUse: a token on it has neither ended by word nor expired.
    """
    row = _own_dataset(actor, command.dataset, state)
    if store.has_open_token(state.db, row.dataset, now=format_instant(state.now_ms)):
        raise DatasetInUse("a token is about the dataset", hint="revoke it first, or wait until it ends")
    draft = Draft(DATASET_DISSOLVED.name, stream_of(DATASETS_STREAM, row.dataset), DatasetDissolved())
    return Decision((draft,))


def _own_dataset(actor: Actor, dataset: str, state: State) -> DatasetRow:
    row = find_defined(dataset, state)
    if row.definer != actor.id:
        raise NotTheDefiner("somebody else defined the dataset")
    return row
