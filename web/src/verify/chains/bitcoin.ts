/** Whether block headers show that a block of a Bitcoin network dates a digest (`docs/spec/anchors.md`). */

import type { Bytes } from "../bytes";
import { equal, hex } from "../bytes";
import { formatInstant } from "../names";
import { refuse } from "../refusal";
import type { Anchor, HeaderPin } from "./anchor";
import { pinsOf } from "./anchor";
import type { Header, Rules } from "./headers";
import { checkChain, checkHeaders, parseHeaders, rulesOf, workOf } from "./headers";
import type { TimestampPath } from "./timestamp";
import { followPath, parseTimestampFile } from "./timestamp";

export interface BitcoinProof {
  readonly digest: Bytes;
  /** A detached OpenTimestamps file. */
  readonly ots: Bytes;
  /** Headers of 80 bytes, from the dating block, or a pinned one before it, on. */
  readonly headers: Bytes;
  readonly network: string;
  readonly pins: readonly HeaderPin[];
}

/**
 * The anchor that a proof is, when all of it holds: the timestamp is of the digest and names a block; the headers are
 * one chain; an attested root stands in it and no attestation contradicts; pins, work, difficulties and times fit.
 */
export function verifyBitcoinAnchor({ digest, ots, headers, network, pins }: BitcoinProof): Anchor {
  const rules = rulesOf(network);
  const paths = parseTimestampFile(ots, digest);
  const row = parseHeaders(headers);
  checkChain(row, rules);
  const { first, dating } = placeHeaders(row, attestedRoots(paths, digest));
  const known = new Map(
    [...pinsOf(pins, network)].filter(([height]) => height >= first && height < first + row.length),
  );
  checkHeaders(row, first, rules, known);
  // A pin before the dating block says nothing of it: only one at or after it vouches for it.
  const pinned = [...known.keys()].some((height) => height >= first + dating);
  return anchorOf(row, first + dating, dating, rules, pinned);
}

/** The merkle root by height of every Bitcoin attestation. Nothing is proved by them yet. */
function attestedRoots(paths: readonly TimestampPath[], digest: Bytes): Map<number, Bytes> {
  const roots = new Map<number, Bytes>();
  for (const path of paths) {
    if (path.height === null) continue;
    const root = followPath(path, digest);
    if (root.length !== 32 || !equal(roots.get(path.height) ?? root, root)) {
      refuse("anchor-headers-refused", `the timestamp contradicts itself about block ${path.height}`);
    }
    roots.set(path.height, root);
  }
  if (roots.size === 0) refuse("anchor-pending", "the timestamp names no block of Bitcoin yet");
  return roots;
}

/** Height of the row's first header, and index of the earliest one that an attestation names. */
function placeHeaders(
  row: readonly Header[],
  roots: ReadonlyMap<number, Bytes>,
): { first: number; dating: number } {
  const indexOf = new Map<string, number>();
  row.forEach((header, index) => {
    const root = hex(header.merkleRoot);
    if (!indexOf.has(root)) indexOf.set(root, index);
  });
  const found = new Map<number, number>();
  for (const [height, root] of roots) {
    const index = indexOf.get(hex(root));
    if (index !== undefined) found.set(height, index);
  }
  if (found.size === 0) refuse("anchor-of-another-digest", "no header holds what the timestamp leads to");
  const [first, ...others] = new Set([...found].map(([height, index]) => height - index));
  if (first === undefined || others.length > 0 || first < 0) {
    refuse("anchor-headers-refused", "the timestamp and the headers disagree about the heights of blocks");
  }
  for (const height of roots.keys()) {
    if (height >= first && height < first + row.length && !found.has(height)) {
      refuse("anchor-headers-refused", "the timestamp names a block that does not hold what it leads to");
    }
  }
  return { first, dating: Math.min(...found.values()) };
}

function anchorOf(
  row: readonly Header[],
  height: number,
  dating: number,
  rules: Rules,
  pinned: boolean,
): Anchor {
  const { timeSeconds } = row[dating] as Header;
  const confirmations = row.length - dating;
  const count = confirmations === 1 ? "1 block" : `${confirmations} blocks`;
  const at = formatInstant(timeSeconds * 1000);
  const shown = `stands in block ${height} of ${rules.network}, whose header states ${at}; ${count} from it on are shown`;
  return {
    network: rules.network,
    height,
    timeSeconds,
    confirmations,
    provesTime: rules.provesTime,
    pinned,
    sentence: `${shown}; ${worthOf(row.slice(dating), rules, pinned)}`,
  };
}

function worthOf(row: readonly Header[], rules: Rules, pinned: boolean): string {
  if (!rules.provesTime)
    return "a test network, which anyone can rewrite at will: it proves nothing about time";
  if (pinned) return "a header that you pinned vouches for it";
  const work = `10^${String(workOf(row)).length - 1}`;
  return `no pinned header vouches for it, and making these headers up takes ${work} hashes`;
}
