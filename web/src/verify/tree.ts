/** The Merkle tree of RFC 6962 (`docs/spec/tree.md`): leaves, roots, and inclusion by RFC 9162 section 2.1.3.2. */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { concat, equal } from "./bytes";
import { demand, refuse } from "./refusal";

export const SIZE_MAX = 2n ** 63n - 1n;
const HASH_BYTES = 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(data: Bytes): Bytes {
  return sha256(concat(LEAF, data));
}

export function nodeHash(left: Bytes, right: Bytes): Bytes {
  return sha256(concat(NODE, left, right));
}

/** Root over leaf hashes, in order. */
export function rootOf(leaves: readonly Bytes[]): Bytes {
  if (leaves.length === 0) return sha256(new Uint8Array());
  let row = [...leaves];
  while (row.length > 1) {
    const above: Bytes[] = [];
    for (let at = 0; at < row.length; at += 2) {
      const [left, right] = [row[at] as Bytes, row[at + 1]];
      above.push(right === undefined ? left : nodeHash(left, right)); // one without a partner rises as it is
    }
    row = above;
  }
  return row[0] as Bytes;
}

export interface Inclusion {
  readonly leaf: Bytes;
  readonly index: bigint;
  readonly size: bigint;
  readonly path: readonly Bytes[];
  readonly root: Bytes;
}

/** Refuses with `inclusion-refused` unless the leaf stands at this index of the tree with this root. */
export function verifyInclusion({ leaf, index, size, path, root }: Inclusion): void {
  const within = index >= 0n && index < size && size <= SIZE_MAX;
  demand(within, "inclusion-refused", `the tree of size ${size} has no position ${index}`);
  demand(leaf.length === HASH_BYTES, "inclusion-refused", "the leaf hash does not have 32 bytes");
  let [node, last, current] = [index, size - 1n, leaf];
  for (const sibling of path) {
    demand(last !== 0n, "inclusion-refused", "the proof is too long for the tree");
    demand(sibling.length === HASH_BYTES, "inclusion-refused", "a hash of the proof does not have 32 bytes");
    if ((node & 1n) === 1n || node === last) {
      current = nodeHash(sibling, current);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      current = nodeHash(current, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) refuse("inclusion-refused", "the proof is too short for the tree");
  if (!equal(current, root)) refuse("inclusion-refused", "the proof leads to another root");
}
