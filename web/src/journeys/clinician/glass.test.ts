// @vitest-environment happy-dom
/** An emergency access is open for as long as the node says, whatever this machine takes the time to be. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginSession, endSession } from "~/session/store";
import { breakGlass, endGlass } from "./glass";

const HOUR_MS = 3_600_000;
const node = vi.hoisted(() => ({ aheadMs: 0, commands: [] as string[] }));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  nodeClient: () => ({
    ids: { next: () => "g" },
    clock: { nowMs: () => Date.now() + node.aheadMs },
  }),
  command: (type: string) => {
    node.commands.push(type);
    const until = new Date(Date.now() + node.aheadMs + HOUR_MS / 4).toISOString();
    return Promise.resolve({ results: [{ until, notified: 2, nonce: "n" }] });
  },
}));

beforeEach(() => {
  node.commands.length = 0;
  beginSession({
    session: "0a1b2c3d",
    ...{ actor: "osei", kind: "person", roles: [], name: null, expiresAt: "", idleSeconds: 900 },
  });
});
afterEach(() => endSession("signed-out"));

test.each([
  ["is right", 0],
  ["is two hours behind", 2 * HOUR_MS],
  ["is two hours ahead", -2 * HOUR_MS],
])("on a machine whose clock %s it lasts, and is ended by hand", async (_, aheadMs) => {
  node.aheadMs = aheadMs;
  const { until, officers } = await breakGlass("ana", "unconscious-patient", 15);
  expect(officers).toBe(1);
  const leftMs = Date.parse(until) - Date.now();
  expect(Math.abs(leftMs - HOUR_MS / 4)).toBeLessThan(5_000);
  endGlass();
  expect(node.commands).toContain("break-glass.close/1");
});
