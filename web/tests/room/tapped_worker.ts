/** The frame worker with a look at the wire: the first frames of each way, slot and key are told to the page. */
import { splitFrame } from "../../src/room/media/encoded";
import { serveFrames, type FrameScope } from "../../src/room/media/serve";
import { readHeader } from "../../src/room/media/sframe";

const EACH_MAX = 20;
const told = new Map<string, number>();

serveFrames(self as unknown as FrameScope, {
  nowMs: () => performance.now(),
  tap: ({ way, slot }, wire) => {
    const { kid } = readHeader(splitFrame(slot, new Uint8Array(wire)).rest);
    const name = `${way} ${slot} ${kid}`;
    const count = told.get(name) ?? 0;
    if (count >= EACH_MAX) return;
    told.set(name, count + 1);
    self.postMessage({ say: "tap", id: -1, way, slot, kid, wire: wire.slice(0) });
  },
});
