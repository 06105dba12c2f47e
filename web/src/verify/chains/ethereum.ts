/**
 * Whether a block of an Ethereum network holds a transaction that carries a digest (`docs/spec/anchors-ethereum.md`).
 *
 * INVARIANT: no more is said than is shown: headers of Ethereum carry no work, so only one that the reader knows from
 * elsewhere makes the time a proof. Start at `verifyEthereumAnchor`.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

import type { Bytes } from "../bytes";
import { bigEndian, concat, equal, fromHex, hex, utf8 } from "../bytes";
import type { Json, JsonObject } from "../json";
import { get, hasExactly, isArray, isObject, readJson } from "../json";
import { INSTANT_MS_MAX, formatInstant } from "../names";
import { recast, refuse } from "../refusal";
import type { Anchor, HeaderPin } from "./anchor";
import { DIGEST_BYTES, HEIGHT_MAX, PAIR_PREFIX, parseNetwork, pinsOf } from "./anchor";
import { byteString, decodeRlp, isList, numberOf } from "./rlp";
import { verifyTrieInclusion } from "./trie";

const FORMAT = "telesphor-ethereum-anchor/1";
const MEMBERS = ["v", "format", "network", "path", "transaction", "index", "proof", "header", "later"];
const PREFIX = "ethereum-";
/** Chain ids of development nodes, whose owner writes what block he likes. */
const DEVELOPMENT_CHAINS = [1337n, 31337n];
const PROOF_BYTES_MAX = 256 * 1024;
const TRANSACTION_BYTES_MAX = 1024;
const HEADER_BYTES_MAX = 1024;
const NODE_BYTES_MAX = 2048;
const NODES_MAX = 9;
const INDEX_MAX = 2 ** 24 - 1;
const LATER_MAX = 64;
const PATH_STEPS_MAX = 32;
const CHAIN_ID_MAX = 2n ** 63n - 1n;
const WORD_MAX = 2n ** 256n - 1n;
const TRANSACTION_TYPE = 0x02;
const TRANSACTION_ITEMS = 12;
const HEADER_ITEMS_MIN = 15;
const HEADER_ITEMS_MAX = 32;
/** Fields of a header with one size in every fork: nothing else that Ethereum hashes has this shape. */
const HEADER_SIZES: readonly (readonly [at: number, size: number])[] = [
  ...[0, 1, 3, 4, 5, 13].map((at) => [at, 32] as const),
  [2, 20],
  [6, 256],
  [14, 8],
];
const HEX = /^(?:[0-9a-f]{2})+$/;

interface Proof {
  readonly network: string;
  readonly path: readonly { readonly isLeft: boolean; readonly sibling: Bytes }[];
  readonly transaction: Bytes;
  readonly index: number;
  readonly nodes: readonly Bytes[];
  readonly header: Bytes;
  readonly later: readonly Bytes[];
}

interface BlockHeader {
  readonly parent: Bytes;
  readonly transactionsRoot: Bytes;
  readonly height: number;
  readonly timeSeconds: number;
  readonly hash: Bytes;
}

export function verifyEthereumAnchor(
  digest: Bytes,
  data: Bytes,
  network: string,
  pins: readonly HeaderPin[],
): Anchor {
  // 1. Form and network.
  const chainId = chainIdOf(network);
  const proof = readProof(data);
  if (proof.network !== network) refuse("anchor-of-another-network", `the proof is of \`${proof.network}\``);
  // 2. The transaction carries the digest.
  checkTransaction(proof, digest, chainId);
  // 3. The block holds the transaction.
  const header = readHeader(proof.header);
  verifyTrieInclusion(header.transactionsRoot, rlpOfNumber(proof.index), proof.transaction, proof.nodes);
  // 4. The headers that followed.
  const row = [header, ...proof.later.map(readHeader)];
  checkChain(row);
  // 5. The headers that the reader knows.
  return anchorOf(network, chainId, row, findPin(row, pinsOf(pins, network), network));
}

