/** Proofs that a patient takes along: of a closed visit, and of lines of the access log. */

import { api, command } from "~/session";
import { underWatch } from "../seen/useSeen";

export { bestBlock, confirmedBy, useBlocks } from "~/ledger/blocks";

/** The bundle of a visit that is closed: signed for, made anew, fetched. */
export async function visitProof(visit: string): Promise<Blob> {
  const receipt = await command("visit.export/1", { visit });
  const { ticket, path } = receipt.results[0] as unknown as { ticket: string; path: string };
  return api.blob(path, { headers: { authorization: `Bearer ${ticket}` } });
}

/** The bundle of these entries of the log about oneself. Who asked for it is an entry too. */
export async function logProof(
  positions: readonly number[],
  { me, session }: { me: string; session: string },
): Promise<Blob> {
  const made = await underWatch(me, session, (watch) =>
    api.json<{ share: string; command: { type: string; body: object } }>("POST", "/v1/app/audit/exports", {
      body: { watch, positions: [...positions].sort((a, b) => a - b) },
    }),
  );
  await command(made.command.type, made.command.body);
  return api.blob(`/v1/app/audit/exports/${made.share}`);
}

/** Hand a bundle to the verifier's page, which asks no server. */
export async function verifyBundle(make: () => Promise<Blob>): Promise<void> {
  const [bundle, { verifyNow }] = await Promise.all([make(), import("../../verify/handoff")]);
  verifyNow(bundle);
}
