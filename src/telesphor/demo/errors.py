"""What a demonstration stops for: it found out that something is not so."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class ContentDiffers(TelesphorError):
    """What was read is not what was sealed."""

    code = "content-differs"
    kind = Kind.CORRUPT


class RunDiffers(TelesphorError):
    """A contract did not come to what it must come to."""

    code = "run-differs"
    kind = Kind.CORRUPT


class NobodyAlarmed(TelesphorError):
    """An emergency was opened, and somebody who must know of it does not."""

    code = "nobody-alarmed"
    kind = Kind.INTERNAL
