"""What an anonymous client can reach on a loaded node: nothing of any patient, no pseudonym, no entry.

The node holds the records of the demonstration, a visit with reads, readings and a note, and is part of a
network: it is cosigned, it cosigns another ledger, and a public chain dates it where there is one. Everything is
asked without credentials, and searched. Leaks that are planted on purpose are found.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
from litestar import MediaType, Response, get
from litestar.params import FromPath
from rich.console import Console

from telesphor.app import Node, node_wallet, open_node
from telesphor.client.node import NodeClient
from telesphor.demo.anvil import ANVIL_NETWORK, AnvilUnavailable, start_anvil
from telesphor.demo.clients import connect
from telesphor.demo.grants import read_record
from telesphor.demo.heart import load_recordings
from telesphor.demo.narration import Narrator
from telesphor.demo.readings import stream_readings
from telesphor.demo.records import load_records, telling_words
from telesphor.demo.stage import ORIGIN, Stage, set_stage
from telesphor.demo.story import open_visit, prepare, register, write_note
from telesphor.kernel.clock import SystemClock, format_instant
from telesphor.kernel.ids import IdSource
from telesphor.kernel.tile import tiles_for
from telesphor.ledger.store import requests_from
from telesphor.runtime.http import build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics
from tests.e2e.test_demo import family_names
from tests.support.crawl import Answered, Secrets, crawl, secrets_of
from tests.support.neighbours import ORGANISATION, telesphor
from tests.support.witnesses import log_signer, make_card, make_witness, serving_witness

ANCHORED_SECONDS = 60.0
PAGES = "/docs-files/"
ASSETS = "/assets/"
COMMON_WORDS = {"emergency", "Emergency"}
"""Of the records, but also a purpose of reading that the API description names, and what a metric counts."""
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
QUIET = Narrator(Console(file=io.StringIO()))


class Crawled(NamedTuple):
    answers: list[Answered]
    secrets: Secrets
    sizes: list[int]
    anchored: bool
    actors: list[tuple[str, Any, Any]]
    """Of each actor: its id, its document, and the history of its keys, as anyone gets them who knows the id."""

    def statuses(self, beginning: str, end: str = "") -> set[int]:
        """Of all answers whose path begins and ends so."""
        paths = [answer for answer in self.answers if answer.path.startswith(beginning)]
        return {answer.status for answer in paths if answer.path.endswith(end)}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """A loaded node, crawled once."""
    folder = tmp_path_factory.mktemp("crawl")
    clock = SystemClock()
    stage = set_stage(folder / "stage", clock=clock, ids=IdSource(clock))
    with ExitStack() as stack:
        anchored = join_network(stage, folder, stack)
        node = stack.enter_context(open_node(stage.node.path, passphrase=stage.passphrase, networked=True))
        url = stack.enter_context(serving(node.edge()))
        asyncio.run(live(node, url, stage))
        wait_for_network(node, anchored=anchored)
        yield look_everywhere(node, url, anchored=anchored)


def join_network(stage: Stage, folder: Path, stack: ExitStack) -> bool:
    """A witness, a ledger to cosign, and a chain; returns whether there is the chain."""
    path = stage.node.path
    telesphor("network", "init", *ORGANISATION, "--operator", "clinic.example", "--node", str(path))
    other = folder / "other.vkeys"
    other.write_text("".join(f"{vkey}\n" for vkey in log_signer("other.example/log").vkeys()))
    telesphor("network", "add-log", str(other), "--node", str(path))
    (folder / "w").mkdir()
    witness = make_witness(folder / "w", time=SystemClock(), origins=())
    witness.trust({ORIGIN: stage.node.log_vkeys.read_text().split()})
    url = stack.enter_context(serving_witness(witness))
    (folder / "w.card.json").write_bytes(make_card())
    telesphor("network", "add-witness", url, str(folder / "w.card.json"), "--node", str(path))
    try:
        chain = start_anvil()
    except AnvilUnavailable:
        return False
    stack.callback(chain.stop)
    chain.give(telesphor("network", "ethereum-key", "--node", str(path)).strip(), wei=10**18)
    settings = path / "network.toml"
    settings.write_text(
        f"anchor_minutes = 0.01\nlook_seconds = 0.1\n{settings.read_text()}\n[ethereum]\n"
        f'network = "{ANVIL_NETWORK}"\nnode_url = "{chain.url}"\nkey_file = "keys/ethereum.key"\nconfirmations = 1\n'
    )
    return True


async def live(node: Node, url: str, stage: Stage) -> None:
    """Factors, a grant, records, a visit, reads, readings, a note: most of what the demonstration shows."""
    cast, ids = stage.cast, IdSource(node.clock)
    async with (
        NodeClient(url, node_wallet(node.keys), origin=ORIGIN, clock=node.clock, ids=ids) as own,
        connect(url, cast, ledger=node.reader, clock=node.clock, ids=ids) as clients,
    ):
        await register(clients, own, cast, QUIET)
        begun = await prepare(clients, cast, load_records(), stage.folder, QUIET)
        visit = ids.next()
        await open_visit(clients, cast, visit, begun, QUIET)
        await read_record(clients, visit, begun.grant, QUIET)
        readings = await stream_readings(clients, cast, visit, load_recordings()[:1], QUIET)
        await write_note(clients, cast, visit, readings)
        await clients.clinician.send(("visit.close/1", {"visit": visit}))


def wait_for_network(node: Node, *, anchored: bool) -> None:
    """Until the last block is cosigned, and one with all of this is dated."""
    node.integrator.wait_for(node.machine.committed_size - 1, timeout_seconds=ANCHORED_SECONDS)
    end = time.monotonic() + ANCHORED_SECONDS
    assert node.network is not None
    while True:
        status = node.network.status(50)
        cosigned = bool(status.blocks[0].cosigned_by)
        if cosigned and (not anchored or any(block.anchored_in for block in status.blocks)):
            return
        assert time.monotonic() < end, status
        time.sleep(0.1)


IDS_OF_THE_APP = (
    "actors",
    "invitation",
    "thread",
    "message",
    "digest",
    "version",
    "watch",
    "person",
    "share",
    "contract",
)
FILTERS_OF_THE_APP = (
    *("which", "before", "limit", "language", "archived", "rows", "subject", "type", "action", "purpose"),
    *("outcome", "since", "until", "count", "what", "kind"),
)
"""What the browser's views take: all of them ask for a session before they look at any of it."""


