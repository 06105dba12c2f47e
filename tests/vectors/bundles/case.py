"""Bad bundles, each named after its one fault, with the step and the code that must refuse it.

They are made from a good bundle or from a story with one lie in it, signed throughout with the node's real
keys: most could only be made by the node itself, which is the attacker that a verifier is for. Another
verifier can be held to the same cases: `python -m tests.vectors.bundles DIR` writes each as a file, with
`expected.json` beside them.

Start at `fault`, which notes a case; the cases are in `form`, `place`, `order`, `grants`, `life`, `confirm` and
`attribution`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from telesphor.kernel.archive import read_archive, write_archive
from tests.unit.verify.builder import Edit, Story, repack


class Fault(NamedTuple):
    """A bad bundle: which step must refuse it, with which code, and how to make it."""

    name: str
    step: str
    code: str
    make: Callable[[], bytes]


FAULTS: list[Fault] = []


@cache
def good_story() -> Story:
    """The honest story; nobody may go on telling it."""
    return Story.told()


@cache
def good_bundle() -> bytes:
    return good_story().bundle()


def fault(step: str, code: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def note(make: Callable[[], bytes]) -> Callable[[], bytes]:
        FAULTS.append(Fault(make.__name__.replace("_", "-"), step, code, make))
        return make

    return note


def edited(edit: Edit, **options: Any) -> bytes:
    return repack(good_bundle(), edit, **options)


def untouched(_files: dict[str, bytes]) -> None:
    pass


def without(path: str) -> Edit:
    """An edit that takes a file away."""

    def take(files: dict[str, bytes]) -> None:
        del files[path]

    return take


def raw(edit: Edit) -> bytes:
    """Change files without listing and signing them anew, as anybody could."""
    files = read_archive(good_bundle())
    edit(files)
    return write_archive(files)