function chainIdOf(network: string): bigint {
  if (!parseNetwork(network).startsWith(PREFIX)) {
    refuse("anchor-of-another-network", `\`${network}\` is not a network of Ethereum`);
  }
  const chainId = BigInt(network.slice(PREFIX.length));
  if (chainId > CHAIN_ID_MAX)
    refuse("anchor-of-another-network", `no network has a chain id above ${CHAIN_ID_MAX}`);
  return chainId;
}

function readProof(data: Bytes): Proof {
  if (data.length > PROOF_BYTES_MAX) tooLarge(`the proof has more than ${PROOF_BYTES_MAX} bytes`);
  const value = recast("anchor-malformed", "the proof is not canonical JSON", () =>
    readJson(data, PROOF_BYTES_MAX),
  );
  if (
    !isObject(value) ||
    !hasExactly(value, MEMBERS) ||
    get(value, "v") !== 1 ||
    get(value, "format") !== FORMAT
  ) {
    malformed(`the proof is not of the format \`${FORMAT}\``);
  }
  const [index, network] = [get(value, "index"), get(value, "network")];
  if (typeof index !== "number" || index < 0 || index > INDEX_MAX) {
    malformed(`the index is not a number between 0 and ${INDEX_MAX}`);
  }
  return {
    network: parseNetwork(typeof network === "string" ? network : undefined),
    path: listOf(value, "path", PATH_STEPS_MAX).map(readStep),
    transaction: bytesOf(get(value, "transaction"), "the transaction", TRANSACTION_BYTES_MAX),
    index,
    nodes: listOf(value, "proof", NODES_MAX).map((node) => bytesOf(node, "a node", NODE_BYTES_MAX)),
    header: bytesOf(get(value, "header"), "the header", HEADER_BYTES_MAX),
    later: listOf(value, "later", LATER_MAX).map((later) =>
      bytesOf(later, "a later header", HEADER_BYTES_MAX),
    ),
  };
}

function listOf(value: JsonObject, name: string, most: number): readonly Json[] {
  const list = get(value, name);
  if (!isArray(list)) malformed(`\`${name}\` of the proof is not an array`);
  if (list.length > most) tooLarge(`\`${name}\` of the proof has more than ${most} members`);
  return list;
}

function bytesOf(text: Json | undefined, what: string, most: number): Bytes {
  if (typeof text !== "string" || !HEX.test(text)) malformed(`${what} is not lower-case hex`);
  if (text.length > 2 * most) tooLarge(`${what} has more than ${most} bytes`);
  return fromHex(text);
}

function readStep(value: Json): Proof["path"][number] {
  const side = isObject(value) && hasExactly(value, ["side", "hash"]) ? get(value, "side") : undefined;
  if (side !== "left" && side !== "right") malformed("a step of the path is not a `side` and a `hash`");
  const sibling = bytesOf(get(value as JsonObject, "hash"), "a hash of the path", DIGEST_BYTES);
  if (sibling.length !== DIGEST_BYTES) malformed(`a hash of the path does not have ${DIGEST_BYTES} bytes`);
  return { isLeft: side === "left", sibling };
}

function checkTransaction(proof: Proof, digest: Bytes, chainId: bigint): void {
  const raw = proof.transaction;
  if (raw[0] !== TRANSACTION_TYPE) malformed("the transaction is not one of EIP-1559");
  const items = decodeRlp(raw.subarray(1));
  if (!isList(items) || items.length !== TRANSACTION_ITEMS)
    malformed("the transaction does not have its fields");
  const [chain, nonce, tip, fee, gas, to, value, data, access, parity, r, s] = items;
  for (const item of [nonce, tip, fee, gas, r, s]) numberOf(item, "a field of the transaction", WORD_MAX);
  numberOf(parity, "the parity of the transaction", 1n);
  if (!isList(access) || access.length !== 0) refuse("rlp-refused", "the transaction has an access list");
  const chainOfIt = numberOf(chain, "the chain id of the transaction", CHAIN_ID_MAX);
  byteString(to, "the recipient of the transaction", 20);
  numberOf(value, "the value of the transaction", WORD_MAX);
  const carried = byteString(data, "the data of the transaction", DIGEST_BYTES);
  if (chainOfIt !== chainId)
    refuse("anchor-of-another-network", `the transaction is not of \`${proof.network}\``);
  const root = proof.path.reduce(
    (below, { isLeft, sibling }) =>
      sha256(isLeft ? concat(utf8(PAIR_PREFIX), sibling, below) : concat(utf8(PAIR_PREFIX), below, sibling)),
    digest,
  );
  if (!equal(carried, root)) refuse("anchor-of-another-digest", "the transaction carries another digest");
}

