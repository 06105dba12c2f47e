"""The built app as it is answered: which files, how long browsers keep them, and nothing else of the folder."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from telesphor.runtime.web import FILES_MAX, AppRefused, WebApp, WebFile, answer, read_app

SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small app."""
    for name, data in {
        "index.html": b"<!doctype html><script type=module src=/assets/app-1a2b.js></script>",
        "sw.js": b"self.skipWaiting();",
        "manifest.webmanifest": b"{}",
        "assets/app-1a2b.js": SCRIPT,
        "assets/app-1a2b.js.map": b"{}",
        "icons/mark.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "notes.sqlite": b"no",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


async def ask(file: WebFile, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "method": method, "headers": fields}
    await answer(file, scope, receive, send)
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


def found(folder: Path, path: str) -> WebFile:
    file = WebApp(folder).find(path)
    assert file is not None
    return file


async def test_hashed_file_is_kept_for_good_and_the_page_is_asked_for_each_time(folder: Path) -> None:
    _, page, _ = await ask(found(folder, "/"))
    assert (page["cache-control"], page["content-type"]) == ("no-cache", "text/html; charset=utf-8")
    _, script, _ = await ask(found(folder, "/assets/app-1a2b.js"))
    assert script["cache-control"] == "public, max-age=31536000, immutable"
    assert (await ask(found(folder, "/sw.js")))[1]["cache-control"] == "no-cache"


async def test_browser_that_has_the_file_gets_none(folder: Path) -> None:
    file = found(folder, "/sw.js")
    status, headers, body = await ask(file, if_none_match=file.tag)
    assert (status, body) == (304, b"")
    assert "content-security-policy" in headers


async def test_large_text_is_packed_for_those_who_take_it(folder: Path) -> None:
    file = found(folder, "/assets/app-1a2b.js")
    _, headers, body = await ask(file, accept_encoding="br, gzip")
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "accept-encoding")
    assert gzip.decompress(body) == SCRIPT
    assert int(headers["content-length"]) == len(body)
    assert (await ask(file))[2] == SCRIPT


async def test_head_has_the_headers_of_get_and_no_body(folder: Path) -> None:
    file = found(folder, "/assets/app-1a2b.js")
    _, headers, body = await ask(file, "HEAD")
    assert (headers["content-length"], body) == (str(len(SCRIPT)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-1a2b.js.map",
        "/notes.sqlite",
        "/assets",
        "/assets/",
        "/../x",
        "//index.html",
        "/nothing",
        "*",
        "",
    ],
)
def test_what_is_no_file_of_the_app_is_not_answered(folder: Path, path: str) -> None:
    assert WebApp(folder).find(path) is None


def test_link_out_of_the_folder_is_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("secret")
    (folder / "secret.txt").symlink_to(secret)
    assert WebApp(folder).find("/secret.txt") is None


def test_app_that_would_hide_a_path_of_the_node_is_refused(folder: Path) -> None:
    (folder / "v1").mkdir()
    (folder / "v1" / "commands.js").write_text("")
    with pytest.raises(AppRefused):
        read_app(folder)


def test_folder_that_is_no_app_is_refused_and_the_page_says_how_to_build_one(folder: Path) -> None:
    for number in range(FILES_MAX + 1):
        (folder / f"{number}.txt").touch()
    with pytest.raises(AppRefused):
        read_app(folder)
    file = WebApp(folder).find("/")
    assert file is not None and b"not built" in file.data


def test_app_that_is_built_later_is_found(tmp_path: Path) -> None:
    app = WebApp(tmp_path)
    before = app.find("/")
    assert before is not None and b"npm run build" in before.data
    (tmp_path / "index.html").write_text("<!doctype html>")
    after = app.find("/")
    assert after is not None and after.data == b"<!doctype html>"
