import { describe, expect, test } from "vitest";
import { en } from "./en";
import { es } from "./es";
import { preferred } from "./language";
import { countdown, timeText } from "./times";

type Tree = Record<string, unknown>;

/** Every string of a tree with its path; functions are asked with numbers. */
function leaves(tree: Tree, at = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] => {
    const path = `${at}.${key}`;
    if (typeof value === "function") return [[path, (value as (...words: number[]) => string)(2, 3)]];
    return typeof value === "string" ? [[path, value]] : leaves(value as Tree, path);
  });
}

test("no string is empty, and none was left in the other language", () => {
  const spanish = new Map(leaves(es));
  for (const [path, text] of leaves(en)) {
    expect(spanish.get(path), path).toBeTruthy();
    if (text.length > 12) expect(spanish.get(path), path).not.toBe(text);
  }
});

/** Every file of Spanish words, as it is written. */
const SPANISH = import.meta.glob<string>(["../**/es.ts", "../**/*_es.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

test("a visit is called `consulta` in every file of Spanish words, and nothing else is", () => {
  expect(Object.keys(SPANISH)).toEqual(expect.arrayContaining(["../verify/words/es.ts", "./es.ts"]));
  for (const [path, words] of Object.entries(SPANISH)) expect(words, path).not.toMatch(/\bvisitas?\b/i);
  // Looking into the log is a `revisión`: both would be read as one where they stand on the same page.
  expect(SPANISH["../journeys/auditor/watch/strings/es.ts"]).not.toMatch(/\bconsultas?\b/i);
});

describe("times are said in the reader's words", () => {
  const nowMs = Date.parse("2026-05-03T14:05:00Z");
  const told = (at: string, style: Parameters<typeof timeText>[1], language: "en" | "es" = "en") =>
    timeText(Date.parse(at), style, { nowMs, language, timeZone: "Europe/Berlin" });

  test("in the reader's zone", () => {
    expect(told("2026-05-03T22:30:00Z", "time", "es")).toBe("0:30");
    expect(told("2026-05-03T22:30:00Z", "date", "es")).toBe("4 de mayo");
  });

  test("another year is named", () => {
    expect(told("2025-05-03T12:00:00Z", "date", "es")).toContain("2025");
  });

  test("as a distance", () => {
    expect(told("2026-05-03T14:04:58Z", "ago")).toBe("now");
    expect(told("2026-05-03T14:00:00Z", "ago")).toBe("5 minutes ago");
    expect(told("2026-05-03T16:05:00Z", "until", "es")).toBe("dentro de 2 horas");
  });

  test("as a countdown that never says less than is left", () => {
    expect([countdown(245), countdown(0.2), countdown(-3), countdown(3723)]).toEqual([
      "4:05",
      "0:01",
      "0:00",
      "1:02:03",
    ]);
  });
});

test("the first language that we speak is taken", () => {
  expect(preferred(["fr-FR", "es-MX", "en"])).toBe("es");
  expect(preferred(["fr"])).toBe("en");
  expect(preferred([])).toBe("en");
});
