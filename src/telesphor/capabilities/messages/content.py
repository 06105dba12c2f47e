"""What is inside an envelope, for those who can open it: senders, readers and the monitor. The node never sees it.

Start at `read_content`; `docs/spec/messages.md` specifies the bytes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField, ObjectIdField
from telesphor.capabilities.messages.model import (
    ATTACHMENTS_MAX,
    MessageIdField,
    ThreadIdField,
    VersionField,
)
from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.sealing import ENVELOPE_PLAINTEXT_MAX

FORMAT: Final = "telesphor-message/1"
TEXT_CHARS_MAX: Final = 20_000
"""Some ten pages; what is longer is a file."""

NAME_CHARS_MAX: Final = 200


class ContentRefused(TelesphorError):
    """What was sealed is no message, or another one than the signed header says."""

    code = "content-refused"
    kind = Kind.INVALID


class AttachedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An attached object as the sender describes it; `size` is in bytes."""

    object: ObjectIdField
    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    media_type: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The plaintext of one version of a message. `reply_to` is another message of the thread."""

    format: Literal["telesphor-message/1"] = FORMAT
    v: Literal[1] = 1
    thread: ThreadIdField
    message: MessageIdField
    version: VersionField
    sender: ActorIdField
    text: Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
    attachments: Annotated[tuple[AttachedFile, ...], Meta(max_length=ATTACHMENTS_MAX)] = ()
    reply_to: MessageIdField | None = None


def encode_content(content: Content) -> bytes:
    """The canonical bytes that are sealed."""
    return canonical.encode(msgspec.to_builtins(content))


def read_content(data: bytes, *, thread: str, message: str, version: int, sender: str) -> Content:
    """Read what an envelope held, and hold it against the signed header.

    An envelope can be opened by its recipients and sealed by anybody: that it is this message of this sender, the
    request says that was signed around it, and so must what is inside.

    Raises:
        ContentRefused: it is no message, or another one.
    """
    try:
        content = msgspec.convert(canonical.decode(data, limit=ENVELOPE_PLAINTEXT_MAX), Content, strict=True)
    except (TelesphorError, msgspec.ValidationError) as error:
        raise ContentRefused("what was sealed is no message") from error
    if (content.thread, content.message, content.version, content.sender) != (
        thread,
        message,
        version,
        sender,
    ):
        raise ContentRefused("what was sealed is another message than its header says")
    return content
