"""An auditor at a whole node: a watch is opened, entries are handed out under it, and it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telesphor.kernel.digest import digest_of

if TYPE_CHECKING:
    from tests.support.everything import Story


def ask_watches(story: Story) -> None:
    """Look at the log, and have a file of it."""
    watch, share, file = story.ids.next(), story.ids.next(), digest_of(b"file")
    opening = {"watch": watch, "scope": "log", "subject": None, "minutes": 5, "live": False}
    story.ask(story.hospital, ("audit.watch/1", opening))
    body = {"watch": watch, "share": share, "entries": [[1, 2]], "opened": [], "file": file}
    story.node.desks.compliance.exports.keep(share, actor=story.hospital.actor, body=body, bundle=b"file")
    story.ask(story.hospital, ("audit.export/1", body))
    story.ask(story.hospital, ("audit.end/1", {"watch": watch}))