function readHeader(raw: Bytes): BlockHeader {
  const items = decodeRlp(raw);
  if (!isList(items) || items.length < HEADER_ITEMS_MIN || items.length > HEADER_ITEMS_MAX) {
    malformed("the header does not have the fields of a block");
  }
  for (const item of items) byteString(item, "a field of the header");
  for (const [at, size] of HEADER_SIZES) byteString(items[at], `field ${at} of the header`, size);
  return {
    parent: byteString(items[0], "the parent of the header"),
    transactionsRoot: byteString(items[4], "the transactions root of the header"),
    height: Number(numberOf(items[8], "the number of the header", BigInt(HEIGHT_MAX - LATER_MAX))),
    timeSeconds: Number(
      numberOf(items[11], "the time of the header", BigInt(Math.floor(INSTANT_MS_MAX / 1000))),
    ),
    hash: keccak_256(raw),
  };
}

/** A number as RLP writes it. */
function rlpOfNumber(number: number): Bytes {
  if (number > 0 && number < 0x80) return Uint8Array.of(number);
  const size = number === 0 ? 0 : Math.ceil(number.toString(16).length / 2);
  return concat(Uint8Array.of(0x80 + size), bigEndian(BigInt(number), size));
}

function checkChain(row: readonly BlockHeader[]): void {
  row.slice(1).forEach((child, at) => {
    const before = row[at] as BlockHeader;
    const follows = equal(child.parent, before.hash) && child.height === before.height + 1;
    if (!follows || child.timeSeconds < before.timeSeconds) {
      refuse("anchor-header-chain-broken", `later header ${at} is not the child of the one before it`);
    }
  });
}

/** The height of a pinned header among these: its hash commits to all before it. */
function findPin(
  row: readonly BlockHeader[],
  pins: ReadonlyMap<number, string>,
  network: string,
): number | null {
  let found: number | null = null;
  const first = (row[0] as BlockHeader).height;
  for (const [at, { hash }] of row.entries()) {
    const wanted = pins.get(first + at);
    if (wanted === undefined) continue;
    if (wanted !== hex(hash)) {
      refuse("anchor-pin-mismatch", `block ${first + at} of \`${network}\` is not the one that is pinned`);
    }
    found ??= first + at;
  }
  return found;
}

function anchorOf(
  network: string,
  chainId: bigint,
  row: readonly BlockHeader[],
  pinned: number | null,
): Anchor {
  const header = row[0] as BlockHeader;
  const isDevelopment = DEVELOPMENT_CHAINS.includes(chainId);
  const at = formatInstant(header.timeSeconds * 1000);
  let says = `block ${header.height} of \`${network}\`, which states ${at}, holds the digest; `;
  if (isDevelopment) says += "this is a development network, and proves nothing about time";
  else if (pinned !== null) says += `block ${pinned} has the hash that is pinned`;
  else {
    says +=
      "its header is not pinned, and headers of Ethereum can be written for nothing: look up whether " +
      `block ${header.height} really has the hash 0x${hex(header.hash)}, or pin it`;
  }
  return {
    network,
    height: header.height,
    timeSeconds: header.timeSeconds,
    confirmations: row.length,
    provesTime: pinned !== null && !isDevelopment,
    pinned: pinned !== null,
    sentence: says,
  };
}

function malformed(message: string): never {
  refuse("anchor-malformed", message);
}

function tooLarge(message: string): never {
  refuse("anchor-too-large", message);
}
