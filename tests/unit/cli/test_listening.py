"""What is said of a listener: its address and what is spoken, and a warning where others could listen in."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from telesphor.cli.listening import EXPOSED, say_listener
from telesphor.runtime.serving import IN_THE_CLEAR, Listener, is_loopback, listen


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_listener_in_the_clear_that_others_reach_is_warned_of_on_the_console_and_in_the_log(
    capsys: pytest.CaptureFixture[str], host: str, warned: bool
) -> None:
    listener = Listener(listen(host, 0), None, IN_THE_CLEAR)
    with capture_logs() as logs:
        say_listener(listener, hint="use TLS")
    listener.socket.close()
    said = capsys.readouterr().err
    assert f"http://{host}:" in said and IN_THE_CLEAR in said
    assert (f"warning: {EXPOSED}; use TLS" in " ".join(said.split())) is warned
    assert [line["log_level"] for line in logs] == (["warning"] if warned else [])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.5", "localhost.example", "127.0.0.1.example", "clinic"]
)
def test_whatever_else_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)
