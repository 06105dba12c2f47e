"""What a new token is about: a dataset as it is now, or the part of its parent's that a delegation names."""

from __future__ import annotations

from typing import NamedTuple

from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.model import DatasetRow, TokenRow, members_root
from telesphor.capabilities.access.tokens.refusals import DatasetMissing, WiderThanParent
from telesphor.kernel.digest import Digest
from telesphor.runtime.capability import State


class Covered(NamedTuple):
    """A dataset at a version, its members then and their root; nothing, for a role."""

    dataset: DatasetRow | None
    version: int | None
    refs: frozenset[str]
    root: Digest | None


NOTHING = Covered(None, None, frozenset(), None)


def covered_now(dataset: str | None, state: State) -> Covered:
    """Return what a dataset holds now; raises `DatasetMissing`."""
    if dataset is None:
        return NOTHING
    row = find_defined(dataset, state)
    return _covered_at(row, row.version, state)


def covered_within(dataset: str | None, parent: TokenRow, state: State) -> Covered:
    """Return the parent's dataset as it was then, or another whose members all are in that.

    Raises:
        DatasetMissing.
        WiderThanParent: one of them is not.
    """
    if dataset is None or parent.dataset is None:
        raise WiderThanParent("a role cannot be delegated, nor a part of a grant become one")
    if dataset == parent.dataset:
        return _covered_at(find_defined(dataset, state), parent.version, state)
    covered = covered_now(dataset, state)
    if not covered.refs <= store.members_of(state.db, parent.dataset, version=parent.version):
        raise WiderThanParent(
            "the delegation is wider than its parent in `dataset`", hint="name what its dataset has, or less"
        )
    return covered


def find_defined(dataset: str, state: State) -> DatasetRow:
    """Return a dataset that is one still; raises `DatasetMissing`."""
    row = store.find_dataset(state.db, dataset)
    if row is None or row.state == "dissolved":
        raise DatasetMissing(f"there is no dataset `{dataset}`, or no more")
    return row


def _covered_at(row: DatasetRow, version: int, state: State) -> Covered:
    refs = store.members_of(state.db, row.dataset, version=version)
    return Covered(row, version, refs, members_root(refs))
