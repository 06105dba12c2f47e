/**
 * The root of an RFC 6962 tree over leaves that come one after the other, in the memory of a few hashes.
 *
 * For the digest of an object: its parts are the leaves. Bytes: `docs/spec/tree.md`.
 */
import { type Bytes, concat } from "./bytes";
import { sha256, sha256Large } from "./digest";

const LEAF = Uint8Array.of(0x00);
const NODE = Uint8Array.of(0x01);

/** The hash of a leaf's bytes. */
export function leafHash(data: Uint8Array): Promise<Bytes> {
  return sha256Large(concat(LEAF, data));
}

/** A tree that grows at its end. */
export class GrowingTree {
  /** Roots of the complete subtrees, the largest first: one for each 1 bit of the size. */
  readonly #peaks: Bytes[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Add one leaf hash at the end. */
  append(hash: Bytes): void {
    let current = hash;
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2)) {
      current = sha256(concat(NODE, this.#peaks.pop() as Bytes, current));
    }
    this.#peaks.push(current);
    this.#size++;
  }

  /** Root of the tree (RFC 6962 section 2.1). */
  root(): Bytes {
    const last = this.#peaks.at(-1);
    if (last === undefined) return sha256(new Uint8Array(0));
    return this.#peaks.slice(0, -1).reduceRight((right, left) => sha256(concat(NODE, left, right)), last);
  }
}