def look_everywhere(node: Node, url: str, *, anchored: bool) -> Crawled:
    """Everything that can be asked for by anyone who knows all ids, sizes and names there are."""
    reader = node.reader()
    entries = [entry.data for entry in reader.entries(first=0, end=reader.size())]
    requests = [row[3] for row in requests_from(reader.db, 0)]
    visits, objects = stream_ids(reader, "visit"), stream_ids(reader, "object")
    lists, credentials = stream_ids(reader, "status-list"), stream_ids(reader, "credential")
    presentations, actors = stream_ids(reader, "presentation"), stream_ids(reader, "actor")
    reader.db.close()
    records = load_records()
    secrets = secrets_of(
        entries,
        requests,
        (telling_words(records) | family_names(records)) - COMMON_WORDS,
        public=node.folder.log_vkeys.read_text() + ORIGIN + keys_of(node),
    )
    assert node.network is not None
    sizes = [block.size for block in node.network.status(50).blocks]
    anchors = [name for size in sizes for name in node.network.books.anchors.proofs(size)]
    tiles = [tile.path() for size in sizes for tile in tiles_for(size)]
    bundles = [tile.entries_path() for tile in tiles_for(sizes[0]) if tile.level == 0]
    values: dict[str, list[Any]] = {
        "visit": visits,
        "object_id": objects,
        "proof": objects,
        "status_list": lists,
        "credential": credentials,
        "presentation": presentations,
        # No stranger knows an actor's id; what it shows to whoever does stands in a test of its own.
        "actor": [node.ids.next()],
        "versionTime": ["", format_instant(node.clock.now_ms())],
        "versionId": ["", 0],
        "after": [0],
        "position": [*range(len(entries))],
        "size": [*sizes, 1],
        "old_size": [1, sizes[-1]],
        "new_size": [sizes[0]],
        "at": [format_instant(node.clock.now_ms())],
        "blocks": [1, 50],
        "name": [*dict.fromkeys(anchors), "bitcoin-mainnet.ots"],
        "path": [name.partition("/")[2] for name in (*tiles, *bundles)],
        **{name: [node.ids.next()] for name in IDS_OF_THE_APP},
        **{name: [""] for name in FILTERS_OF_THE_APP},
    }
    also = [f"/{name}" for name in (*tiles, *bundles)]
    known = [(actor, *look_up(url, actor)) for actor in actors]
    return Crawled(crawl(url, values, also=also), secrets, sizes, anchored, known)


