"""What the node sees of an envelope without opening it, held against the signed header that names it.

1. The envelope is sealed for this version of this message, and for nothing else.
2. Its recipients are those of the signed header, one by one: the same keys in the same roles and order.
3. These are exactly the active members and the monitor in force, each under the key that it has now.

What is sealed to whom only recipients can tell: that the monitor's part opens, the monitor sees, and holds what does
not. Start at `check_recipients`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from telesphor.capabilities.messages.model import PURPOSE, Recipient, RecipientRole, envelope_object
from telesphor.capabilities.messages.refusals import (
    EnvelopeMismatch,
    EnvelopeRefused,
    MonitorNotNamed,
    RecipientKeyStale,
    RecipientMissing,
    RecipientRepeated,
    RecipientStranger,
)
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.sealing import SealRefused, read_header


class SeenHeader(msgspec.Struct, frozen=True):
    """What was seen of an envelope when it came: its object, and thumbprint and role of each recipient."""

    object: str
    recipients: tuple[tuple[str, str], ...]


def see_header(data: bytes) -> str:
    """What an envelope says of itself, as JSON; raises `EnvelopeRefused` for bytes that are no message's envelope."""
    try:
        header = read_header(data)
    except (SealRefused, LimitExceeded) as error:
        raise EnvelopeRefused(f"the bytes are no envelope: {error.message}") from error
    if header.purpose != PURPOSE:
        raise EnvelopeRefused(f"the envelope is not sealed for the purpose `{PURPOSE}`")
    seen = SeenHeader(header.object, tuple((str(key), role) for key, role in header.recipients))
    return msgspec.json.encode(seen).decode()


def check_header(seen: str, *, message: str, version: int, recipients: Sequence[Recipient]) -> None:
    """Steps 1 and 2; raises `EnvelopeMismatch`."""
    header = msgspec.json.decode(seen, type=SeenHeader)
    if header.object != envelope_object(message, version):
        raise EnvelopeMismatch("the envelope is sealed for another message or version")
    if header.recipients != tuple((str(one.key), str(one.role)) for one in recipients):
        raise EnvelopeMismatch(
            "the envelope and the signed header name different recipients",
            hint="name each with the key and the role it is sealed under, in the same order",
        )


def check_recipients(
    recipients: Sequence[Recipient], *, members: Mapping[str, str], monitor: str, monitor_key: str
) -> None:
    """Step 3.

    Args:
        members: the thumbprint of the key that each active member has now.

    Raises:
        RecipientRepeated, MonitorNotNamed, RecipientStranger, RecipientMissing, RecipientKeyStale.
    """
    named = {str(one.actor): one for one in recipients}
    if len(named) != len(recipients) or len({one.key for one in recipients}) != len(recipients):
        raise RecipientRepeated("a recipient is named twice")
    own = named.pop(monitor, None)
    if own is None or own.role is not RecipientRole.MONITOR:
        raise MonitorNotNamed(
            "the compliance monitor is not named as a recipient",
            hint="seal to it as well; the thread's view of recipients names it",
        )
    for actor, recipient in named.items():
        if actor not in members or recipient.role is not RecipientRole.MEMBER:
            raise RecipientStranger(f"recipient `{actor}` is no member of the thread")
    for actor in members:
        if actor not in named:
            raise RecipientMissing(
                f"the message is not sealed to `{actor}`", hint="seal it to all members, yourself too"
            )
    for recipient, key in [(own, monitor_key), *((one, members[actor]) for actor, one in named.items())]:
        if recipient.key != key:
            raise RecipientKeyStale(
                f"`{recipient.actor}` has another key by now", hint="look the recipients up, and seal anew"
            )
