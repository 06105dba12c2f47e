"""The web app as the node serves it: the built files at `/`, under a policy that lets nothing else in.

Guarantees
- Only files of the built app are answered, found by their exact path among those that were read: no path leads out
  of its folder.
- Every page has a content security policy without any exception: no inline script or style, nothing from elsewhere,
  no frame around it (CSP Level 3).
- What has its hash in its name is kept by browsers for good; everything else is asked for again each time.

The app's own routes stand in the fragment, so no other path leads to it. Start at `WebApp`.
"""

from __future__ import annotations

import gzip
import threading
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from litestar.types import Receive, Scope, Send

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.telemetry import log

WEB_FOLDER: Final = Path(__file__).parents[1] / "web"
"""Where the build puts the app, and the package carries it."""

FILES_MAX: Final = 2_000
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
APP_BYTES_MAX: Final = 64 * 1024 * 1024
"""The app is some two megabytes and is kept in memory; what is this much larger is some other folder."""

GZIP_BYTES_MIN: Final = 1_024
"""Below one network packet nothing is gained."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; font-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)

HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "permissions-policy": (
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
"""Other files of the folder, source maps among them, are not served."""

_PACKED: Final = frozenset({".png", ".webp", ".woff2", ".ico"})
_HASHED: Final = "/assets/"
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_EACH_TIME: Final = "no-cache"
_NODES_OWN: Final = frozenset({"v1", "schema", "docs-files", "tile", "healthz", "metrics", ".well-known"})

NOT_BUILT: Final = b"""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Telesphor</title></head>
<body>
<h1>The node is running. Its web app is not built yet.</h1>
<p>In the checkout, with Node 20 or newer:</p>
<pre>cd web
npm ci
npm run build</pre>
<p>Then load this page again. The API is described at <a href="/schema">/schema</a>.</p>
</body>
</html>
"""


class AppRefused(TelesphorError):
    """The folder is not that of a built app."""

    code = "app-refused"
    kind = Kind.INVALID


class WebFile(NamedTuple):
    """One file as it is answered; `packed` is the same by gzip where that is smaller."""

    media_type: str
    cache: str
    tag: str
    data: bytes
    packed: bytes | None


class WebApp:
    """The files of one built app. Safe between threads.

    They are read when first asked for. While there are none, `/` says how to build them.
    """

    def __init__(self, folder: Path = WEB_FOLDER) -> None:
        self._folder = folder
        self._files: dict[str, WebFile] = {}
        self._lock = threading.Lock()

    def find(self, path: str) -> WebFile | None:
        """The file that is answered at `path`; None for what is not the app's, or cannot be."""
        if _first(path) in _NODES_OWN:  # The hot ones: nothing of the app is looked for.
            return None
        with self._lock:
            if not self._files and (self._folder / "index.html").is_file():
                self._files = self._read()
        if path in self._files:
            return self._files[path]
        return _NOT_BUILT if path == "/" and not self._files else None

    def _read(self) -> dict[str, WebFile]:
        try:
            return read_app(self._folder)
        except (AppRefused, OSError) as error:
            log.error("the web app is not served", error=str(error))
            return {}


async def answer(file: WebFile, scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer a GET or HEAD by a file, or by 304 where the browser has it (RFC 9110, section 13.1.2)."""
    asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
    headers = {**HEADERS, "cache-control": file.cache, "etag": file.tag, "vary": "accept-encoding"}
    if file.tag in asked.get(b"if-none-match", ""):
        await _send(send, 304, headers, b"")
        return
    body = file.data
    if file.packed is not None and "gzip" in asked.get(b"accept-encoding", ""):
        body, headers["content-encoding"] = file.packed, "gzip"
    headers |= {"content-type": file.media_type, "content-length": str(len(body))}
    await _send(send, 200, headers, b"" if scope.get("method") == "HEAD" else body)


async def _send(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def read_app(folder: Path) -> dict[str, WebFile]:
    """The files of a built app by the path each is answered at; raises `AppRefused`."""
    files: dict[str, WebFile] = {}
    size = 0
    for place in sorted(folder.rglob("*")):
        path = "/" + place.relative_to(folder).as_posix()
        if place.is_symlink() or not place.is_file() or place.suffix not in MEDIA_TYPES:
            continue
        if _first(path) in _NODES_OWN:
            raise AppRefused(f"a file of the app would stand at `{path}`, which is the node's own")
        size += place.stat().st_size
        if len(files) >= FILES_MAX or place.stat().st_size > FILE_BYTES_MAX or size > APP_BYTES_MAX:
            raise AppRefused(f"`{folder.name}` holds more than an app has", hint="build it anew")
        files[path] = _read(place, path)
    if "/index.html" in files:
        files["/"] = files["/index.html"]
    return files


def _first(path: str) -> str:
    """The first piece of a path, which a request may also give without any slash (`*`)."""
    return path.removeprefix("/").partition("/")[0]


def _read(place: Path, path: str) -> WebFile:
    data = place.read_bytes()
    packed = None
    if len(data) >= GZIP_BYTES_MIN and place.suffix not in _PACKED:
        packed = gzip.compress(data, mtime=0)
    cache = _FOR_GOOD if path.startswith(_HASHED) else _EACH_TIME
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    return WebFile(MEDIA_TYPES[place.suffix], cache, tag, data, packed)


_NOT_BUILT: Final = WebFile(
    MEDIA_TYPES[".html"], "no-store", f'"{sha256(NOT_BUILT).hexdigest()[:32]}"', NOT_BUILT, None
)
