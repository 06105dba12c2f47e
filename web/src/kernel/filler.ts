/**
 * Cuts a stream of bytes into buffers of one size, whatever sizes its pieces have.
 */
import type { Bytes } from "./bytes";

/** Fills buffers of `size` bytes. */
export class Filler {
  readonly #size: number;
  #buffer: Bytes;
  #filled = 0;

  constructor(size: number) {
    this.#size = size;
    this.#buffer = new Uint8Array(size);
  }

  /** Bytes that wait for their buffer to be full. */
  get waiting(): number {
    return this.#filled;
  }

  /** Add a piece, and give out each buffer that it fills. */
  *add(piece: Uint8Array): Generator<Bytes> {
    let left = piece;
    while (left.length > 0) {
      const taken = left.subarray(0, this.#size - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      left = left.subarray(taken.length);
      if (this.#filled === this.#size) yield this.#give();
    }
  }

  /** What is left: fewer bytes than a buffer, perhaps none. */
  rest(): Bytes {
    return this.#buffer.slice(0, this.#filled);
  }

  #give(): Bytes {
    const full = this.#buffer;
    this.#buffer = new Uint8Array(this.#size);
    this.#filled = 0;
    return full;
  }
}
