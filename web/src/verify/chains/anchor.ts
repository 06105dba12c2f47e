/** What every proof that a public chain dates a checkpoint comes down to (`docs/spec/anchors.md`). */

import { refuse } from "../refusal";

export const BITCOIN_NETWORKS = ["bitcoin-mainnet", "bitcoin-testnet4", "bitcoin-signet", "bitcoin-regtest"];
/** The network of development nodes on one machine. */
export const ETHEREUM_DEVELOPMENT = "ethereum-31337";
export const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;
export const DIGEST_BYTES = 32;
/** Keeps the hash of a pair from being taken for the digest of something else. */
export const PAIR_PREFIX = "telesphor-anchor-pair/1\n";
const PINS_MAX = 1024;
const ETHEREUM = /^ethereum-[1-9][0-9]{0,18}$/;
const HASH = /^[0-9a-f]{64}$/;

/** A proof that was checked whole. */
export interface Anchor {
  readonly network: string;
  readonly height: number;
  readonly timeSeconds: number;
  /** Blocks from the dating one to the last of the proof, that one included. */
  readonly confirmations: number;
  /** False for networks that anyone can rewrite for nothing. */
  readonly provesTime: boolean;
  /** Whether a header that the reader knows vouches for it. */
  readonly pinned: boolean;
  readonly sentence: string;
}

/** A block header that the reader knows from elsewhere; `hash` as explorers show it. */
export interface HeaderPin {
  readonly network: string;
  readonly height: number;
  readonly hash: string;
}

export function headerPin(network: string, height: number, hash: string): HeaderPin {
  parseNetwork(network);
  if (!HASH.test(hash))
    refuse("anchor-malformed", "the hash of a pinned header is not 64 lower-case hex digits");
  return { network, height, hash };
}

/** The same text, when it names a network whose proofs can be judged (`anchor-of-another-network`). */
export function parseNetwork(text: string | undefined): string {
  if (text !== undefined && (BITCOIN_NETWORKS.includes(text) || ETHEREUM.test(text))) return text;
  refuse("anchor-of-another-network", "the network is not one whose anchors can be judged");
}

/** Hash by height of the pins of one network. */
export function pinsOf(pins: readonly HeaderPin[], network: string): Map<number, string> {
  if (pins.length > PINS_MAX) refuse("anchor-too-large", `more than ${PINS_MAX} headers are pinned`);
  const found = new Map<number, string>();
  for (const pin of pins.filter((one) => one.network === network)) {
    if ((found.get(pin.height) ?? pin.hash) !== pin.hash) {
      refuse("anchor-pin-mismatch", `two headers of \`${network}\` are pinned at height \`${pin.height}\``);
    }
    found.set(pin.height, pin.hash);
  }
  return found;
}
