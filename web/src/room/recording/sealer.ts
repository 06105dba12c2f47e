/**
 * Seals a recording as it grows: C2SP chunked encryption, whole chunks as soon as they are there.
 *
 * INVARIANT: no chunk number is sealed twice with different bytes where both could be seen. So a sealer that takes up a
 * recording begins behind the last chunk that the journal has, and what is not in the journal never left the page.
 */
import { type Bytes, concat, randomBytes } from "../../kernel/bytes";
import { CHUNK, HEADER, MessageKeys, SALT, SEALED_CHUNK } from "../../kernel/chunked";
import { contextOf } from "./format";

export class Sealer {
  /** Stands in front of the first chunk. */
  readonly header: Bytes;
  readonly #keys: MessageKeys;
  #chunks: number;
  #rest: Bytes = new Uint8Array(0);

  private constructor(keys: MessageKeys, chunks: number) {
    this.#keys = keys;
    this.header = keys.header;
    this.#chunks = chunks;
  }

  /** Begin a recording under a fresh key. */
  static async begin(object: string, key: Bytes): Promise<Sealer> {
    return new Sealer(await MessageKeys.derive({ key, context: contextOf(object) }, randomBytes(SALT)), 0);
  }

  /** Go on behind so many sealed bytes; throws `KeyCommitmentRefused` where another key made them. */
  static async resume(
    object: string,
    { key, header, sealedBytes }: { key: Bytes; header: Bytes; sealedBytes: number },
  ): Promise<Sealer> {
    const keys = await MessageKeys.ofHeader(header, { key, context: contextOf(object) });
    return new Sealer(keys, (sealedBytes - HEADER) / SEALED_CHUNK);
  }

  /** Bytes of the plaintext that are sealed. */
  get plaintextBytes(): number {
    return this.#chunks * CHUNK;
  }

  /** Seal what is whole with this piece; the rest, less than a chunk, waits. */
  async seal(piece: Uint8Array): Promise<Bytes> {
    const all = concat(this.#rest, piece);
    const whole = all.length - (all.length % CHUNK);
    this.#rest = all.slice(whole);
    const first = this.#chunks;
    this.#chunks += whole / CHUNK;
    return this.#keys.seal(all.subarray(0, whole), { first, final: false });
  }

  /** Seal what is left and this, as the end. */
  finish(piece: Uint8Array): Promise<Bytes> {
    return this.#keys.seal(concat(this.#rest, piece), { first: this.#chunks, final: true });
  }
}
