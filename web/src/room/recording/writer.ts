/**
 * From the recorder's pieces to the object: looked at for the index, sealed chunk by chunk, handed on. In constant memory.
 *
 * What waits is bounded: when the network cannot follow for minutes, the recording ends with what it has, whole and
 * playable, rather than fill the memory.
 */
import { type Bytes, randomBytes } from "../../kernel/bytes";
import { encryptStream, KEY_BYTES } from "../../kernel/chunked";
import type { RecipientPublic } from "../../kernel/recipient";
import { contextOf, encodeHead, encodeIndex, MARKS_MAX, sealRecordingKey } from "./format";
import { WebmScanner, type Mark } from "./webm";

/** Five minutes at the usual 1.6 Mbit/s. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Where sealed bytes go; a promise that is not settled holds back what follows. */
export interface Sink {
  write(piece: Bytes): Promise<void>;
}

export interface RecordingPlan {
  readonly object: string;
  readonly codecs: string;
  readonly recipients: readonly RecipientPublic[];
  readonly sink: Sink;
}

export class RecordingWriter {
  /** Bytes that came and are not handed on yet. */
  waiting = 0;
  #marks: Mark[] = [];
  #every = 1;
  #met = 0;
  readonly #scanner = new WebmScanner((mark) => this.#mark(mark));
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #done: Promise<void>;

  private constructor(input: WritableStreamDefaultWriter<Uint8Array>, done: Promise<void>) {
    this.#input = input;
    this.#done = done;
    this.#done.catch(() => undefined); // Whoever writes next, or finishes, is told.
  }

  /** Draw a key, seal it to the recipients, write the head. */
  static async begin({ object, codecs, recipients, sink }: RecordingPlan): Promise<RecordingWriter> {
    const key = randomBytes(KEY_BYTES);
    const envelope = await sealRecordingKey(key, object, recipients);
    await sink.write(encodeHead({ codecs, envelope }));
    const { readable, writable } = encryptStream({ key, context: contextOf(object) });
    const done = readable.pipeTo(new WritableStream({ write: (piece) => sink.write(piece) }));
    return new RecordingWriter(writable.getWriter(), done);
  }

  /** Take the recorder's next piece; false when so much waits that the recording should end. */
  add(piece: Uint8Array): boolean {
    this.#scanner.add(piece);
    this.waiting += piece.length;
    this.#input.write(piece).then(
      () => (this.waiting -= piece.length),
      () => undefined,
    );
    return this.waiting <= WAITING_BYTES_MAX;
  }

  /** Write index and foot, and wait until everything is handed on. */
  async finish(): Promise<{ durationMs: number }> {
    const durationMs = this.#scanner.newestMs;
    const index = encodeIndex(this.#marks, durationMs);
    await Promise.race([this.#input.write(index), this.#done]);
    await Promise.race([this.#input.close(), this.#done.then(() => this.#input.closed)]);
    await this.#done;
    return { durationMs };
  }

  #mark(mark: Mark): void {
    this.#met += 1;
    if (this.#met % this.#every !== 0) return;
    this.#marks.push(mark);
    if (this.#marks.length < MARKS_MAX) return;
    this.#marks = this.#marks.filter((_, number) => number % 2 === 0);
    this.#every *= 2;
  }
}
