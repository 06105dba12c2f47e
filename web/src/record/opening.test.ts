// @vitest-environment happy-dom
/** What was forgotten while it was on its way stays forgotten. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginSession, endSession } from "~/session/store";
import { forgetItems, openedNow, openItem } from "./opening";
import type { RecordItem } from "./types";

let answer = (_: Blob) => {};
vi.mock("~/kernel", () => ({
  ObjectReader: {
    open: () => Promise.resolve({ blob: () => new Promise<Blob>((resolve) => (answer = resolve)) }),
  },
}));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  nodeClient: () => ({}),
}));

const ITEM = { object: "o", media_type: "text/plain" } as RecordItem;
const NOTE = new Blob(["Patient is pregnant."]);

beforeEach(() =>
  beginSession({
    session: "0a1b2c3d",
    ...{ actor: "osei", kind: "person", roles: [], name: null, expiresAt: "", idleSeconds: 900 },
  }),
);
afterEach(() => endSession("signed-out"));

/** Begin to open the piece; answers when the node was asked for its content. */
async function begin(): Promise<{ ended: Promise<unknown> }> {
  const before = (answer = () => {});
  const ended = openItem(ITEM, { purpose: "emergency" }).catch((error: unknown) => error);
  await vi.waitUntil(() => answer !== before);
  return { ended };
}

test("a piece that is opened is there until it is forgotten", async () => {
  const { ended } = await begin();
  answer(NOTE);
  await ended;
  expect(openedNow("o").state).toBe("open");
  forgetItems(["o"]);
  expect(openedNow("o").state).toBe("closed");
});

test("a piece that comes after its session's end is not kept for the next person", async () => {
  const { ended } = await begin();
  endSession("signed-out");
  answer(NOTE);
  await ended;
  expect(openedNow("o").state).toBe("closed");
});

test("a piece that comes after the emergency's end is not kept", async () => {
  const { ended } = await begin();
  forgetItems(["o"]);
  answer(NOTE);
  await ended;
  expect(openedNow("o").state).toBe("closed");
});