def look_up(url: str, actor: str) -> tuple[Any, Any]:
    """The DID document of an actor, and its history."""
    answers = []
    for page in ("did.json", "did-history"):
        with urlopen(f"{url}/v1/actors/{actor}/{page}") as answer:
            answers.append(json.load(answer))
    return answers[0], answers[1]


def keys_of(node: Node) -> str:
    """The node's own, which its DID document shows."""
    own = node_wallet(node.keys)
    return json.dumps(own.signing_key.public.jwks()) + own.kem_text


def stream_ids(reader: Any, kind: str) -> list[str]:
    streams = {entry.stream for entry in reader.entries(first=0, end=reader.size())}
    return sorted(
        name for beginning, _, name in (stream.partition("/") for stream in streams) if beginning == kind
    )


def test_nothing_of_a_patient_no_pseudonym_and_no_entry_is_public(crawled: Crawled) -> None:
    assert len(crawled.secrets.texts) > 1_000
    assert crawled.secrets.found_in(own(crawled.answers)) == []


def test_files_of_the_api_pages_are_those_of_their_package(crawled: Crawled) -> None:
    """They are as every node has them, byte for byte, and hold nothing of this one."""
    served = [answer for answer in crawled.answers if answer.path.startswith(PAGES) and answer.status == 200]
    spec = find_spec("drf_spectacular_sidecar")  # whose own code needs what is not installed here
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).with_name("static") / "drf_spectacular_sidecar" / "swagger-ui-dist"
    assert served
    for answer in served:
        assert answer.data.endswith((package / answer.path.removeprefix(PAGES)).read_bytes()), answer.path


def test_files_of_the_app_are_those_of_the_package(crawled: Crawled) -> None:
    """They are as every node has them, byte for byte, and hold nothing of this one."""
    package = Path(__file__).parents[2] / "src" / "telesphor" / "web"
    for answer in crawled.answers:
        if answer.path.startswith(ASSETS) and answer.status == 200:
            assert answer.data.endswith((package / answer.path.removeprefix("/")).read_bytes()), answer.path


def own(answers: list[Answered]) -> list[Answered]:
    """All but the files of the API pages and of the app: whole programs, in which any word may stand."""
    return [answer for answer in answers if not answer.path.startswith((PAGES, ASSETS))]


def test_everything_that_is_public_was_seen(crawled: Crawled) -> None:
    seen = {answer.path.partition("?")[0] for answer in crawled.answers if answer.status == 200}
    wanted = {"/checkpoint", "/metrics", "/healthz", "/v1/network", "/v1/network/card", "/witness/card"}
    wanted |= {"/schema", "/schema/openapi.json", "/v1/proofs/0", "/v1/consistency", "/v1/checkpoints"}
    wanted |= {f"/v1/network/checkpoints/{size}" for size in crawled.sizes}
    if crawled.anchored:
        wanted.add(next(path for path in seen if path.endswith(f"/anchors/{ANVIL_NETWORK}.json")))
    assert wanted - seen == set()
    # A part of a tile may be gone once the whole tile is there.
    assert {path for tile in tiles_for(crawled.sizes[0]) if (path := f"/{tile.path()}") not in seen} == set()


def test_what_is_not_public_is_refused_to_the_anonymous(crawled: Crawled) -> None:
    assert crawled.statuses("/v1/objects/", "t") == {401}  # content, ciphertext
    assert crawled.statuses("/v1/visits/", "/bundle") == {401}
    assert crawled.statuses("/tile/entries/0") == {403}
    assert crawled.statuses("/v1/commands") - {405} <= {400, 401, 411, 422}
    assert crawled.statuses("/v1/presentations/") <= {401, 404}
    assert crawled.statuses("/v1/credentials/") <= {401, 404}


def test_actor_whose_id_nobody_guesses_is_not_found(crawled: Crawled) -> None:
    assert crawled.statuses("/v1/actors/") <= {400, 404}
    assert 404 in crawled.statuses("/v1/actors/", "/did.json?versionTime=&versionId=")


def test_who_knows_an_actors_id_sees_its_keys_and_nothing_else(crawled: Crawled) -> None:
    """Of each actor: a document of public keys, and the entries that brought them. No name, and no other entry."""
    for actor, document, history in crawled.actors:
        assert document["id"].endswith(f":v1:actors:{actor}")
        methods = [method["publicKeyJwk"] for method in document["verificationMethod"]]
        assert {key["kty"] for key in methods} <= {"OKP", "AKP"}
        assert all(set(key) <= {"alg", "crv", "kid", "kty", "pub", "x"} for key in methods)
        shown = [json.loads(base64.b64decode(version["entry"])) for version in history["versions"]]
        assert shown
        assert {entry["stream"] for entry in shown} == {f"actor/{actor}"}
        assert {entry["type"] for entry in shown} <= {"actor.registered/1", "actor.key-rotated/1"}
        assert all(set(entry["body"]) <= {"kind", "keys", "kem"} for entry in shown)
        assert crawled.secrets.names.search(json.dumps([document, history]).encode()) is None


