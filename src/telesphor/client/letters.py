"""Messages as clients make and open them: sealed to everyone named, with the signed header that names them.

Start at `write_letter`; `open_letter` is for recipients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from telesphor.capabilities.messages.content import Content, encode_content, read_content
from telesphor.capabilities.messages.model import PURPOSE, envelope_object
from telesphor.client.requests import Command
from telesphor.kernel.digest import digest_of
from telesphor.kernel.sealing import RecipientKey, RecipientPublic, open_envelope, seal_envelope


class Addressee(NamedTuple):
    """Somebody a message is sealed to; `role` is `member` or `monitor`."""

    actor: str
    key: RecipientPublic
    role: str


class Letter(NamedTuple):
    """An envelope, where to send it, and the type and body of the command that then names it."""

    envelope: bytes
    path: str
    kind: str
    body: dict[str, Any]

    @property
    def command(self) -> Command:
        """The signed header."""
        return self.kind, self.body


def write_letter(
    content: Content,
    addressees: Sequence[Addressee],
    *,
    urgency: str = "routine",
    keep_attachments: bool = False,
) -> Letter:
    """Seal a message, or a later version of one, and write its header.

    Args:
        addressees: all members and the monitor, each with the key it has now.
        keep_attachments: whether attached objects outlive the message.
    """
    envelope = seal_envelope(
        encode_content(content),
        recipients=[(one.key, one.role) for one in addressees],
        purpose=PURPOSE,
        object=envelope_object(content.message, content.version),
    )
    digest = digest_of(envelope)
    header: dict[str, Any] = {
        "thread": content.thread,
        "message": content.message,
        "envelope": digest,
        "size": len(envelope),
        "recipients": [
            {"actor": one.actor, "key": one.key.thumbprint(), "role": one.role} for one in addressees
        ],
        "attachments": [{"object": one.object, "keep": keep_attachments} for one in content.attachments],
    }
    first = content.version == 1
    body = {**header, "urgency": urgency} if first else {**header, "version": content.version}
    path = f"/v1/threads/{content.thread}/envelopes/{digest.removeprefix('sha256:')}"
    return Letter(envelope, path, "message.send/1" if first else "message.edit/1", body)


def open_letter(
    envelope: bytes, *, key: RecipientKey, thread: str, message: str, version: int, sender: str
) -> Content:
    """Open an envelope with a recipient's key, and hold it against the header.

    Raises:
        SealRefused, NotARecipient, LimitExceeded: it does not open.
        ContentRefused: it holds another message than the header says.
    """
    plaintext = open_envelope(envelope, key=key, purpose=PURPOSE, object=envelope_object(message, version))
    return read_content(plaintext, thread=thread, message=message, version=version, sender=sender)
