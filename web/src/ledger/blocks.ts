/** How far the ledger is confirmed, block by block; none of it is private. Start at `useBlocks`. */

import { useEffect, useState } from "react";
import type { Level, ProofFacts } from "~/components";
import { useView } from "~/session";

/** The entries between two checkpoints: positions `first` up to, not including, `size`. */
export interface Block {
  first: number;
  size: number;
  signed_at: string;
  level: Level;
  missing: string;
  cosigned_by: string[];
  anchored_in: string[];
}

export interface Blocks {
  /** null where no block has it; undefined while the blocks are not known. */
  levelOf: (position: number) => Level | null | undefined;
  blockOf: (position: number) => Block | null | undefined;
}

/** As many as the node gives at once. */
const COUNT = 50;
const EVERY_MS = 30_000;
/** A new entry waits about a second for its first checkpoint. */
const AWAITED_EVERY_MS = 2_000;

/**
 * How far an entry is confirmed, by the newest blocks: a later one confirms all that came before it. While no block has
 * the entry at `newest`, they are looked for more often.
 */
export function useBlocks({ newest }: { newest?: number | undefined } = {}): Blocks {
  const [isAwaited, setAwaited] = useState(false);
  const every_ms = isAwaited ? AWAITED_EVERY_MS : EVERY_MS;
  const view = useView<{ blocks: Block[] }>("/v1/app/audit/blocks", { query: { count: COUNT }, every_ms });
  const blocks = view.data?.blocks ?? [];
  const isMissing = newest !== undefined && view.data !== null && bestBlock(blocks, newest) === null;
  useEffect(() => setAwaited(isMissing), [isMissing]);
  if (view.data === null) return UNKNOWN;
  const blockOf = (position: number) => bestBlock(blocks, position);
  return { blockOf, levelOf: (position) => blockOf(position)?.level ?? null };
}

const UNKNOWN: Blocks = { levelOf: () => undefined, blockOf: () => undefined };

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
export function confirmedBy(
  block: Block | null | undefined,
): Pick<ProofFacts, "level" | "cosigned" | "dated"> {
  if (block === null || block === undefined) return { level: block };
  const [chain] = block.anchored_in;
  return {
    level: block.level,
    ...(block.cosigned_by.length === 0 ? {} : { cosigned: block.cosigned_by }),
    ...(chain === undefined ? {} : { dated: { chain, block: "" } }),
  };
}
