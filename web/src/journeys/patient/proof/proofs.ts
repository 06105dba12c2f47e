/** Proofs that a patient takes along: of a closed visit, of lines of the access log, and how far the ledger is confirmed. */

import type { Level, ProofFacts } from "~/components";
import { api, command, useView } from "~/session";
import { underWatch } from "../seen/useSeen";
import type { Block } from "../shapes";

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

/** How far an entry is confirmed, by the newest blocks: a later one confirms all that came before it. */
export function useBlocks(): {
  levelOf: (position: number) => Level | null;
  blockOf: (position: number) => Block | null;
} {
  const view = useView<{ blocks: Block[] }>("/v1/app/audit/blocks", {
    query: { count: 50 },
    every_ms: 30_000,
  });
  const blocks = view.data?.blocks ?? [];
  const blockOf = (position: number) => bestBlock(blocks, position);
  return { blockOf, levelOf: (position) => blockOf(position)?.level ?? null };
}

/** Of the blocks that hold or follow an entry the one that is confirmed best; of equals the oldest. */
export function bestBlock(blocks: readonly Block[], position: number): Block | null {
  return blocks
    .filter(({ size }) => size > position)
    .reduce<Block | null>(
      (best, block) =>
        best === null || block.level > best.level || (block.level === best.level && block.size < best.size)
          ? block
          : best,
      null,
    );
}

/** Who cosigned and what dated a block, as a proof drawer shows it. */
export function confirmedBy(block: Block | null): Pick<ProofFacts, "level" | "cosigned" | "dated"> {
  if (block === null) return { level: null };
  const [chain] = block.anchored_in;
  return {
    level: block.level,
    ...(block.cosigned_by.length === 0 ? {} : { cosigned: block.cosigned_by }),
    ...(chain === undefined ? {} : { dated: { chain, block: "" } }),
  };
}

/** Hand a bundle to the verifier's page, which asks no server. */
export async function verifyBundle(make: () => Promise<Blob>): Promise<void> {
  const [bundle, { verifyNow }] = await Promise.all([make(), import("../../verify/handoff")]);
  verifyNow(bundle);
}
