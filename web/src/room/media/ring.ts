/**
 * The keys of the room as the frame worker holds them: one to send with, some to receive with.
 *
 * - INVARIANT: a counter is taken once under one key, for all tracks and all connections together.
 * - Without a sending key nothing is sealed, and what is not sealed is not sent.
 * - A receiving key belongs to one sender; a frame that comes over another one's connection is refused.
 * - Keys of an epoch that is over open frames for `OLD_EPOCH_MS` more, those of somebody who left for none.
 */
import type { Bytes } from "../../kernel/bytes";
import { joinFrame, metadataOf, splitFrame, type Slot } from "./encoded";
import {
  FrameRefused,
  deriveFrameKey,
  openFrame,
  readHeader,
  sealFrame,
  type FrameHeader,
  type FrameKey,
} from "./sframe";
import { ReplayWindow } from "./replay";

/** Frames of the former epoch that are still under way: a second of network, a second of jitter buffer, one to spare. */
export const OLD_EPOCH_MS = 3_000;
/** Six people, the present epoch and those not yet over; more means that somebody sends keys to fill memory. */
export const KEYS_MAX = 64;
/** Far below 2^53 and GCM's own bound: two hours at 60 frames a second to five others need about 2^22. */
export const COUNTER_MAX = 2 ** 40;

interface Received {
  readonly sender: string;
  readonly epoch: number;
  readonly key: FrameKey;
  readonly windows: Map<Slot, ReplayWindow>;
  endsAtMs: number;
}

export class KeyRing {
  #sending: { key: FrameKey; next: number } | null = null;
  readonly #received = new Map<number, Received>();

  constructor(private readonly nowMs: () => number) {}

  /** From now on send under this secret. */
  async setSending(secret: Bytes, kid: number): Promise<void> {
    this.#sending = { key: await deriveFrameKey(secret, kid), next: 0 };
  }

  /** Send nothing until there is a new key. */
  stopSending(): void {
    this.#sending = null;
  }

  /** Take a sender's secret of an epoch. A second secret for the same place replaces the first. */
  async setReceiving(
    secret: Bytes,
    { kid, sender, epoch }: { kid: number; sender: string; epoch: number },
  ): Promise<void> {
    const key = await deriveFrameKey(secret, kid);
    this.#forgetEnded();
    if (this.#received.size >= KEYS_MAX && !this.#received.has(kid))
      throw new RangeError("too many keys in the room");
    this.#received.set(kid, { sender, epoch, key, windows: new Map(), endsAtMs: Infinity });
  }

  /** An epoch began: keys of former ones end soon, and at once those of whoever is not in `senders`. */
  enterEpoch(epoch: number, senders: readonly string[]): void {
    for (const [kid, entry] of this.#received) {
      if (!senders.includes(entry.sender)) this.#received.delete(kid);
      else if (entry.epoch < epoch) entry.endsAtMs = Math.min(entry.endsAtMs, this.nowMs() + OLD_EPOCH_MS);
    }
  }

  /** Seal an encoded frame. `FrameRefused` when it cannot be: the caller drops it. */
  async seal(slot: Slot, frame: Bytes): Promise<ArrayBuffer> {
    const sending = this.#sending;
    if (sending === null || sending.next >= COUNTER_MAX) throw new FrameRefused("unknown-key");
    const { clear, rest } = splitFrame(slot, frame);
    const counter = sending.next;
    sending.next += 1;
    return joinFrame(
      clear,
      await sealFrame(sending.key, { counter, metadata: metadataOf(slot, clear), plaintext: rest }),
    );
  }

  /** Open a frame that came over `sender`'s connection; `FrameRefused` says why not. */
  async open(slot: Slot, sender: string, frame: Bytes): Promise<ArrayBuffer> {
    const { clear, rest } = splitFrame(slot, frame);
    const header = readHeader(rest);
    const received = this.#find(header, sender);
    const plaintext = await openFrame(received.key, {
      header,
      sealed: rest,
      metadata: metadataOf(slot, clear),
    });
    this.#window(received, slot).take(header.counter);
    return joinFrame(clear, plaintext);
  }

  #find(header: FrameHeader, sender: string): Received {
    const received = this.#received.get(header.kid);
    if (received === undefined || received.endsAtMs <= this.nowMs()) throw new FrameRefused("unknown-key");
    if (received.sender !== sender) throw new FrameRefused("other-sender");
    return received;
  }

  #window(received: Received, slot: Slot): ReplayWindow {
    const known = received.windows.get(slot);
    if (known !== undefined) return known;
    const made = new ReplayWindow();
    received.windows.set(slot, made);
    return made;
  }

  #forgetEnded(): void {
    for (const [kid, entry] of this.#received) if (entry.endsAtMs <= this.nowMs()) this.#received.delete(kid);
  }
}
