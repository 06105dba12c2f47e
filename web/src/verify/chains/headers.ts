/**
 * Rows of Bitcoin headers (`docs/spec/anchors.md`): one chain, of work that the network demands, at difficulties and
 * times that its rules allow, as far as the row itself can show.
 *
 * Start at `checkChain` and `checkHeaders`.
 */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "../bytes";
import { bigOf, equal, hex } from "../bytes";
import { refuse } from "../refusal";

const HEADER_BYTES = 80;
/** Six difficulty periods. */
const HEADERS_MAX = 12_096;
const PERIOD_BLOCKS = 2016;
const PERIOD_SECONDS = 14 * 24 * 60 * 60;
const RETARGET_FACTOR = 4;
const MEDIAN_BLOCKS = 11;
const SLOW_BLOCK_SECONDS = 1200;
const TIMEWARP_SECONDS = 600;
const HASHES = 1n << 256n;
const DIFFICULTY_ONE_BITS = 0x1d00ffff;
/** The least difficulty of a mainnet header that no pin vouches for. */
const MAINNET_DIFFICULTY_MIN = 10n ** 13n;

export interface Header {
  readonly previous: Bytes;
  readonly merkleRoot: Bytes;
  readonly timeSeconds: number;
  readonly bits: number;
  readonly hash: Bytes;
}

export interface Rules {
  readonly network: string;
  /** Hash of block 0, as explorers show it. */
  readonly genesis: string;
  readonly limitBits: number;
  /** Whether the difficulty changes at all. */
  readonly retargets: boolean;
  /** Whether a block of least difficulty may follow a long wait, and BIP 94 holds. */
  readonly slowBlocks: boolean;
  /** The easiest target of a header that no pin vouches for. */
  readonly targetMax: bigint;
  readonly provesTime: boolean;
}

export function parseHeaders(data: Bytes): readonly Header[] {
  if (data.length > HEADER_BYTES * HEADERS_MAX)
    refuse("anchor-too-large", `at most ${HEADERS_MAX} headers are read`);
  if (data.length === 0 || data.length % HEADER_BYTES !== 0) {
    refuse("anchor-malformed", `headers are one or more pieces of ${HEADER_BYTES} bytes`);
  }
  const count = data.length / HEADER_BYTES;
  return Array.from({ length: count }, (_, at) =>
    parseHeader(data.subarray(at * HEADER_BYTES, (at + 1) * HEADER_BYTES)),
  );
}

export function rulesOf(network: string): Rules {
  const rules = RULES.find((one) => one.network === network);
  return rules ?? refuse("anchor-of-another-network", `\`${network}\` is not a Bitcoin network`);
}

/** Each header names the one before, meets its own target, and has a difficulty that the network has. */
export function checkChain(row: readonly Header[], rules: Rules): void {
  const limit = targetOf(rules.limitBits);
  row.forEach((header, index) => {
    const before = row[index - 1];
    if (before !== undefined && !equal(header.previous, before.hash)) {
      broken(`header ${index} does not follow the one before it`);
    }
    const target = targetOf(header.bits);
    const isElsewhere = target > limit || (!rules.retargets && header.bits !== rules.limitBits);
    if (isElsewhere) {
      refuse(
        "anchor-of-another-network",
        `header ${index} has a difficulty that \`${rules.network}\` does not have`,
      );
    }
    if (bigOf(header.hash.toReversed()) > target) {
      refuse("anchor-work-too-low", `header ${index} does not meet its own target`);
    }
  });
}

/** The row, whose first header is of the block at height `first`, is as the rules and the pins within it demand. */
export function checkHeaders(
  row: readonly Header[],
  first: number,
  rules: Rules,
  known: ReadonlyMap<number, string>,
): void {
  checkPins(row, first, rules, known);
  checkDifficulty(row, first, rules);
  checkTimes(row, first, rules);
}

/** How many hashes such headers take on average. */
export function workOf(row: readonly Header[]): bigint {
  return row.reduce((work, header) => work + HASHES / (targetOf(header.bits) + 1n), 0n);
}

/** The target of a compact field (`anchor-work-too-low` when it is none). */
export function targetOf(bits: number): bigint {
  const [exponent, mantissa] = [bits >>> 24, BigInt(bits & 0x7fffff)];
  const target =
    exponent >= 3 ? mantissa << BigInt(8 * (exponent - 3)) : mantissa >> BigInt(8 * (3 - exponent));
  if ((bits & 0x800000) !== 0 || target <= 0n || target >= HASHES) {
    refuse("anchor-work-too-low", "the difficulty of a header is not a number that exists");
  }
  return target;
}

function parseHeader(raw: Bytes): Header {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return {
    previous: raw.subarray(4, 36),
    merkleRoot: raw.subarray(36, 68),
    timeSeconds: view.getUint32(68, true),
    bits: view.getUint32(72, true),
    hash: sha256(sha256(raw)),
  };
}

function shown(header: Header): string {
  return hex(header.hash.toReversed());
}

function broken(message: string): never {
  refuse("anchor-headers-refused", message);
}

