"""The command line of the verifier: `telesphor-verify [--key ...] [--levels FILE] [--require LEVEL] FILE`.

Exit codes: 0 everything holds, 1 the verdict is fail, 2 the command or its files cannot be used,
3 `cryptography` is missing (see `__main__`).

Start at `run`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from telesphor.kernel.bundle import LIMITS
from telesphor.kernel.card import CARD_BYTES_MAX
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.levels import LEVELS_BYTES_MAX, LevelPolicy, parse_levels
from telesphor.kernel.tlog_proof import HEADER
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.check_proof import Known, verify_proof
from telesphor.verify.pins import PINS_BYTES_MAX, Pins, join_pins, read_keys, read_policy
from telesphor.verify.reach_level import HIGHEST, LOWEST
from telesphor.verify.report import Report

EXIT_PASS: Final = 0
EXIT_FAIL: Final = 1
EXIT_USAGE: Final = 2
MIB: Final = 1024 * 1024
# The whole file is held in memory; a machine that verifies has this much.
MAX_MIB_MAX: Final = 2048

_EPILOG: Final = """\
examples:
  telesphor-verify visit.bundle.zip
  telesphor-verify --key ledger-keys.txt visit.bundle.zip
  telesphor-verify --policy trusted.policy --json visit.bundle.zip
  telesphor-verify --key ledger-keys.txt --levels mine.toml --require L3 visit.bundle.zip
  telesphor-verify --key ledger-keys.txt --card w1.json --entry 12.json 12.tlog-proof

exit codes: 0 everything holds, 1 it does not, 2 wrong usage, 3 the package `cryptography` is missing
"""


class _Unusable(Exception):
    """A file named on the command line cannot be used."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Verify the bundle that the command line names, print the report, return the exit code."""
    options = _parser().parse_args(arguments)
    _never_fail_to_print()
    try:
        pins = _pins(options.key, options.policy)
        levels = None if options.levels is None else _read_levels(options.levels)
        limit = options.max_mib * MIB
        data = _read(options.bundle, limit=limit)
        if data.startswith(HEADER.encode() + b"\n"):
            return _print(_proof_report(data, options, pins, levels), options)
        if options.entry is not None or options.card:
            raise _Unusable("`--entry` and `--card` go with a proof of one entry, which this file is not")
    except (_Unusable, TelesphorError) as error:
        print(f"telesphor-verify: {error}", file=sys.stderr)
        return EXIT_USAGE
    limits = replace(LIMITS, archive_bytes=limit, file_bytes=limit)
    report = verify_bundle(data, pins=pins, levels=levels, require=options.require, limits=limits)
    return _print(report, options)


def _proof_report(
    data: bytes, options: argparse.Namespace, pins: Pins | None, levels: LevelPolicy | None
) -> Report:
    if options.entry is None or pins is None:
        raise _Unusable("a proof of one entry needs the entry (`--entry`) and the ledger's keys (`--key`)")
    entry = _read(options.entry, limit=ENTRY_BYTES_MAX)
    known = Known.of(pins, [_read(card, limit=CARD_BYTES_MAX + 1).strip() for card in options.card])
    return verify_proof(data, entry, known, levels=levels, require=options.require)


def _print(report: Report, options: argparse.Namespace) -> int:
    print(json.dumps(report.to_json(), indent=2) if options.json else report.to_text())
    return EXIT_PASS if report.passed else EXIT_FAIL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telesphor-verify",
        description="Check a Telesphor proof bundle, or the proof of one entry, offline, step by step.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bundle", metavar="FILE", help="the bundle, such as visit.bundle.zip, or one entry's .tlog-proof"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--key",
        metavar="VKEY_OR_FILE",
        action="append",
        default=[],
        help="accept the ledger with this vkey, or with those in this file; both of its keys must be given",
    )
    parser.add_argument(
        "--policy", metavar="FILE", help="accept the logs of this policy (C2SP tlog-policy); its quorum holds"
    )
    parser.add_argument(
        "--levels",
        metavar="FILE",
        help="judge the level by this policy (TOML); default is the one that ships",
    )
    parser.add_argument(
        "--require",
        metavar="LEVEL",
        type=_level,
        default=LOWEST,
        help="fail below this level, L1 to L5 (default L1)",
    )
    parser.add_argument("--entry", metavar="FILE", help="with a .tlog-proof: the entry's exact bytes")
    parser.add_argument(
        "--card",
        metavar="FILE",
        action="append",
        default=[],
        help="with a .tlog-proof: the card of a witness, a notary or the ledger that you know; repeat",
    )
    parser.add_argument(
        "--max-mib",
        metavar="N",
        type=_mib,
        default=LIMITS.archive_bytes // MIB,
        help="refuse a bundle above N MiB (default %(default)s)",
    )
    return parser


def _mib(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_MIB_MAX:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MAX_MIB_MAX}")
    return int(text)


def _level(text: str) -> int:
    if text not in (f"L{number}" for number in range(LOWEST, HIGHEST + 1)):
        raise argparse.ArgumentTypeError(f"must be L{LOWEST} to L{HIGHEST}")
    return int(text[1:])


def _never_fail_to_print() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _pins(keys: Sequence[str], policy: str | None) -> Pins | None:
    pins = [_key_pins(key) for key in keys]
    if policy is not None:
        pins.append(read_policy(_read(policy, limit=PINS_BYTES_MAX)))
    joined = join_pins(pins)
    if joined is not None and not joined.vkeys:
        raise _Unusable("the policy names no log; add its keys with --key")
    return joined


def _read_levels(path: str) -> LevelPolicy:
    return parse_levels(_read(path, limit=LEVELS_BYTES_MAX))


def _key_pins(key: str) -> Pins:
    # A vkey is a name, eight hex digits and base64, joined by plus signs; few files are named so.
    if key.count("+") >= 2 and not Path(key[:255]).exists():
        return read_keys(key)
    return read_keys(_read(key, limit=PINS_BYTES_MAX).decode("utf-8", "replace"))


def _read(path: str, *, limit: int) -> bytes:
    """The file's bytes, at most one more than the limit: enough for it to be refused."""
    try:
        with Path(path).open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise _Unusable(f"cannot read `{path[:255]}`: {reason}") from error
