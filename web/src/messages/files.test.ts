// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { dropSources, isUnseen, keepSource, scanSources } from "./files";
import type { Attached } from "./types";

function attached(name: string, media_type: string): Attached {
  return { object: name, name, media_type, size: 9 };
}

describe("the files of a draft", () => {
  it("are looked into while this page has them, and not after", async () => {
    const table = attached("people.csv", "text/csv");
    keepSource(table, new File(["password: hunter2x"], "people.csv", { type: "text/csv" }));
    expect(await scanSources([table], {})).toEqual([{ verdict: "hold", codes: ["credential"] }]);
    dropSources([table]);
    expect(await scanSources([table], {})).toEqual([]);
  });

  it("name another patient where their text does", async () => {
    const note = attached("note.txt", "text/plain");
    keepSource(note, new File(["the same as Ana Luz had"], "note.txt", { type: "text/plain" }));
    expect(await scanSources([note], { names: ["Ana Luz"] })).toEqual([
      { verdict: "flag", codes: ["other-patient"] },
    ]);
    expect(await scanSources([note], { names: ["Peter Chalmers"] })).toEqual([
      { verdict: "pass", codes: [] },
    ]);
  });

  it("are unseen by the monitor when they are pictures, and not when their name says text", () => {
    expect(isUnseen(attached("a.png", "image/png"))).toBe(true);
    expect(isUnseen(attached("a.csv", "image/png"))).toBe(false);
    expect(isUnseen(attached("a.pdf", "application/pdf"))).toBe(false);
  });
});
