/** Levels of blocks counted, and how long each took. */

import type { Block } from "../shapes";

export const LEVELS = [1, 2, 3, 4, 5] as const;

/** How many blocks stand at each level, highest first; levels without a block are left out. */
export function countLevels(blocks: readonly Block[]): { level: number; count: number }[] {
  return [...LEVELS]
    .reverse()
    .map((level) => ({ level, count: blocks.filter((block) => block.level === level).length }))
    .filter(({ count }) => count > 0);
}

/** Milliseconds from signing to each level above the first, at the median of the blocks that got there. */
export function medianTimes(blocks: readonly Block[]): { level: number; ms: number }[] {
  return LEVELS.slice(1).flatMap((level) => {
    const times = blocks
      .map((block) => block.ms_to_level[`L${level}`])
      .filter((ms): ms is number => ms !== undefined)
      .sort((a, b) => a - b);
    const middle = times[Math.floor(times.length / 2)];
    return middle === undefined ? [] : [{ level, ms: middle }];
  });
}

/** What a cosigner is called: the last part of its key's name, without the key's hash (C2SP signed-note). */
export function calledName(keyName: string): string {
  const name = keyName.split("+", 1)[0] ?? keyName;
  return name.slice(name.lastIndexOf("/") + 1) || keyName;
}
