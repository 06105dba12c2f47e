/** The worker's entry: see `serve.ts`. */
import { serveFrames, type FrameScope } from "./serve";

serveFrames(self as unknown as FrameScope, { nowMs: () => performance.now() });