def test_actor_by_whom_another_was_registered_is_seen_beside_it(crawled: Crawled) -> None:
    """The entry says who asked for it: so much does the id of a patient say, to whoever has that."""
    for actor, _, history in crawled.actors:
        said = set(
            _IDS.findall(json.dumps([base64.b64decode(one["entry"]).decode() for one in history["versions"]]))
        )
        entries = [json.loads(base64.b64decode(one["entry"])) for one in history["versions"]]
        assert said == {actor} | {entry[name] for entry in entries for name in ("actor", "id")}


def test_no_answer_is_a_fault_of_the_node(crawled: Crawled) -> None:
    assert [answer for answer in crawled.answers if answer.status >= 500] == []


def first(crawled: Crawled, fits: Callable[[bytes], bool]) -> bytes:
    return next(text for text in sorted(crawled.secrets.texts) if fits(text))


PLANTED: dict[str, Callable[[Crawled], bytes]] = {
    "a-name": lambda crawled: b"<p>Mr. Chalmers</p>",
    "a-pseudonym": lambda crawled: first(crawled, lambda text: len(text) == 36 and text.count(b"-") == 4),
    "a-pseudonym-in-bytes": lambda crawled: b"\0" + min(crawled.secrets.raw) + b"\0",
    "an-entry": lambda crawled: first(crawled, lambda text: text.startswith(b'{"actor"')),
    "an-entry-in-base64": lambda crawled: base64.b64encode(
        first(crawled, lambda text: text.startswith(b'{"actor"'))
    ),
    "an-entry-twice-in-base64url": lambda crawled: base64.urlsafe_b64encode(
        base64.b64encode(first(crawled, lambda text: text.startswith(b'{"actor"')))
    ).rstrip(b"="),
    "a-salt-or-digest": lambda crawled: b'"' + first(crawled, lambda text: len(text) in (22, 43)) + b'"',
}


@pytest.fixture(scope="module")
def found(crawled: Crawled) -> list[str]:
    """What is found where each leak is planted in a route of its own, beside one that says nothing."""

    def leaking(what: str, text: bytes) -> Any:
        @get(f"/v1/{what}", media_type=MediaType.TEXT)
        async def answer() -> Response[bytes]:
            return Response(b"all is well " + text, media_type=MediaType.TEXT)

        return answer

    leaks = [leaking(what, leak(crawled)) for what, leak in PLANTED.items()]
    return crawled.secrets.found_in(own(crawl_of(leaking("nothing", b"here"), *leaks)))


@pytest.mark.parametrize("what", PLANTED)
def test_planted_leak_is_found(found: list[str], what: str) -> None:
    assert f"GET /v1/{what}" in found


def test_nothing_is_found_where_no_leak_was_planted(found: list[str]) -> None:
    assert len(found) == len(PLANTED)


def test_planted_leak_behind_a_link_is_found(crawled: Crawled) -> None:
    """In a header, of a route that no description names."""
    leak = PLANTED["a-pseudonym"](crawled).decode()

    @get("/hidden/page", include_in_schema=False)
    async def hidden() -> Response[None]:
        return Response(None, headers={"x-of": leak})

    @get("/v1/index", media_type=MediaType.TEXT)
    async def index() -> str:
        return 'see "/hidden/page"'

    assert crawled.secrets.found_in(own(crawl_of(hidden, index))) == ["GET /hidden/page"]


def test_route_with_a_parameter_that_nobody_thought_of_is_a_fault_of_the_crawl() -> None:
    @get("/v1/things/{thing:str}")
    async def things(thing: FromPath[str]) -> str:
        return thing

    with pytest.raises(AssertionError, match="does not know what to put into"):
        crawl_of(things)


def crawl_of(*handlers: Any) -> list[Answered]:
    """Crawl an edge of these handlers alone."""
    edge = build_edge(handlers=handlers, raw=[], metrics=Metrics(), health=lambda: {"status": "ok"})
    with serving(edge) as url:
        return crawl(url, {})
