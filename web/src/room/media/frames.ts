/**
 * The page's side of the frame worker: it puts transforms on senders and receivers and hands keys over.
 *
 * INVARIANT: a transform is set before the connection negotiates. Set later, Chromium lets the first frames past it.
 */
import type { Bytes } from "../../kernel/bytes";
import type { Slot } from "./encoded";
import type { FrameCounts, FromWorker, ToWorker, TransformOptions } from "./messages";

/** A worker that does not answer within this is broken, and a broken one must not hold up leaving the room. */
const ANSWER_MS = 5_000;

export class FramesUnsupported extends Error {
  readonly code = "frames-unsupported";
  constructor() {
    super("this browser cannot encrypt a call end to end");
  }
}

/** Whether this browser can seal frames; without it there is no call, as there would be no encryption. */
export function canSealFrames(): boolean {
  return "RTCRtpScriptTransform" in globalThis && "transform" in RTCRtpSender.prototype;
}

interface Waiting {
  resolve: (message: FromWorker) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Frames {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** `makeWorker` is replaced in tests only. */
  constructor(makeWorker: () => Worker = startWorker) {
    if (!canSealFrames()) throw new FramesUnsupported();
    this.#worker = makeWorker();
    this.#worker.addEventListener("message", (event: MessageEvent<FromWorker>) => this.#settle(event.data));
  }

  /** Seal what this sender sends. */
  seal(sender: RTCRtpSender, slot: Slot): void {
    sender.transform = this.#transform({ way: "send", slot });
  }

  /** Open what this receiver gets from `from`. */
  open(receiver: RTCRtpReceiver, slot: Slot, from: string): void {
    receiver.transform = this.#transform({ way: "receive", slot, sender: from });
  }

  async sendUnder(secret: Bytes, kid: number): Promise<void> {
    await this.#ask({ do: "send", secret, kid });
  }

  async stopSending(): Promise<void> {
    await this.#ask({ do: "stop" });
  }

  async receiveUnder(secret: Bytes, of: { kid: number; sender: string; epoch: number }): Promise<void> {
    await this.#ask({ do: "receive", secret, ...of });
  }

  async enterEpoch(epoch: number, senders: readonly string[]): Promise<void> {
    await this.#ask({ do: "epoch", epoch, senders });
  }

  async counts(): Promise<FrameCounts> {
    const answer = await this.#ask({ do: "count" });
    if (answer.say !== "counts") throw new Error("the frame worker does not count");
    return answer.counts;
  }

  /** End the worker and with it every key. */
  end(): void {
    this.#worker.terminate();
    for (const waiting of this.#waiting.values()) clearTimeout(waiting.timer);
    this.#waiting.clear();
  }

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, options);
  }

  #ask(message: ToWorker): Promise<FromWorker> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error("the frame worker does not answer"));
      }, ANSWER_MS);
      this.#waiting.set(id, { resolve, timer });
      this.#worker.postMessage({ ...message, id });
    });
  }

  #settle(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    waiting.resolve(message);
  }
}

function startWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "frames" });
}
