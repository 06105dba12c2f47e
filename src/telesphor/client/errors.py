"""What can go wrong between a client and its node."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class ClientRefused(TelesphorError):
    """The node refused, and said why (RFC 9457).

    Attributes:
        code: the node's own code, such as `request-expired`: what programs match on.
        status: the HTTP status.
    """

    code = "refused-by-node"
    kind = Kind.INVALID

    def __init__(self, message: str, *, code: str, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code  # type: ignore[misc]  # this one class speaks for all of the node's codes
        self.status = status


class NodeUnreachable(TelesphorError):
    """The node does not answer, or the connection broke; whether a command was taken is not known."""

    code = "node-unreachable"
    kind = Kind.OVERLOADED


class LinkRefused(TelesphorError):
    """The link itself is refused, by one side or the other: another key exchange, another certificate."""

    code = "link-refused"
    kind = Kind.UNAUTHENTICATED


class AnswerRefused(TelesphorError):
    """The node answered something that is no answer to what was asked, or too large."""

    code = "answer-refused"
    kind = Kind.CORRUPT


class TransferFailed(TelesphorError):
    """A transfer broke again and again without getting further."""

    code = "transfer-failed"
    kind = Kind.OVERLOADED
