// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { dropSources, fatesOf, keepSource, scanSources } from "./files";
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

  it("are read here, later or never, by what they are and not by what they are called", async () => {
    const files: [string, string, BlobPart | null][] = [
      ["a.png", "image/png", "password"],
      ["a.csv", "image/png", "a,b"],
      ["a.pdf", "application/pdf", "%PDF-1.7"],
      ["renamed.dat", "application/octet-stream", "%PDF-1.7"],
      ["a.dat", "application/octet-stream", new Uint8Array([1, 0, 2])],
      ["b.dat", "application/octet-stream", "words"],
      ["of a message that is changed.pdf", "application/pdf", null],
    ];
    const draft = files.map(([name, type]) => attached(name, type));
    for (const [at, [name, type, data]] of files.entries()) {
      const file = draft[at];
      if (file !== undefined && data !== null) keepSource(file, new File([data], name, { type }));
    }
    const fates = await fatesOf(draft);
    expect(fates).toEqual(["never", "here", "later", "later", "never", "here", "later"]);
    dropSources(draft);
  });
});
