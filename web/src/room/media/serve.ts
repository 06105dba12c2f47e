/**
 * The frame worker: every encoded frame goes through here, to be sealed before it leaves and opened after it came.
 *
 * - A frame that cannot be sealed is dropped; there is no way through that leaves it clear.
 * - A frame that does not open is dropped, and a key frame is asked for until one has come: what follows a lost frame is
 *   of no use to a decoder, though it opens.
 *
 * `worker.ts` starts it. `tap` sees what goes to the network, and exists so that tests can look.
 */
import type { FrameCounts, FromWorker, ToWorker, TransformOptions } from "./messages";
import { KeyRing } from "./ring";
import { FrameRefused } from "./sframe";

/** A key frame is asked for at most this often: one costs as much as a second of video. */
const KEYFRAME_ASK_MS = 500;

interface EncodedFrame {
  data: ArrayBuffer;
  /** Of pictures only. */
  readonly type?: "empty" | "key" | "delta";
}
export interface FrameTransformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
  sendKeyFrameRequest?: () => Promise<unknown>;
  generateKeyFrame?: () => Promise<unknown>;
}
type StreamTransformer = globalThis.Transformer<EncodedFrame, EncodedFrame>;
export interface FrameScope {
  onrtctransform: ((event: { transformer: FrameTransformer }) => void) | null;
  onmessage: ((event: MessageEvent<ToWorker & { id: number }>) => void) | null;
  postMessage: (message: FromWorker) => void;
}
export type Tap = (options: TransformOptions, wire: ArrayBuffer) => void;

/** Serve transforms and messages of one page. */
export function serveFrames(scope: FrameScope, { nowMs, tap }: { nowMs: () => number; tap?: Tap }): void {
  const worker = new FrameWorker(nowMs, tap);
  scope.onrtctransform = (event) => worker.attach(event.transformer);
  scope.onmessage = (event) => {
    const { id } = event.data;
    worker.handle(event.data).then(
      (counts) => scope.postMessage(counts === null ? { say: "done", id } : { say: "counts", id, counts }),
      () => scope.postMessage({ say: "failed", id }),
    );
  };
}

class FrameWorker {
  readonly #ring: KeyRing;
  readonly #counts: FrameCounts = {
    sealed: 0,
    opened: 0,
    dropped: 0,
    refused: { malformed: 0, "unknown-key": 0, "other-sender": 0, replayed: 0, "not-authentic": 0 },
  };
  readonly #senders = new Set<FrameTransformer>();

  constructor(
    private readonly nowMs: () => number,
    private readonly tap?: Tap,
  ) {
    this.#ring = new KeyRing(nowMs);
  }

  /** Do what the page asks; the counts when it asked for them. */
  async handle(message: ToWorker): Promise<FrameCounts | null> {
    switch (message.do) {
      case "send":
        await this.#ring.setSending(message.secret, message.kid);
        this.#refresh();
        return null;
      case "stop":
        this.#ring.stopSending();
        return null;
      case "receive":
        await this.#ring.setReceiving(message.secret, message);
        return null;
      case "epoch":
        this.#ring.enterEpoch(message.epoch, message.senders);
        return null;
      case "count":
        return this.#counts;
    }
  }

  /** Put the cipher between encoder and network, or network and decoder. */
  attach(transformer: FrameTransformer): void {
    const { options } = transformer;
    if (options.way === "send") this.#senders.add(transformer);
    const through = options.way === "send" ? this.#sealing(options) : this.#opening(transformer, options);
    transformer.readable
      .pipeThrough(new TransformStream(through))
      .pipeTo(transformer.writable)
      .catch(() => undefined) // The connection ended: there is nobody left to send to.
      .finally(() => this.#senders.delete(transformer));
  }

  #sealing(options: TransformOptions & { way: "send" }): StreamTransformer {
    return {
      transform: async (frame, controller) => {
        try {
          frame.data = await this.#ring.seal(options.slot, new Uint8Array(frame.data));
        } catch {
          this.#counts.dropped += 1;
          return;
        }
        this.#counts.sealed += 1;
        this.tap?.(options, frame.data);
        controller.enqueue(frame);
      },
    };
  }

  #opening(transformer: FrameTransformer, options: TransformOptions & { way: "receive" }): StreamTransformer {
    let askedAtMs = -Infinity;
    let incomplete = false;
    const ask = () => {
      if (this.nowMs() - askedAtMs < KEYFRAME_ASK_MS) return;
      askedAtMs = this.nowMs();
      transformer.sendKeyFrameRequest?.().catch(() => undefined);
    };
    return {
      transform: async (frame, controller) => {
        this.tap?.(options, frame.data.slice(0));
        try {
          frame.data = await this.#ring.open(options.slot, options.sender, new Uint8Array(frame.data));
        } catch (error) {
          this.#counts.refused[error instanceof FrameRefused ? error.fault : "malformed"] += 1;
          incomplete = options.slot !== "microphone";
          if (incomplete) ask();
          return;
        }
        this.#counts.opened += 1;
        if (frame.type === "key") incomplete = false;
        else if (incomplete) ask();
        controller.enqueue(frame);
      },
    };
  }

  /** Under a new key the others can begin with a whole picture only. */
  #refresh(): void {
    for (const transformer of this.#senders) {
      if (transformer.options.slot !== "microphone") transformer.generateKeyFrame?.().catch(() => undefined);
    }
  }
}
