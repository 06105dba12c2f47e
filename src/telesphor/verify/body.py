"""Reading the members of entry bodies and requests, strictly.

The verifier must understand only a few types in full; those have exactly the members their version has,
each of its one type. Start at `exactly`.
"""

from __future__ import annotations

from collections.abc import Mapping

from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import Kind, TelesphorError

# X-Wing: ML-KEM-768 (1,184 bytes, FIPS 203) and X25519 (32 bytes).
KEM_PUBLIC_BYTES = 1216


class BodyRefused(TelesphorError):
    """A body or request does not have the members that its type and version say."""

    code = "body-refused"
    kind = Kind.INVALID


def exactly(value: object, what: str, *members: str) -> Mapping[str, object]:
    """Return `value` as an object that has exactly these members."""
    if not isinstance(value, Mapping) or set(value) != set(members):
        raise BodyRefused(f"{what} does not have exactly the members `{', '.join(sorted(members))}`")
    return value


def text_of(value: Mapping[str, object], member: str) -> str:
    """Return a member that is text."""
    text = value.get(member)
    if not isinstance(text, str):
        raise BodyRefused(f"the member `{member}` is not text")
    return text


def integer_of(value: Mapping[str, object], member: str) -> int:
    """Return a member that is an integer, zero or more."""
    number = value.get(member)
    if type(number) is not int or number < 0:
        raise BodyRefused(f"the member `{member}` is not an integer of zero or more")
    return number


def pair_of(value: Mapping[str, object], member: str) -> tuple[str, str]:
    """Return a member that is a list of two texts."""
    match value.get(member):
        case [str() as first, str() as second]:
            return first, second
    raise BodyRefused(f"the member `{member}` is not a list of two texts")


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON; Python alone would take `1` and `true` for equal."""
    return canonical.encode(one) == canonical.encode(other)


def check_kem(value: Mapping[str, object]) -> None:
    """Refuse unless the member `kem` has the form of an X-Wing public key."""
    if len(base64url.decode(text_of(value, "kem"))) != KEM_PUBLIC_BYTES:
        raise BodyRefused(f"the member `kem` is not a key of {KEM_PUBLIC_BYTES} bytes")
