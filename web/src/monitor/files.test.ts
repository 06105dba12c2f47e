/** The browser reads attached files as the monitor does, on every vector. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { classOf, isPdf, scanBytes, scanFile, unescaped } from "./files";
import { join } from "./scanner";

interface Vector {
  name: string;
  media_types: string[];
  data: string;
  names: string[];
  domains: string[];
  class: string;
  pdf: boolean;
  verdict: string | null;
  codes: string[] | null;
}

const path = new URL("../../../tests/vectors/monitor.json", import.meta.url);
const { files } = JSON.parse(readFileSync(path, "utf8")) as { files: Vector[] };

describe("a file", () => {
  it.each(files.map((one, at) => [`${at} ${one.name}`, one] as const))(
    "%s is read as the monitor does",
    (_, one) => {
      const data = new Uint8Array(Buffer.from(one.data, "base64"));
      const kind = classOf(one.media_types, one.name);
      expect([kind, isPdf(data)]).toEqual([one.class, one.pdf]);
      if (one.verdict === null) return;
      const found = scanBytes(data, { kind, size: data.length, names: one.names, domains: one.domains });
      expect(found).toEqual({ verdict: one.verdict, codes: one.codes });
    },
  );

  it("is not opened when it is a picture, and not here when it is a PDF", async () => {
    expect(await scanFile(new File(["password: hunter2x"], "a.png", { type: "image/png" }), {})).toBeNull();
    expect(await scanFile(new File(["%PDF-1.7"], "a.pdf", { type: "application/pdf" }), {})).toBeNull();
  });

  it("that is a PDF too long for the monitor is said to be, though it is not read here", async () => {
    const pdf = new File(["%PDF-1.7", new Uint8Array(8 * 1024 * 1024)], "a.pdf", { type: "application/pdf" });
    expect(await scanFile(pdf, {})).toEqual({ verdict: "flag", codes: ["attachment-not-read"] });
  });

  it("is read as the text it is called, also where a PDF stands in front", async () => {
    const file = new File(["%PDF-1.7\npassword: hunter2x"], "list.csv", { type: "text/csv" });
    expect(await scanFile(file, {})).toEqual({ verdict: "hold", codes: ["credential"] });
  });

  it("is looked at as far as the monitor looks, and what is longer is said to be", async () => {
    const file = new File(["ssn 123-45-6789 ", ".".repeat(1_048_576)], "a.txt", { type: "text/plain" });
    const codes = ["attachment-not-read", "social-security-number"];
    expect(await scanFile(file, {})).toEqual({ verdict: "flag", codes });
  });

  it("hides nothing behind escapes", () => {
    expect(unescaped("\\u0041&#66;&#x43; \\ud83d\\ude42 \\u12")).toBe("ABC 🙂 \\u12");
  });
});

describe("several findings", () => {
  it("come to the highest verdict and all codes, once", () => {
    const some = [
      { verdict: "flag", codes: ["b"] },
      { verdict: "hold", codes: ["c", "b"] },
      { verdict: "pass", codes: ["a"] },
    ] as const;
    expect(join(some)).toEqual({ verdict: "hold", codes: ["a", "b", "c"] });
    expect(join([])).toEqual({ verdict: "pass", codes: [] });
  });
});
