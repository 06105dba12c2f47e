"""The one fact of sessions, on `session/<actor>`: that one was opened. When it ended is not recorded."""

from __future__ import annotations

from telesphor.runtime.capability import Body, EntryType

SESSION_STREAM = "session"


class SessionOpened(Body, frozen=True, kw_only=True):
    """The actor may begin one session, within a minute."""


SESSION_OPENED = EntryType("session.opened/1", SessionOpened)

ENTRIES = (SESSION_OPENED,)
