// @vitest-environment happy-dom
/** A note is kept once, however often it is saved at the same time, and what the session's end dropped stays dropped. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { createElement } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginSession, endSession } from "~/session/store";
import type { Visit } from "../shapes";
import { NotePad, saveDraft } from "./NotePad";

const node = vi.hoisted(() => ({ kept: [] as string[], answer: () => {} }));
vi.mock("../summary", () => ({
  keepNote: (text: string) => {
    node.kept.push(text);
    return new Promise<void>((resolve) => (node.answer = resolve));
  },
}));

// A growing text area listens to it, and this environment has none.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

const VISIT = {
  ...{ visit: "v", phase: "underway" },
  seats: [{ actor: "ana", name: "Ana", role: "patient", state: "admitted" }],
} as unknown as Visit;

beforeEach(() => {
  node.kept.length = 0;
  beginSession({
    session: "0a1b2c3d",
    ...{ actor: "osei", kind: "person", roles: [], name: null, expiresAt: "", idleSeconds: 900 },
  });
});
afterEach(() => {
  cleanup();
  endSession("signed-out");
});

const show = () =>
  render(createElement(MantineProvider, { env: "test" }, createElement(NotePad, { visit: VISIT })));
const asked = (times: number) => vi.waitFor(() => expect(node.kept).toHaveLength(times));
const area = () => screen.getByRole<HTMLTextAreaElement>("textbox");

test("a note that is being saved when the visit is ended is kept once", async () => {
  show();
  fireEvent.change(area(), { target: { value: "Rash, two weeks." } });
  const saving = [saveDraft(VISIT), saveDraft(VISIT)];
  await asked(1);
  node.answer();
  await Promise.all(saving);
  expect(node.kept).toEqual(["Rash, two weeks."]);
});

test("what was written while a note was being saved is saved behind it", async () => {
  show();
  fireEvent.change(area(), { target: { value: "Rash." } });
  const first = saveDraft(VISIT);
  await asked(1);
  fireEvent.change(area(), { target: { value: "Rash. Ointment." } });
  const second = saveDraft(VISIT);
  node.answer();
  await first;
  await asked(2);
  node.answer();
  await second;
  expect(node.kept).toEqual(["Rash.", "Rash. Ointment."]);
});

test("a note whose saving ends after the session is not there for the next person", async () => {
  const { unmount } = show();
  fireEvent.change(area(), { target: { value: "Rash, two weeks." } });
  const saving = saveDraft(VISIT);
  await asked(1);
  unmount();
  endSession("signed-out");
  node.answer();
  await saving;
  show();
  expect(area().value).toBe("");
});
