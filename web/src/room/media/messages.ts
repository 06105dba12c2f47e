/** What the page and the frame worker say to each other. */
import type { Bytes } from "../../kernel/bytes";
import type { Slot } from "./encoded";
import type { FrameFault } from "./sframe";

/** Options of a transform: which way, which slot, and whose connection. */
export type TransformOptions =
  | { readonly way: "send"; readonly slot: Slot }
  | { readonly way: "receive"; readonly slot: Slot; readonly sender: string };

export type ToWorker =
  | { readonly do: "send"; readonly secret: Bytes; readonly kid: number }
  | { readonly do: "stop" }
  | {
      readonly do: "receive";
      readonly secret: Bytes;
      readonly kid: number;
      readonly sender: string;
      readonly epoch: number;
    }
  | { readonly do: "epoch"; readonly epoch: number; readonly senders: readonly string[] }
  | { readonly do: "count" };

/** How many frames went which way since the worker began. */
export interface FrameCounts {
  sealed: number;
  opened: number;
  /** Frames that could not be sealed, and were not sent. */
  dropped: number;
  refused: Record<FrameFault, number>;
}

export type FromWorker =
  | { readonly say: "done"; readonly id: number }
  | { readonly say: "failed"; readonly id: number }
  | { readonly say: "counts"; readonly id: number; readonly counts: FrameCounts };
