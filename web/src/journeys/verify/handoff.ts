/** A bundle that another page hands over to be verified: a proof drawer's "Verify now". Kept in memory, taken once. */

import { go } from "~/router";

let waiting: Blob | null = null;

/** Opens the verifier's page with this bundle. */
export function verifyNow(bundle: Blob): void {
  waiting = bundle;
  go("/verify");
}

export function takeWaiting(): Blob | null {
  const taken = waiting;
  waiting = null;
  return taken;
}
