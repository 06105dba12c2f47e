/**
 * From the recorder's pieces to the object: looked at for the index, sealed chunk by chunk, handed on. In constant memory.
 *
 * - What waits is bounded: when the network cannot follow for minutes, the recording ends with what it has, whole and
 *   playable, rather than fill the memory.
 * - INVARIANT: sealed bytes are in the journal before they are handed on, so that whoever finishes the recording after
 *   this page was lost knows which chunks were ever seen.
 */
import { type Bytes, randomBytes } from "../../kernel/bytes";
import { KEY_BYTES } from "../../kernel/chunked";
import type { RecipientPublic } from "../../kernel/recipient";
import { encodeHead, sealRecordingKey } from "./format";
import { Marks } from "./marks";
import { Sealer } from "./sealer";
import { WebmScanner, type Mark } from "./webm";

/** Five minutes at the usual 1.6 Mbit/s. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Where sealed bytes go; a promise that is not settled holds back what follows. */
export interface Sink {
  write(piece: Bytes): Promise<void>;
}

/** What is new of a recording: sealed bytes, and the places to enter that the pieces behind them had. */
export interface Sealed {
  readonly bytes: Bytes;
  readonly marks: readonly Mark[];
  readonly durationMs: number;
  /** Whether these bytes are the end. */
  readonly ended: boolean;
}

/** Notes what is sealed before it leaves. */
export interface Guard {
  begin(head: Bytes, header: Bytes): Promise<void>;
  append(sealed: Sealed): Promise<void>;
}

export interface RecordingPlan {
  readonly object: string;
  readonly codecs: string;
  readonly recipients: readonly RecipientPublic[];
  readonly sink: Sink;
  readonly guard?: Guard;
}

export class RecordingWriter {
  /** Bytes that came and are not handed on yet. */
  waiting = 0;
  readonly #plan: RecordingPlan;
  readonly #sealer: Sealer;
  readonly #marks = new Marks();
  #fresh: Mark[] = [];
  readonly #scanner = new WebmScanner((mark) => this.#mark(mark));
  #sealed: Promise<void> = Promise.resolve();
  #sent: Promise<void> = Promise.resolve();

  private constructor(plan: RecordingPlan, sealer: Sealer) {
    this.#plan = plan;
    this.#sealer = sealer;
  }

  /** Draw a key, seal it to the recipients, write the head. */
  static async begin(plan: RecordingPlan): Promise<RecordingWriter> {
    const { object, codecs, recipients, guard, sink } = plan;
    const key = randomBytes(KEY_BYTES);
    const head = encodeHead({ codecs, envelope: await sealRecordingKey(key, object, recipients) });
    const sealer = await Sealer.begin(object, key);
    await guard?.begin(head, sealer.header);
    await sink.write(head);
    await sink.write(sealer.header);
    return new RecordingWriter(plan, sealer);
  }

  /** Take the recorder's next piece; false when so much waits that the recording should end. */
  add(piece: Uint8Array): boolean {
    this.#scanner.add(piece);
    this.waiting += piece.length;
    this.#hand(() => this.#sealer.seal(piece), { size: piece.length, ended: false });
    return this.waiting <= WAITING_BYTES_MAX;
  }

  /** Write index and foot, and wait until everything is handed on. */
  async finish(): Promise<{ durationMs: number }> {
    const durationMs = this.#scanner.newestMs;
    const index = this.#marks.index(durationMs);
    this.#hand(() => this.#sealer.finish(index), { size: 0, ended: true });
    await this.#sealed;
    await this.#sent;
    return { durationMs };
  }

  /** Seal, note, send; each in the order of the calls. Whoever finishes is told what failed. */
  #hand(seal: () => Promise<Bytes>, { size, ended }: { size: number; ended: boolean }): void {
    const [marks, durationMs] = [this.#fresh, this.#scanner.newestMs];
    this.#fresh = [];
    this.#sealed = this.#sealed.then(async () => {
      const bytes = await seal();
      await this.#plan.guard?.append({ bytes, marks, durationMs, ended });
      this.#sent = this.#sent
        .then(() => this.#plan.sink.write(bytes))
        .then(() => void (this.waiting -= size));
      this.#sent.catch(() => undefined);
    });
    this.#sealed.catch(() => undefined);
  }

  #mark(mark: Mark): void {
    this.#marks.add(mark);
    this.#fresh.push(mark);
  }
}
