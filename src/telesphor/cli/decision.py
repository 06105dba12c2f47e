"""`decision`: reach the access decisions of a proof bundle again, offline, and read them in plain words.

Both commands verify the bundle first, with the verifier's own code; neither needs a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from telesphor.capabilities.access.documents import document_of
from telesphor.capabilities.access.policies import texts_by_id
from telesphor.capabilities.access.replay import Replayed, replay_all
from telesphor.cli.connect import JsonOption
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX, Bundle, read_bundle
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.runtime.console import EXIT_REFUSED, emit_json, people, refusals, say, table
from telesphor.verify import verify_bundle
from telesphor.verify.pins import PINS_BYTES_MAX, Pins, join_pins, read_keys

BundleArgument = Annotated[
    Path, typer.Argument(help="The proof bundle, such as visit.bundle.zip.", exists=True, dir_okay=False)
]
KeyOption = Annotated[
    list[Path] | None,
    typer.Option("--key", help="The ledger's keys as you know them; repeat.", exists=True, dir_okay=False),
]
PositionOption = Annotated[int | None, typer.Option(help="Only the decision at this position.", min=0)]


class BundleFailed(TelesphorError):
    """The bundle does not verify, so nothing in it is replayed."""

    code = "bundle-failed"
    kind = Kind.INVALID


class NothingDecided(TelesphorError):
    """The bundle holds no such decision."""

    code = "nothing-decided"
    kind = Kind.NOT_FOUND


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tree = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    tree.command()(replay)
    tree.command()(show)
    app.add_typer(tree, name="decision")


_HELP = """Replay and read access decisions, offline.

Example: telesphor decision replay visit.bundle.zip
"""


def replay(
    bundle: BundleArgument,
    key: KeyOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Pass though some decisions' documents are not shown.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Verify a bundle, then decide each access decision in it again from its documents, and compare.

    Exit code 1 if one comes out differently, or cannot be replayed.

    Example: telesphor decision replay visit.bundle.zip --key ledger-keys.txt
    """
    with refusals():
        _, found = _read(bundle, key)
        failed = [line for line in found if line.fault]
        missing = [line for line in found if line.outcome is None and not line.fault]
        if json:
            emit_json({"decisions": found, "failed": len(failed), "missing": len(missing)})
        else:
            _print(found)
            _conclude(found, len(failed), len(missing))
        if failed or (missing and not partial):
            raise typer.Exit(EXIT_REFUSED)


def show(
    bundle: BundleArgument, key: KeyOption = None, position: PositionOption = None, json: JsonOption = False
) -> None:
    """Say in plain words who was allowed or denied what, for which purpose and by which rule.

    Example: telesphor decision show visit.bundle.zip --position 41
    """
    with refusals():
        opened, found = _read(bundle, key)
        chosen = [line for line in found if position is None or line.position == position]
        if not chosen:
            raise NothingDecided("the bundle holds no decision there", hint="see `telesphor decision replay`")
        if json:
            emit_json([_as_json(line, opened) for line in chosen])
            return
        for line in chosen:
            _tell(line, _rules(line, opened.documents))


def _read(path: Path, keys: list[Path] | None) -> tuple[Bundle, list[Replayed]]:
    """The bundle, verified, and its decisions, replayed."""
    with path.open("rb") as source:
        data = source.read(BUNDLE_BYTES_MAX + 1)
    if len(data) > BUNDLE_BYTES_MAX:
        raise LimitExceeded(f"the bundle is larger than {BUNDLE_BYTES_MAX} bytes")
    report = verify_bundle(data, pins=_pins(keys))
    if not report.passed:
        _refuse(report.to_text())
    bundle = read_bundle(data)
    found = list(replay_all(bundle.entries, bundle.documents))
    if not found:
        raise NothingDecided("the bundle holds no access decision")
    return bundle, found


def _pins(keys: list[Path] | None) -> Pins | None:
    texts = [path.read_bytes()[:PINS_BYTES_MAX].decode("utf-8", "replace") for path in keys or ()]
    return join_pins([read_keys(text) for text in texts])


def _refuse(report: str) -> NoReturn:
    people.print(report, markup=False)
    raise BundleFailed("the bundle does not verify, so its decisions are not replayed")


def _print(found: list[Replayed]) -> None:
    rows = [
        (
            str(line.position),
            line.at.replace("T", " ")[:19],
            f"..{line.actor[-6:]}",
            line.action,
            _short(line.resource),
            line.purpose,
            line.fault or line.outcome or "not shown",
            ", ".join(line.reasons),
        )
        for line in found
    ]
    columns = ("entry", "at (UTC)", "actor", "action", "resource", "purpose", "again", "because of")
    table("decisions", columns, rows)


def _conclude(found: list[Replayed], failed: int, missing: int) -> None:
    same = len(found) - failed - missing
    say(f"{same} of {len(found)} decisions come out the same, with the same reasons")
    if missing:
        say(f"{missing} cannot be replayed: their documents are not shown")
    for line in found:
        if line.fault:
            _tell_plainly(f"entry {line.position}: {line.message} ({line.fault})")


def _tell(line: Replayed, rules: Mapping[str, str]) -> None:
    verb = {"allow": "was allowed to", "deny": "was denied to"}.get(line.outcome or "", "asked to")
    purpose = f", for {line.purpose}" if line.purpose else ""
    asked = f"{verb} {line.action} {line.resource}{purpose}"
    _tell_plainly(f"At {line.at} actor {line.actor} {asked} (entry {line.position}).")
    if line.fault:
        _tell_plainly(f"  It does not replay: {line.message}.")
    elif line.outcome is None:
        _tell_plainly("  Its documents are not shown, so nothing more can be said.")
    elif not line.reasons:
        why = f"; could not be evaluated: {', '.join(line.failed)}" if line.failed else ""
        _tell_plainly(f"  No rule permitted it{why}.")
    for rule, text in rules.items():
        indented = text.replace("\n", "\n    ")
        _tell_plainly(f"  By rule {rule}:\n    {indented}")


def _rules(line: Replayed, documents: Mapping[Digest, bytes]) -> dict[str, str]:
    """The text of each policy that determined the decision."""
    texts: dict[str, str] = {}
    for digest in line.policies:
        texts |= texts_by_id(document_of(documents[digest]))
    return {reason: texts.get(reason, "") for reason in line.reasons}


def _as_json(line: Replayed, bundle: Bundle) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(line)
    return {**told, "rules": _rules(line, bundle.documents)}


def _tell_plainly(text: str) -> None:
    """One paragraph of what may be a stranger's: no markup, no control characters."""
    plain = "".join(mark if mark.isprintable() or mark == "\n" else "?" for mark in text)
    people.print(plain, markup=False, soft_wrap=True)


def _short(resource: str) -> str:
    kind, _, id = resource.partition("/")
    return f"{kind}/..{id[-6:]}"
