/**
 * Inclusion in the Merkle-Patricia trie of a block's transactions (Yellow Paper, appendices C and D). In such a trie
 * no branch holds a value and no node is embedded in its parent, and both are refused: a proof has one reading.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";

import type { Bytes } from "../bytes";
import { equal } from "../bytes";
import { refuse } from "../refusal";
import type { Item } from "./rlp";
import { byteString, decodeRlp, isList } from "./rlp";

const BRANCH_ITEMS = 17;
const ODD = 1;
const LEAF = 2;
const HASH_BYTES = 32;

interface Step {
  readonly child: Bytes;
  readonly rest: Bytes;
  readonly isLeaf: boolean;
}

/** Refuses unless `value` stands under `key` in the trie of `root`, by these nodes from the root to the leaf. */
export function verifyTrieInclusion(root: Bytes, key: Bytes, value: Bytes, nodes: readonly Bytes[]): void {
  let [wanted, rest] = [root, nibblesOf(key)];
  for (const [at, node] of nodes.entries()) {
    if (!equal(keccak_256(node), wanted))
      bad(`node ${at} of the trie proof is not the one that the way leads to`);
    const step = takeStep(decodeRlp(node), rest);
    if (step.isLeaf) {
      if (at !== nodes.length - 1) bad("the trie proof has nodes after its leaf");
      if (!equal(step.child, value)) bad("the leaf of the trie proof holds another transaction");
      return;
    }
    [wanted, rest] = [step.child, step.rest];
  }
  bad("the trie proof ends before a leaf");
}

function takeStep(node: Item, rest: Bytes): Step {
  if (isList(node) && node.length === BRANCH_ITEMS) return throughBranch(node, rest);
  if (isList(node) && node.length === 2) return alongPath(node, rest);
  bad("a node of the trie proof is neither a branch nor a path");
}

function throughBranch(node: readonly Item[], rest: Bytes): Step {
  const value = node[BRANCH_ITEMS - 1];
  if (isList(value) || value?.length !== 0) bad("a branch of the trie proof holds a value");
  const next = rest[0];
  if (next === undefined) bad("the way ends in a branch");
  return { child: childHash(node[next]), rest: rest.subarray(1), isLeaf: false };
}

function alongPath(node: readonly Item[], rest: Bytes): Step {
  const { steps, isLeaf } = readPath(byteString(node[0], "a path of the trie"));
  const leads = equal(rest.subarray(0, steps.length), steps) && (!isLeaf || steps.length === rest.length);
  if (!leads) bad("the trie proof leads to another index");
  if (isLeaf) return { child: byteString(node[1], "the value of a leaf"), rest: new Uint8Array(), isLeaf };
  if (steps.length === 0) bad("an extension of the trie proof has no steps");
  return { child: childHash(node[1]), rest: rest.subarray(steps.length), isLeaf };
}

/** The steps of a path and whether it ends in a leaf (hex-prefix encoding). */
function readPath(packed: Bytes): { steps: Bytes; isLeaf: boolean } {
  const steps = nibblesOf(packed);
  const sign = steps[0];
  if (sign === undefined || sign > (ODD | LEAF)) bad("a path of the trie proof has an unknown sign in front");
  const isOdd = (sign & ODD) !== 0;
  if (!isOdd && steps[1] !== 0) bad("a path of the trie proof is not written the one way");
  return { steps: steps.subarray(isOdd ? 1 : 2), isLeaf: (sign & LEAF) !== 0 };
}

function childHash(item: Item | undefined): Bytes {
  if (!(item instanceof Uint8Array) || item.length !== HASH_BYTES) {
    bad("the way of the trie proof leads to no node of its own");
  }
  return item;
}

/** Each half byte as one byte, the upper half first. */
function nibblesOf(key: Bytes): Bytes {
  return Uint8Array.from(
    { length: key.length * 2 },
    (_, at) => ((key[at >> 1] as number) >> (at % 2 ? 0 : 4)) & 15,
  );
}

function bad(message: string): never {
  refuse("trie-proof-refused", message);
}
