/** Pins: the ledger keys that the reader knows from elsewhere, and the policies whose quorums the reader demands. */

import type { Bytes } from "./bytes";
import { parseVkey } from "./note";
import type { Policy } from "./quorum";
import { POLICY_BYTES_MAX, parsePolicy } from "./quorum";
import { recast, refuse } from "./refusal";

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const LINE = /\r\n|[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/;

export interface Pins {
  readonly vkeys: readonly string[];
  readonly policies: readonly Policy[];
}

/** Pins of a text with one vkey on each line; empty lines and those that begin with `#` are passed over. */
export function readKeys(text: string): Pins {
  if (text.length > POLICY_BYTES_MAX)
    refuse("limit-exceeded", `the keys are larger than ${POLICY_BYTES_MAX} bytes`);
  const lines = text.split(LINE).map((line) => line.trim());
  const vkeys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (vkeys.length === 0) refuse("pin-refused", "the file of keys holds no key");
  for (const vkey of vkeys) recast("pin-refused", "a pinned key is not a vkey", () => parseVkey(vkey));
  return { vkeys, policies: [] };
}

/** Pins of a policy file (C2SP tlog-policy); whether its quorum is met is checked of a bundle. */
export function readPolicy(data: Bytes): Pins {
  const policy = recast("pin-refused", "the policy is refused", () => parsePolicy(data), ["policy-refused"]);
  return { vkeys: policy.logs, policies: [policy] };
}

/** The keys of either and the demands of both, or nothing when there are none. */
export function joinPins(pins: readonly Pins[]): Pins | null {
  if (pins.length === 0) return null;
  return { vkeys: pins.flatMap((pin) => pin.vkeys), policies: pins.flatMap((pin) => pin.policies) };
}
