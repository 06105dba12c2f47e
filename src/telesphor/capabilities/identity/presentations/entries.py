"""The facts of presentations, on `presentation/<id>`: requested, opened, presented or refused, read, withdrawn.

They hold digests, opaque ids and times. The names and values of factors are in documents.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField, CommitmentField
from telesphor.capabilities.identity.presentations.model import (
    WANTED_MAX,
    CauseField,
    DigestField,
    InstantField,
)
from telesphor.runtime.capability import Body, EntryType
from telesphor.vault.model import Purpose


class Requested(Body, frozen=True, kw_only=True):
    """A verifier asks; `request` is the document that says for what, `nonce` the digest of its nonce."""

    request: DigestField
    nonce: DigestField
    purpose: Purpose
    holder: ActorIdField | None
    expires_at: InstantField


class Opened(Body, frozen=True, kw_only=True):
    """An actor looked at the request."""

    request: DigestField


class Presented(Body, frozen=True, kw_only=True):
    """The holder showed what it approved. `vp` is the answer's document, `factors` that of what it shows.

    `shown` commits to each factor for itself, so that one of them can be shown to somebody else without the others.
    """

    request: DigestField
    vp: DigestField
    factors: DigestField
    shown: Annotated[tuple[CommitmentField, ...], Meta(max_length=WANTED_MAX)]
    expires_at: InstantField


class Refused(Body, frozen=True, kw_only=True):
    """An answer was refused; `cause` is the code of what failed."""

    vp: DigestField
    cause: CauseField


class Read(Body, frozen=True, kw_only=True):
    """The verifier, or the holder, was given what was shown."""

    factors: DigestField


class Withdrawn(Body, frozen=True, kw_only=True):
    """From the next entry on nothing is shown any more."""


REQUESTED = EntryType("presentation.requested/1", Requested)
OPENED = EntryType("presentation.opened/1", Opened)
PRESENTED = EntryType("presentation.presented/1", Presented)
REFUSED = EntryType("presentation.refused/1", Refused)
READ = EntryType("presentation.read/1", Read)
WITHDRAWN = EntryType("presentation.withdrawn/1", Withdrawn)

ENTRIES = (REQUESTED, OPENED, PRESENTED, REFUSED, READ, WITHDRAWN)
