/** The frame worker with a look at the wire: the first frames of each way and slot are told to the page. */
import { serveFrames, type FrameScope } from "../../src/room/media/serve";

const EACH_MAX = 20;
const told = new Map<string, number>();

serveFrames(self as unknown as FrameScope, {
  nowMs: () => performance.now(),
  tap: (options, wire) => {
    const name = `${options.way} ${options.slot}`;
    const count = told.get(name) ?? 0;
    if (count >= EACH_MAX) return;
    told.set(name, count + 1);
    self.postMessage({ say: "tap", id: -1, way: options.way, slot: options.slot, wire: wire.slice(0) });
  },
});
