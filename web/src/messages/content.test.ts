import { describe, expect, it } from "vitest";
import { canonical, utf8, type TelesphorError } from "~/kernel";
import { ContentRefused, encodeContent, readContent } from "./content";
import type { Content } from "./types";

const NAMED = {
  thread: "0198c000-0000-7000-8000-000000000401",
  message: "0198c000-0000-7000-8000-000000000402",
  version: 1,
  sender: "0198c000-0000-7000-8000-000000000001",
};
const CONTENT: Content = {
  text: "Good morning <b>",
  attachments: [{ object: NAMED.thread, name: "photo.png", media_type: "image/png", size: 12 }],
  reply_to: null,
};

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as TelesphorError).code;
  }
  return "";
}

function changed(change: object): Uint8Array {
  const value = canonical.decodeObject(encodeContent(NAMED, CONTENT), { limit: 1 << 20 });
  return canonical.encode({ ...value, ...change });
}

describe("what was sealed", () => {
  it("comes back as it was written", () => {
    expect(readContent(encodeContent(NAMED, CONTENT), NAMED)).toEqual(CONTENT);
  });

  it.each(["thread", "message", "sender"] as const)("is refused under another %s's header", (name) => {
    const header = { ...NAMED, [name]: "0198c000-0000-7000-8000-0000000009ff" };
    expect(codeOf(() => readContent(encodeContent(NAMED, CONTENT), header))).toBe("content-refused");
  });

  it("is refused as another version than the signed one", () => {
    expect(codeOf(() => readContent(encodeContent(NAMED, CONTENT), { ...NAMED, version: 2 }))).toBe(
      "content-refused",
    );
  });

  it.each([
    ["another format", { format: "telesphor-message/2" }],
    ["a member more", { more: 1 }],
    ["too long a text", { text: "x".repeat(20_001) }],
    ["a text that is none", { text: 7 }],
    ["an attachment with a member too many", { attachments: [{ ...CONTENT.attachments[0], url: "x" }] }],
    ["an attachment without a name", { attachments: [{ ...CONTENT.attachments[0], name: "" }] }],
    ["too many attachments", { attachments: Array.from({ length: 17 }, () => CONTENT.attachments[0]) }],
  ])("is refused with %s", (_, change) => {
    expect(() => readContent(changed(change), NAMED)).toThrow(ContentRefused);
  });

  it("is refused when it is no JSON at all", () => {
    expect(() => readContent(utf8("<html>"), NAMED)).toThrow(ContentRefused);
  });
});
