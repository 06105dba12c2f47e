"""The verifier's command line: its exit codes are a promise to scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telesphor.kernel.levels import DEFAULT_LEVELS
from telesphor.verify.check_bundle import STEPS
from telesphor.verify.cli import run
from tests.unit.verify.builder import log_signer
from tests.vectors.bundles.all import good_bundle
from tests.vectors.bundles.confirm import witnessed_bundle

VKEYS = log_signer().vkeys()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "visit.bundle.zip"
    path.write_bytes(good_bundle())
    return str(path)


def test_good_bundle_exits_0_and_prints_each_step(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([good]) == 0
    text = capsys.readouterr().out
    assert text.count(" ok    ") == len(STEPS)
    assert "PASS at level L1" in text


def test_bad_bundle_exits_1(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(good).write_bytes(good_bundle()[:-1])
    assert run([good]) == 1
    assert "FAIL at step 1 (archive)" in capsys.readouterr().out


def test_json_is_printed_for_machines(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", good]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["verdict"], value["level"], value["pinned"], len(value["steps"])) == (
        "pass",
        "L1",
        False,
        len(STEPS),
    )


def test_keys_are_pinned_one_by_one_or_by_file(
    good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ledger+keys+2026.txt"
    file.write_text("\n".join(VKEYS))
    for arguments in (["--key", VKEYS[0], "--key", VKEYS[1]], ["--key", str(file)]):
        assert run(["--json", *arguments, good]) == 0
        assert json.loads(capsys.readouterr().out)["pinned"] is True


def test_other_keys_exit_1(good: str) -> None:
    other = log_signer("other").vkeys()
    assert run(["--key", other[0], "--key", other[1], good]) == 1


def test_policy_pins_the_log(good: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"log {VKEYS[0]}\nlog {VKEYS[1]}\nquorum none\n")
    assert run(["--policy", str(policy), good]) == 0


def test_policy_that_demands_witnesses_exits_1(
    good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"log {VKEYS[0]}\nlog {VKEYS[1]}\nwitness w {log_signer('w').vkeys()[1]}\nquorum w\n")
    assert run(["--policy", str(policy), good]) == 1
    assert "the quorum of the policy is not met: `w` has not signed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["/no/such/file"],
        ["--key", "/no/such/file", "GOOD"],
        ["--key", "a+b+c", "GOOD"],
        ["--policy", "GOOD", "GOOD"],
    ],
)
def test_files_that_cannot_be_used_exit_2_in_one_line(
    arguments: list[str], good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([good if word == "GOOD" else word for word in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_policy_without_a_log_exits_2(good: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text("quorum none\n")
    assert run(["--policy", str(policy), good]) == 2


@pytest.mark.parametrize(
    "arguments", [[], ["--nonsense", "x"], ["--max-mib", "0", "x"], ["--max-mib", "many", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(arguments)
    assert stopped.value.code == 2


def test_help_shows_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "telesphor-verify --key" in text
    assert "exit codes" in text


def test_file_above_the_limit_is_not_read_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: a terabyte that takes no room
    assert run(["--max-mib", "1", str(path)]) == 1
    assert "limit-exceeded" in capsys.readouterr().out


def test_level_that_is_demanded_decides_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "witnessed.zip"
    path.write_bytes(witnessed_bundle())
    assert run(["--require", "L4", str(path)]) == 0
    capsys.readouterr()
    assert run(["--json", "--require", "L5", str(path)]) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["verdict"], value["level"]) == ("fail", None)
    assert [step["met"] for step in value["levels"]] == [True, True, True, True, False]


def test_level_is_judged_by_the_readers_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, policy = tmp_path / "witnessed.zip", tmp_path / "mine.toml"
    bundle.write_bytes(witnessed_bundle())
    policy.write_text(DEFAULT_LEVELS.replace("validators = 3", "validators = 4"))
    assert run(["--json", "--levels", str(policy), str(bundle)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["level"], value["policy"]["given"]) == ("L1", True)
    assert "4" in value["levels"][1]["missing"]


@pytest.mark.parametrize("text", ["", "format = 1", DEFAULT_LEVELS + "\nmore = 1\n"])
def test_levels_that_are_no_policy_exit_2(good: str, tmp_path: Path, text: str) -> None:
    policy = tmp_path / "mine.toml"
    policy.write_text(text)
    assert run(["--levels", str(policy), good]) == 2


@pytest.mark.parametrize("level", ["L0", "L6", "3", "l3", ""])
def test_level_that_does_not_exist_exits_2(good: str, level: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(["--require", level, good])
    assert stopped.value.code == 2
