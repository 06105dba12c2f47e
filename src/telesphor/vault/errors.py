"""What the vault refuses, each with its stable code.

Three families: what may not be asked (`ObjectMissing` to `SealMismatch`), what went wrong with a
transfer (`Upload...`, `RangeRefused`), and what is wrong with stored bytes (`ObjectDamaged` and below it,
each naming the object and the part).
"""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import RecordedRefusal


class ObjectMissing(TelesphorError):
    """There is no such object."""

    code = "object-missing"
    kind = Kind.NOT_FOUND


class ObjectExists(TelesphorError):
    """The id was used before."""

    code = "object-exists"
    kind = Kind.CONFLICT


class ObjectErased(TelesphorError):
    """The object was erased; nothing of it can be read ever after."""

    code = "object-erased"
    kind = Kind.GONE


class ObjectHeld(RecordedRefusal):
    """A legal hold keeps the object: nobody erases it before it is lifted. The attempt is on the ledger."""

    code = "object-held"
    kind = Kind.CONFLICT


class ObjectNotSealed(TelesphorError):
    """The object is still being written."""

    code = "object-not-sealed"
    kind = Kind.CONFLICT


class ObjectAlreadySealed(TelesphorError):
    """The object is sealed and does not change."""

    code = "object-already-sealed"
    kind = Kind.CONFLICT


class ObjectTooLarge(TelesphorError):
    """More bytes than one object holds."""

    code = "object-too-large"
    kind = Kind.TOO_LARGE


class MediaTypeRefused(TelesphorError):
    """The text is no bare media type."""

    code = "media-type-refused"
    kind = Kind.INVALID


class ReadersRefused(TelesphorError):
    """The list of readers is too long or names one twice."""

    code = "readers-refused"
    kind = Kind.INVALID


class VisitNotChecked(TelesphorError):
    """A plain read claims to happen within a visit."""

    code = "visit-not-checked"
    kind = Kind.INVALID


class NotTheOwner(TelesphorError):
    """The actor did not begin the object."""

    code = "not-the-owner"
    kind = Kind.FORBIDDEN


class SealMismatch(TelesphorError):
    """What is stored has another size or digest than the writer signed."""

    code = "seal-mismatch"
    kind = Kind.CONFLICT


class UploadIncomplete(TelesphorError):
    """The upload has not ended yet."""

    code = "upload-incomplete"
    kind = Kind.CONFLICT


class UploadComplete(TelesphorError):
    """The upload has ended; nothing can be added."""

    code = "upload-complete"
    kind = Kind.CONFLICT


class UploadExpired(TelesphorError):
    """The upload was not sealed in time and is given up."""

    code = "upload-expired"
    kind = Kind.GONE


class UploadBusy(TelesphorError):
    """Another connection is uploading the same object."""

    code = "upload-busy"
    kind = Kind.CONFLICT


class UploadInterrupted(TelesphorError):
    """The connection broke or stood still; whole parts are kept."""

    code = "upload-interrupted"
    kind = Kind.INVALID


class UploadHeaderRefused(TelesphorError):
    """A header of the upload is missing or malformed."""

    code = "upload-header-refused"
    kind = Kind.INVALID


class UploadOffsetRefused(TelesphorError):
    """The upload goes on at another offset; `headers` says at which."""

    code = "upload-offset-refused"
    kind = Kind.CONFLICT

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload goes on at offset `{offset}`", hint="ask by HEAD, then send from there")
        self.headers = {"upload-offset": str(offset), "upload-complete": "?0"}


class RangeRefused(TelesphorError):
    """The range is not one range within the object; `headers` says how long that is."""

    code = "range-refused"
    kind = Kind.RANGE

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message, hint="ask for one range, as `bytes=0-1023`")
        self.headers = {"content-range": f"bytes */{size}"}


class ObjectDamaged(TelesphorError):
    """Stored bytes or records are not what was sealed."""

    code = "object-damaged"
    kind = Kind.CORRUPT


class KeyMissing(ObjectDamaged):
    """The record of the node's wrap is gone although nobody erased the object."""

    code = "object-key-missing"


class HeaderForged(ObjectDamaged):
    """The header at the start of part 0 was not made with the object's key."""

    code = "object-header-forged"


class PartMissing(ObjectDamaged):
    """A part is not in the store."""

    code = "object-part-missing"


class PartResized(ObjectDamaged):
    """A part is shorter or longer than it was sealed."""

    code = "object-part-resized"


class PartForged(ObjectDamaged):
    """A part is not authentic: altered, moved, or of another object."""

    code = "object-part-forged"


class ErasedBytesRemain(ObjectDamaged):
    """An erased object still has keys or parts."""

    code = "object-erased-bytes-remain"
