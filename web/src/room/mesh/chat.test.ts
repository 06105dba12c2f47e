import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../kernel/canonical";
import { Chat, cleanName, LINES_MAX, TEXT_CHARS_MAX } from "./chat";

const NOW_MS = 1_790_000_000_000;

function chatOf(me: string): { chat: Chat; said: JsonObject[] } {
  const said: JsonObject[] = [];
  let count = 0;
  const chat = new Chat({
    me,
    nowMs: () => NOW_MS,
    newId: () => `${me}${(count += 1)}`.padEnd(22, "A"),
    say: (word) => Promise.resolve(said.push(word) > 0),
    onChange: () => undefined,
  });
  return { chat, said };
}

const line = (id: string, changes: JsonObject = {}): JsonObject => ({
  type: "chat",
  id: id.padEnd(22, "A"),
  text: "hello",
  file: null,
  ...changes,
});

describe("the chat", () => {
  test("says that a line arrived, and takes it once", () => {
    const { chat, said } = chatOf("bob");
    chat.hear("alice", line("x"));
    chat.hear("alice", line("x"));
    expect(chat.lines).toHaveLength(1);
    expect(said.map(({ type }) => type)).toEqual(["heard", "heard"]);
  });

  test("repeats what somebody has not got, and nothing from before they came", async () => {
    const { chat, said } = chatOf("alice");
    await chat.post("one");
    chat.hear("bob", { type: "heard", id: said[0]?.id ?? "" });
    chat.excuse("carol");
    await chat.repeatTo(["bob", "carol"]);
    expect(said).toHaveLength(1);
    await chat.post("two");
    await chat.repeatTo(["bob"]);
    expect(said.map(({ text }) => text)).toEqual(["one", "two", "two"]);
  });

  test.each([
    ["an id of another form", { id: "<script>" }],
    ["a text that is too long", { text: "x".repeat(TEXT_CHARS_MAX + 1) }],
    ["a text that is none", { text: 5 }],
  ])("passes over %s", (_, changes) => {
    const { chat } = chatOf("bob");
    chat.hear("alice", line("x", changes as JsonObject));
    expect(chat.lines).toEqual([]);
  });

  test.each([
    ["nothing", {}],
    ["an hour ago", { at: NOW_MS - 3_600_000 }],
    ["tomorrow", { at: NOW_MS + 86_400_000 }],
    ["a time after all years, which no page could show", { at: 8_640_000_000_000_001 }],
    ["a time that is none", { at: "now" }],
  ])("a line whose sender says that it was written %s is dated when it came", (_, changes) => {
    const { chat } = chatOf("bob");
    chat.hear("alice", line("x", changes as JsonObject));
    expect(chat.lines.map(({ at }) => at)).toEqual([NOW_MS]);
  });

  test("one's own line is dated when it was written, and says no time to the others", async () => {
    const { chat, said } = chatOf("alice");
    await chat.post("one");
    expect(chat.lines.map(({ at }) => at)).toEqual([NOW_MS]);
    expect(Object.keys(said[0] ?? {})).not.toContain("at");
  });

  test("another one's acknowledgement of another one's line changes nothing", async () => {
    const { chat } = chatOf("alice");
    chat.hear("bob", line("x"));
    chat.hear("carol", { type: "heard", id: "x".padEnd(22, "A") });
    expect(chat.lines[0]?.heardBy).toEqual([]);
  });

  test("keeps the newest lines only", () => {
    const { chat } = chatOf("bob");
    for (let number = 0; number < LINES_MAX + 5; number += 1) chat.hear("alice", line(`${number}x`));
    expect(chat.lines).toHaveLength(LINES_MAX);
  });

  test.each([
    ["../../etc/passwd", "_.._etc_passwd"],
    ["invoice\u202Efdp.exe", "invoicefdp.exe"],
    ["C:\\a|b?.pdf", "C__a_b_.pdf"],
    ["\u0000\u0007", "file"],
  ])("cleans the file name %j", (name, cleaned) => {
    expect(cleanName(name)).toBe(cleaned);
  });
});
