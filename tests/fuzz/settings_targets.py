"""What is fuzzed of settings: the file that an operator writes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from telesphor.runtime.settings import SETTINGS_FILE, load_settings
from tests.fuzz.target import Target


@cache
def _settings_folder() -> Path:
    return Path(mkdtemp(prefix="telesphor-fuzz-"))


def take_settings(data: bytes) -> None:
    (_settings_folder() / SETTINGS_FILE).write_bytes(data)
    load_settings(_settings_folder())


def _settings() -> list[bytes]:
    return [
        b'origin = "a.example/b"\nport = 1\nhost = "::1"\nwriter_route = true\n',
        b'origin = "a.example"\npassphrase = "x"\npassphrase_file = "/run/x"\ncheckpoint_interval_ms = 10\n',
        b'origin = "a.example"\nlog_level = "info"\nvault_url = "s3://b/c"\nqueued_requests_max = 1\n',
        b"[table]\nx = 1979-05-27T07:32:00Z\ny = [1, 2.5, inf, nan, {a = 1}]\n",
    ]


TARGETS = {
    "settings": Target(take_settings, _settings),
}
