"""Commands that ask a node get the options that say which, and keep their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from telesphor.cli.asking import Place, at_node
from telesphor.cli.connect import AsOption
from telesphor.kernel.errors import Kind, TelesphorError

SEEN: list[tuple[Place, str, Path, int]] = []


class Refused(TelesphorError):
    """For these tests."""

    code = "refused-here"
    kind = Kind.INVALID


@at_node
def look(
    place: Place,
    name: Annotated[str, typer.Argument(help="What to look at.")],
    wallet: AsOption,
    times: Annotated[int, typer.Option(help="How often.")] = 1,
) -> None:
    """Look at something."""
    if not times:
        raise Refused("`times` is nothing", hint="look once")
    SEEN.append((place, name, wallet, times))


def run(*words: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(look)
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output


def test_options_of_the_place_and_of_the_command_arrive() -> None:
    SEEN.clear()
    words = ("thing", "--as", "me.key", "--node", "/srv/n", "--url", "http://127.0.0.1:1", "--times", "3")
    assert run(*words)[0] == 0
    ((place, name, wallet, times),) = SEEN
    assert (place.node, place.url, place.origin, place.trust) == (
        Path("/srv/n"),
        "http://127.0.0.1:1",
        "",
        None,
    )
    assert (name, wallet, times) == ("thing", Path("me.key"), 3)


def test_help_names_both() -> None:
    shown = run("--help")[1]
    assert "What to look at." in shown
    assert "The node's folder." in shown
    assert "--identity" in shown


def test_refusal_is_one_line_with_its_hint() -> None:
    code, output = run("thing", "--as", "me.key", "--times", "0")
    assert code == 1
    assert "refused-here" in output
    assert "look once" in output