function checkPins(
  row: readonly Header[],
  first: number,
  rules: Rules,
  known: ReadonlyMap<number, string>,
): void {
  if (first === 0 && shown(row[0] as Header) !== rules.genesis) {
    refuse("anchor-of-another-network", `the first block is not that of \`${rules.network}\``);
  }
  let vouched = first - 1;
  for (const [height, text] of known) {
    if (shown(row[height - first] as Header) !== text) {
      refuse(
        "anchor-pin-mismatch",
        `the header of block ${height} is not the one pinned for \`${rules.network}\``,
      );
    }
    vouched = Math.max(vouched, height);
  }
  row.slice(Math.max(vouched - first + 1, 0)).forEach((header) => {
    if (targetOf(header.bits) > rules.targetMax) {
      refuse(
        "anchor-work-too-low",
        `a header shows less work than \`${rules.network}\` demands of one without a pin`,
      );
    }
  });
}

/** Difficulty changes at a period's first block only; exactly so where the whole period is in the row. */
function checkDifficulty(row: readonly Header[], first: number, rules: Rules): void {
  if (!rules.retargets) return;
  let period: number | null = null; // the period's own bits, once the row has shown them
  row.forEach((header, index) => {
    const height = first + index;
    const begins = height % PERIOD_BLOCKS === 0;
    const before = row[index - 1];
    if (before !== undefined && begins) {
      checkRetarget(row, index, period, rules);
      period = header.bits;
    } else if (rules.slowBlocks && header.bits === rules.limitBits) {
      const waited = before === undefined ? SLOW_BLOCK_SECONDS + 1 : header.timeSeconds - before.timeSeconds;
      if (waited <= SLOW_BLOCK_SECONDS && period !== null && period !== rules.limitBits) {
        broken(`block ${height} has the least difficulty, and did not follow a long wait`);
      }
      if (begins) period = header.bits;
    } else if (period !== null && header.bits !== period) {
      broken(`the difficulty changes at block ${height}, within a period`);
    } else {
      period = header.bits;
    }
  });
}

function checkRetarget(row: readonly Header[], index: number, period: number | null, rules: Rules): void {
  const [header, last] = [row[index] as Header, row[index - 1] as Header];
  const start = row[index - PERIOD_BLOCKS];
  const limit = targetOf(rules.limitBits);
  if (start !== undefined) {
    const [least, most] = [PERIOD_SECONDS / RETARGET_FACTOR, PERIOD_SECONDS * RETARGET_FACTOR];
    const taken = Math.min(Math.max(last.timeSeconds - start.timeSeconds, least), most);
    const eased = (targetOf(start.bits) * BigInt(taken)) / BigInt(PERIOD_SECONDS);
    if (header.bits !== bitsOf(eased < limit ? eased : limit)) {
      broken("the difficulty of a period does not follow from the one before it");
    }
  } else if (period !== null) {
    const [before, after, factor] = [targetOf(period), targetOf(header.bits), BigInt(RETARGET_FACTOR)];
    const eased = before * factor < limit ? before * factor : limit;
    // Compact numbers are rounded down, so the hardest allowed target is rounded as well.
    const hardest = targetOf(bitsOf(before / factor > 1n ? before / factor : 1n));
    if (after < hardest || after > eased)
      broken("the difficulty changes by more than a factor of four at once");
  }
}

/** The compact field of a target, rounded down as Bitcoin rounds. */
function bitsOf(target: bigint): number {
  let size = Math.ceil(target.toString(2).length / 8);
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if ((mantissa & 0x800000) !== 0) {
    mantissa >>= 8; // the field has a sign, so its top bit stays clear
    size += 1;
  }
  return size * 2 ** 24 + mantissa;
}

/** Each time is later than the median of the eleven before it, where the row shows all eleven. */
function checkTimes(row: readonly Header[], first: number, rules: Rules): void {
  const times = row.map((header) => header.timeSeconds);
  for (let index = 1; index < times.length; index++) {
    const [time, before] = [times[index] as number, times[index - 1] as number];
    const window = times.slice(Math.max(index - MEDIAN_BLOCKS, 0), index).sort((one, other) => one - other);
    const complete = window.length === MEDIAN_BLOCKS || first === 0;
    if (complete && time <= (window[Math.floor(window.length / 2)] as number)) {
      broken(`block ${first + index} states a time before the median of those before it`);
    }
    const begins = rules.slowBlocks && (first + index) % PERIOD_BLOCKS === 0;
    if (begins && time < before - TIMEWARP_SECONDS) {
      broken(`block ${first + index} begins its period too far in the past`);
    }
  }
}

const RULES: readonly Rules[] = [
  {
    network: "bitcoin-mainnet",
    genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    limitBits: DIFFICULTY_ONE_BITS,
    retargets: true,
    slowBlocks: false,
    targetMax: targetOf(DIFFICULTY_ONE_BITS) / MAINNET_DIFFICULTY_MIN,
    provesTime: true,
  },
  {
    network: "bitcoin-testnet4",
    genesis: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    limitBits: DIFFICULTY_ONE_BITS,
    retargets: true,
    slowBlocks: true,
    targetMax: targetOf(DIFFICULTY_ONE_BITS),
    provesTime: false,
  },
  {
    network: "bitcoin-signet",
    genesis: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    limitBits: 0x1e0377ae,
    retargets: true,
    slowBlocks: false,
    targetMax: targetOf(0x1e0377ae),
    provesTime: false,
  },
  {
    network: "bitcoin-regtest",
    genesis: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    limitBits: 0x207fffff,
    retargets: false,
    slowBlocks: false,
    targetMax: targetOf(0x207fffff),
    provesTime: false,
  },
];
