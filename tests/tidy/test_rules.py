"""The rules themselves: each finds the fault it is named for, and leaves honest code alone."""

from __future__ import annotations

import pytest

from tests.tidy import rules
from tests.tidy.rules import Rule

VISITS = "capabilities/visits/service.py"
FAULTS: list[tuple[Rule, str, str]] = [
    (rules.opens_with_docstring, "ledger/entries.py", "x = 1\n"),
    (rules.fits_in_files, "ledger/entries.py", "x = 1\n" * 501),
    (rules.fits_in_functions, "ledger/entries.py", "def f():\n" + "    x = 1\n" * 60),
    (rules.keeps_sql_in_stores, "vault/service.py", "q = 'SELECT a FROM b WHERE c = ?'"),
    (rules.keeps_sql_in_stores, "vault/service.py", "q = 'insert or replace into t values (1)'"),
    (rules.keeps_sql_in_stores, "vault/service.py", "def f(t): return f'UPDATE {t} SET a = 1'"),
    (rules.keeps_sql_in_stores, "vault/service.py", "q = '''\n  CREATE TABLE t (a)'''"),
    (rules.takes_time_from_the_clock, "runtime/machine.py", "import time\nt = time.time()"),
    (rules.takes_time_from_the_clock, "runtime/machine.py", "from time import time_ns as now\nt = now()"),
    (rules.takes_time_from_the_clock, "runtime/machine.py", "from datetime import datetime\nt = datetime.now()"),
    (rules.takes_time_from_the_clock, "kernel/ids.py", "import datetime as d\nt = d.datetime.now(d.UTC)"),
    (rules.takes_chance_from_ids, "runtime/machine.py", "import random"),
    (rules.takes_chance_from_ids, "kernel/entry.py", "from random import randbytes"),
    (rules.takes_chance_from_ids, "kernel/entry.py", "import uuid\ni = uuid.uuid4()"),
    (rules.takes_chance_from_ids, "vault/service.py", "from uuid import uuid4"),
    (rules.takes_chance_from_ids, "vault/service.py", "import os\nk = os.urandom(32)"),
    (rules.takes_chance_from_ids, "vault/service.py", "import secrets\nk = secrets.token_bytes(32)"),
    (rules.reads_environment_in_settings, "cli.py", "import os\nx = os.environ['A']"),
    (rules.reads_environment_in_settings, "cli.py", "from os import environ as e\nx = e.get('A')"),
    (rules.reads_environment_in_settings, "cli.py", "import os\nx = os.getenv('A')"),
    (rules.leaves_other_stores_alone, VISITS, "from telesphor.capabilities.identity import store"),
    (rules.leaves_other_stores_alone, "app.py", "import telesphor.capabilities.visits.store"),
    (rules.needs_only_cryptography, "kernel/entry.py", "import msgspec"),
    (rules.needs_only_cryptography, "kernel/entry.py", "from telesphor.runtime import settings"),
    (rules.needs_only_cryptography, "verify/steps.py", "from telesphor.ledger.tiles import Tile"),
]  # fmt: skip

HONEST: list[tuple[Rule, str, str]] = [
    (rules.opens_with_docstring, "ledger/entries.py", '"""What an entry is."""\n'),
    (rules.keeps_sql_in_stores, "vault/store.py", "q = 'SELECT a FROM b'"),
    (rules.keeps_sql_in_stores, "vault/service.py", 'def f():\n    """Delete from the vault."""'),
    (rules.keeps_sql_in_stores, "vault/service.py", "m = 'select a purpose'"),
    (rules.takes_time_from_the_clock, "kernel/clock.py", "import time\nt = time.time_ns()"),
    (rules.takes_time_from_the_clock, "runtime/machine.py", "import time\nt = time.monotonic()"),
    (rules.takes_chance_from_ids, "kernel/ids.py", "import secrets\nk = secrets.token_bytes(1)"),
    (rules.takes_chance_from_ids, "kernel/sealing.py", "import secrets\nk = secrets.token_bytes(1)"),
    (rules.reads_environment_in_settings, "runtime/settings.py", "import os\nx = os.environ"),
    (rules.leaves_other_stores_alone, VISITS, "from telesphor.capabilities.visits import store"),
    (rules.leaves_other_stores_alone, VISITS, "from telesphor.capabilities.identity import service"),
    (rules.needs_only_cryptography, "kernel/sealing.py", "from cryptography.hazmat.primitives import hpke"),
    (rules.needs_only_cryptography, "verify/steps.py", "from telesphor.kernel import merkle"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "text"), FAULTS)
def test_fault_is_found(rule: Rule, place: str, text: str) -> None:
    assert rule(rules.parse_module(text, place=place)), f"{rule.__name__} overlooked it"


@pytest.mark.parametrize(("rule", "place", "text"), HONEST)
def test_honest_code_is_left_alone(rule: Rule, place: str, text: str) -> None:
    assert rule(rules.parse_module(text, place=place)) == []


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _, _ in FAULTS} == {*rules.EVERYWHERE_RULES, *rules.SOURCE_RULES}
