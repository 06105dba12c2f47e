"""Whom a thing is about: what it says itself, or whose visit it belongs to.

The log of a patient is of what is about it; whoever writes within a visit need not repeat its patient.
"""

from __future__ import annotations

from collections.abc import Callable

from telesphor.capabilities.access.model import Resource, ResourceKind
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import State

FindResource = Callable[[State, ResourceKind, str], Resource]
"""What a thing is, as the capability that owns it knows it; raises where there is none such."""


def subject_of(state: State, resource: Resource, *, find_resource: FindResource) -> str | None:
    """Return whom a resource is about, as far as the node knows."""
    if resource.subject is not None or resource.visit is None:
        return resource.subject
    try:
        return find_resource(state, ResourceKind.VISIT, resource.visit).subject
    except TelesphorError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        return None  # Who writes may name a visit that never was opened.
