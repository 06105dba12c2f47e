/** The browser's scanner gives the same codes as the monitor's on every vector. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TEXT_CHARS_MAX, scan } from "./scanner";

interface Vector {
  name: string;
  text: string;
  names: string[];
  domains: string[];
  file_names: string[];
  sent_lately: number;
  verdict: string;
  codes: string[];
}

const file = new URL("../../../tests/vectors/monitor.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Vector[] };

describe("the scanner", () => {
  it.each(cases)(
    "gives the codes of $name",
    ({ text, names, domains, file_names, sent_lately, verdict, codes }) => {
      const found = scan({ text, names, domains, fileNames: file_names, sentLately: sent_lately });
      expect(found).toEqual({ verdict, codes });
    },
  );

  it("holds what is longer than a message may be", () => {
    expect(scan({ text: "a".repeat(TEXT_CHARS_MAX + 1) }).codes).toEqual(["not-as-sealed"]);
  });

  it("takes no longer for a text made to be slow", () => {
    const began = performance.now();
    for (const unit of ["a.", "1-", "a@a.", "password "]) scan({ text: unit.repeat(5_000) });
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
