"""Contracts that ship with a node: a source, a manifest and examples each, to deploy as they are or to begin from.

`consent-expiry`, `reading-alert`, `clone-alarm`, `two-person-approval` and `claim-assembly`.
`library_path` finds their files.
"""

from __future__ import annotations

from pathlib import Path

LIBRARY = ("consent-expiry", "reading-alert", "clone-alarm", "two-person-approval", "claim-assembly")


def library_path(name: str) -> Path:
    """The source of a shipped contract; its manifest and its cases stand beside it."""
    assert name in LIBRARY, f"`{name}` is not shipped"
    return Path(__file__).parent / f"{name}.star"
