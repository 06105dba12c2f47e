"""The node of the demonstration, served for people: the page, the links, and whatever is done behind them.

Start at `play_clinic`.
"""

from __future__ import annotations

import asyncio
import signal
import webbrowser
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any, Final

from telesphor.app import Node, node_wallet, open_node
from telesphor.client.device import hash_file
from telesphor.client.node import NodeClient
from telesphor.client.wallet import save_wallet
from telesphor.demo.enrolment import FIRMWARE
from telesphor.demo.heart import load_recordings
from telesphor.demo.neighbours import start_command
from telesphor.demo.play.door import ROUNDS_MAX, Board
from telesphor.demo.play.house import NAMES, House, Reach, open_house
from telesphor.demo.play.pulse import countable
from telesphor.demo.play.round import Props, begin_round
from telesphor.demo.records import load_records
from telesphor.demo.stage import ORIGIN, STRETCHED, Stage
from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import has_screen
from telesphor.runtime.telemetry import log
from telesphor.runtime.web import WEB_FOLDER

HOST: Final = "127.0.0.1"
KEY_BYTES: Final = 16


@dataclass(frozen=True)
class Opened:
    """What whoever started it is told, once the first links are there.

    Attributes:
        page: the address with everybody's links; whoever has it can be everybody.
        built: whether there is a web app to look at.
    """

    url: str
    page: str
    key: str
    links: dict[str, str]
    built: bool

    def as_json(self, stage: Stage) -> dict[str, Any]:
        """For programs."""
        return {
            "url": self.url,
            "page": self.page,
            "key": self.key,
            "links": self.links,
            "node": str(stage.node.path),
            "app_is_built": self.built,
        }


def play_clinic(
    stage: Stage, *, port: int, registered: bool, networked: bool, tell: Callable[[Opened], None]
) -> None:
    """Serve the node with its clinic until Ctrl-C or SIGTERM.

    Args:
        registered: whether the organisation is an actor of the node already.
        networked: whether there are witnesses to ask.
        tell: called once the first links are there.

    Raises:
        ExamplesMissing, RecordingsMissing: `make setup` was not run.
        AddressRefused: the port is taken.
        ClientRefused, NodeUnreachable
    """
    with ExitStack() as stack:
        opening = open_node(stage.node.path, passphrase=stage.passphrase, networked=networked)
        node = stack.enter_context(opening)
        board = Board(NAMES["organisation"], base64url.encode(node.ids.random_bytes(KEY_BYTES)))
        url = stack.enter_context(serving(node.edge(more=board.routes()), host=HOST, port=port))
        stage.node.address.write_text(url, encoding="ascii")
        stack.callback(stage.node.address.unlink, missing_ok=True)
        play = _Play(stage, node, url, board, tell, stack)
        asyncio.run(play.run(registered=registered))


def open_browser(page: str) -> bool:
    """Open the page, where somebody could see it; says whether that worked."""
    return has_screen() and webbrowser.open(page)


class _Play:
    def __init__(
        self,
        stage: Stage,
        node: Node,
        url: str,
        board: Board,
        tell: Callable[[Opened], None],
        stack: ExitStack,
    ) -> None:
        self._stage, self._node, self._url = stage, node, url
        self._board, self._tell, self._stack = board, tell, stack

    async def run(self, *, registered: bool) -> None:
        """Until a signal, or until something fails."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with AsyncExitStack() as stack:
            props = await self._prepare(stack, registered=registered)
            playing = asyncio.create_task(self._play(props, stack))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, return_exceptions=True)
            if not stop.is_set():
                playing.result()

    async def _prepare(self, stack: AsyncExitStack, *, registered: bool) -> Props:
        node, stage = self._node, self._stage
        image = stage.actors / "pulse-clip.firmware"
        image.write_bytes(FIRMWARE)
        reach = Reach(self._url, node.reader, node.clock, node.ids)
        if not registered:
            own = NodeClient(self._url, node_wallet(node.keys), origin=ORIGIN, clock=node.clock, ids=node.ids)
            async with own:
                await own.register(stage.cast.organisation)
        house = await open_house(reach, stage.cast.organisation, hash_file(image), stack)
        self._start_monitor(house)
        return Props(house, self._board, load_records(), countable(load_recordings()), stage.actors)

    def _start_monitor(self, house: House) -> None:
        """The process that reads messages along, with keys of its own."""
        file = self._stage.actors / "monitor.key"
        save_wallet(house.monitor, file, passphrase=self._stage.passphrase, params=STRETCHED)
        words = [
            "monitor",
            "run",
            "--node",
            str(self._stage.node.path.absolute()),
            "--as",
            str(file.absolute()),
        ]
        start_command(words, self._stage.folder / "monitor.log", self._stack)

    async def _play(self, props: Props, stack: AsyncExitStack) -> None:
        """Round after round, as they are asked for."""
        wanted, loop = asyncio.Semaphore(0), asyncio.get_running_loop()
        self._board.on_ask(lambda: loop.call_soon_threadsafe(wanted.release))
        live = await begin_round(props, 1, stack)
        self._tell(self._opened())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live.play())
            for number in range(2, ROUNDS_MAX + 1):
                await wanted.acquire()
                try:
                    live = await begin_round(props, number, stack)
                except TelesphorError as error:
                    log.warning("no further round could be begun", code=error.code)
                    self._board.give_up()
                else:
                    tasks.create_task(live.play())

    def _opened(self) -> Opened:
        people = self._board.read().rounds[0].people
        links = {one.part: f"{self._url}/#{one.link}" for one in people}
        page = f"{self._url}/#/demo/{self._board.key}"
        return Opened(self._url, page, self._board.key, links, (WEB_FOLDER / "index.html").is_file())
