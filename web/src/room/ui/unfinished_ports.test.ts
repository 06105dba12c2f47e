// @vitest-environment happy-dom
/** Which recordings are offered: by the node's time, and none is kept past the time in which it could be finished. */

import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KEPT_MS, RecordingJournal } from "../recording/journal";
import { unfinishedHere } from "./unfinished";

const NOW = 1_790_000_000_000;
vi.mock("~/session", () => ({
  wallet: () => ({ actor: "osei" }),
  nodeClient: () => ({ origin: "clinic.example", clock: { nowMs: () => NOW } }),
}));

let journal: RecordingJournal;

beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
  const locks = { query: () => Promise.resolve({ held: [] }) };
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  journal = await RecordingJournal.open();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function lose(object: string, actor: string, startedMs: number): Promise<void> {
  const [head, header] = [new Uint8Array(10), new Uint8Array(56)];
  await journal.begin({ object, actor, origin: "clinic.example", visit: "v", startedMs, head, header });
  await journal.append(object, { bytes: new Uint8Array(3), marks: [], durationMs: 1_000, ended: false });
}

const names = async (actor: string) =>
  (await journal.list(actor, "clinic.example")).map(({ object }) => object);

test("a recording is not thrown away by a machine whose clock is ahead", async () => {
  vi.spyOn(Date, "now").mockReturnValue(NOW + 2 * KEPT_MS);
  await lose("fresh", "osei", NOW - 60_000);
  expect((await unfinishedHere.list()).map(({ object }) => object)).toEqual(["fresh"]);
  expect(await names("osei")).toEqual(["fresh"]);
});

test("what can be finished no more is removed, whoever's it is", async () => {
  await lose("own", "osei", NOW - KEPT_MS - 1);
  await lose("other", "haddad", NOW - KEPT_MS - 1);
  await lose("others-fresh", "haddad", NOW - 60_000);
  expect(await unfinishedHere.list()).toEqual([]);
  expect([await names("osei"), await names("haddad")]).toEqual([[], ["others-fresh"]]);
});
