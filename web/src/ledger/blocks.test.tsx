// @vitest-environment happy-dom
import { cleanup, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { bestBlock, confirmedBy, useBlocks, type Block } from "./blocks";

const block = (size: number, level: Block["level"]): Block => ({
  first: 0,
  size,
  signed_at: "",
  level,
  missing: "",
  cosigned_by: [],
  anchored_in: [],
});
const BLOCKS = [block(30, 1), block(20, 4), block(10, 4)];

const asked = vi.hoisted(() => ({ every: [] as (number | undefined)[], isLoaded: true }));
vi.mock("~/session", () => ({
  useView: (_: string, options: { every_ms?: number }) => {
    asked.every.push(options.every_ms);
    return { data: asked.isLoaded ? { blocks: BLOCKS } : null };
  },
}));

afterEach(() => {
  cleanup();
  asked.isLoaded = true;
});

test("a later block confirms what came before it, as far as it is confirmed itself", () => {
  expect(bestBlock(BLOCKS, 5)?.size).toBe(10);
  expect(bestBlock(BLOCKS, 15)?.size).toBe(20);
  expect(bestBlock(BLOCKS, 25)?.level).toBe(1);
  expect(bestBlock(BLOCKS, 30)).toBeNull();
});

test("blocks are looked for more often while the newest entry is in none", () => {
  const { result } = renderHook(() => useBlocks({ newest: 30 }));
  expect(asked.every.at(-1)).toBe(2_000);
  expect(result.current.levelOf(30)).toBeNull();
  renderHook(() => useBlocks({ newest: 29 }));
  expect(asked.every.at(-1)).toBe(30_000);
});

test("nothing is said to wait for its block before the blocks are known", () => {
  asked.isLoaded = false;
  const { result } = renderHook(() => useBlocks({ newest: 5 }));
  expect(result.current.levelOf(5)).toBeUndefined();
  expect(confirmedBy(result.current.blockOf(5))).toEqual({ level: undefined });
  expect(asked.every.at(-1)).toBe(30_000);
});
