"""What a person is told of a listener: its address, what is spoken there, and whether others can listen in."""

from __future__ import annotations

from typing import Final

from telesphor.runtime.console import say
from telesphor.runtime.serving import Listener
from telesphor.runtime.telemetry import log

EXPOSED: Final = "what is said here can be read on its way from other machines"


def say_listener(listener: Listener, *, hint: str) -> None:
    """One line, and a warning also in the log where other machines come in the clear; `hint` says what to do."""
    say(f"  {listener.url} {listener.speaks}")
    if listener.exposed:
        log.warning("other machines reach a listener in the clear", address=listener.url)
        say(f"  [bold yellow]warning:[/] {EXPOSED}; {hint}")
