import { expect, test } from "vitest";
import type { ChatLine } from "../mesh/chat";
import { transcriptOf } from "./transcript";

const line = (parts: Partial<ChatLine>): ChatLine => ({
  id: "a",
  from: "osei",
  at: 1_790_000_000_000,
  text: "How are you?",
  file: null,
  heardBy: [],
  ...parts,
});
const told = {
  title: "Chat",
  nameOf: (actor: string) => `Dr. ${actor}`,
  file: (name: string) => `[file: ${name}]`,
};

test("each line has its time and its writer, in order", () => {
  const text = transcriptOf([line({}), line({ from: "ana", text: "Better." })], told);
  expect(text).toBe(
    "Chat\n2026-09-21T14:13:20.000Z Dr. osei: How are you?\n2026-09-21T14:13:20.000Z Dr. ana: Better.\n",
  );
});

test("a text of several lines cannot pass for another person's", () => {
  const forged = "Yes.\r\n2026-09-21T14:13:20.000Z Dr. ana: I agree\u2028Dr. ana: really";
  const lines = transcriptOf([line({ text: forged })], told).split("\n");
  expect(lines.filter((one) => !one.startsWith("    "))).toEqual([
    "Chat",
    "2026-09-21T14:13:20.000Z Dr. osei: Yes.",
    "",
  ]);
});

test("a file is named, on one line", () => {
  const file = { object: "o", name: "rash\n.png", size: 1, mediaType: "image/png" };
  expect(transcriptOf([line({ text: "", file })], told)).toContain("Dr. osei: [file: rash .png]\n");
});
