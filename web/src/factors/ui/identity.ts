/** With which factors a person shows who it is: its name and its date of birth, out of one credential. */

import type { HeldCredential } from "../book";
import type { Factor } from "../model";
import type { FactorWanted } from "../request";

/** Name and date of birth, however an issuer writes a name; the first that a credential has whole. */
const SHOWN: readonly (readonly string[])[] = [
  ["given_name", "family_name", "birth_date"],
  ["name", "birth_date"],
];

export interface Identity {
  readonly held: HeldCredential;
  readonly factors: readonly Factor[];
  readonly wanted: readonly FactorWanted[];
}

/** What would be shown, from the credential that lasts longest; nothing where none says both, vouched for. */
export function identityIn(book: readonly HeldCredential[], nowMs: number): Identity | null {
  const living = book
    .filter(({ credential }) => credential.group === "identity" && credential.expiresMs > nowMs)
    .sort((one, other) => other.credential.expiresMs - one.credential.expiresMs);
  for (const held of living) {
    for (const names of SHOWN) {
      const factors = names.flatMap((name) => held.credential.factors.filter((one) => isVouched(one, name)));
      if (factors.length === names.length) return { held, factors, wanted: names.map(wantedOf) };
    }
  }
  return null;
}

function isVouched(factor: Factor, name: string): boolean {
  return factor.name === name && factor.vouching.vouched === "issuer";
}

function wantedOf(name: string): FactorWanted {
  return { group: "identity", name, accepted: [], vouched: "issuer", optional: false };
}
