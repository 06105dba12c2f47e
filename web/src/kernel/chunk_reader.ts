/**
 * Random access to a chunked ciphertext, wherever its bytes are.
 *
 * INVARIANT: opening a reader authenticates the size (the last chunk is opened first), so a cut or lengthened ciphertext
 * cannot be read from at all, and every byte that is given out has been authenticated.
 */
import { type Bytes, owned } from "./bytes";
import {
  BATCH_CHUNKS,
  CHUNK,
  ChunkedInvalid,
  ChunkedTruncated,
  HEADER,
  MessageKeys,
  type MessageSecrets,
  plaintextSize,
  SEALED_CHUNK,
} from "./chunked";
import { LimitExceeded } from "./errors";

/** More than this is read as a stream, not into memory. */
export const READ_BYTES_MAX = 64 * 1024 * 1024;

/** Gives `length` bytes of the ciphertext from `offset` on. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/** A ciphertext that is read here and there. */
export interface Sealed extends MessageSecrets {
  readonly readAt: ReadAt;
  /** Size of the whole ciphertext, header included. */
  readonly ciphertextSize: number;
}

/** Where the plaintext of a sealed message is read. */
export class ChunkReader {
  /** Size of the plaintext in bytes, authenticated. */
  readonly size: number;
  readonly #readAt: ReadAt;
  readonly #keys: MessageKeys;

  private constructor(size: number, readAt: ReadAt, keys: MessageKeys) {
    this.size = size;
    this.#readAt = readAt;
    this.#keys = keys;
  }

  /** Check the header and the last chunk; throws `ChunkedRefused`. */
  static async open({ readAt, ciphertextSize, ...secrets }: Sealed): Promise<ChunkReader> {
    const size = plaintextSize(ciphertextSize);
    const keys = await MessageKeys.ofHeader(await fetchExactly(readAt, 0, HEADER), secrets);
    const reader = new ChunkReader(size, readAt, keys);
    await reader.#openSpan(reader.#lastChunk, reader.#lastChunk);
    return reader;
  }

  /** Plaintext from `offset`: `length` bytes, fewer only at the end of the message. Throws `LimitExceeded` above 64 MiB. */
  async read(offset: number, length: number): Promise<Bytes> {
    checkSpan(offset, length);
    const end = Math.min(offset + length, this.size);
    if (offset >= end) return new Uint8Array(0);
    if (end - offset > READ_BYTES_MAX)
      throw new LimitExceeded(`at most ${READ_BYTES_MAX} bytes are read at once`);
    const first = Math.floor(offset / CHUNK);
    const opened = await this.#openSpan(first, Math.floor((end - 1) / CHUNK));
    return opened.subarray(offset - first * CHUNK, end - first * CHUNK);
  }

  /** Plaintext from `start` up to, not including, `end`, a mebibyte at a time. */
  stream(start = 0, end = this.size): ReadableStream<Bytes> {
    checkSpan(start, end - start);
    const stop = Math.min(end, this.size);
    let at = start;
    return new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          // Pieces end where chunks do, so that no chunk is fetched twice.
          const until = Math.min(stop, (Math.floor(at / CHUNK) + BATCH_CHUNKS) * CHUNK);
          if (at < until) controller.enqueue(await this.read(at, until - at));
          at = until;
          if (at >= stop) controller.close();
        },
      },
      { highWaterMark: 1 },
    );
  }

  get #lastChunk(): number {
    return Math.floor(this.size / CHUNK);
  }

  async #openSpan(first: number, last: number): Promise<Bytes> {
    const final = last === this.#lastChunk;
    const missing = final ? CHUNK - (this.size % CHUNK) : 0;
    const length = (last - first + 1) * SEALED_CHUNK - missing;
    const sealed = await fetchExactly(this.#readAt, HEADER + first * SEALED_CHUNK, length);
    return this.#keys.open(sealed, { first, final });
  }
}

async function fetchExactly(readAt: ReadAt, offset: number, length: number): Promise<Bytes> {
  const data = await readAt(offset, length);
  if (data.length !== length) {
    throw new ChunkedTruncated(`asked for ${length} bytes of ciphertext at ${offset}, got ${data.length}`);
  }
  return owned(data);
}

function checkSpan(offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new ChunkedInvalid("an offset and a length are not negative");
  }
}
