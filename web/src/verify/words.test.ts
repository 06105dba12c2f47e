/** The words of verdicts: every step has some in both languages, and none says more than the report. */

import { describe, expect, test } from "vitest";

import { STEPS } from "./index";
import type { Report, Step } from "./report";
import type { Language } from "./words";
import { STEP_WORDS, lackWords, stepTitle, wordsOf } from "./words";

const LANGUAGES: readonly Language[] = ["en", "es"];
const LEVELS = ["L1", "L2", "L3", "L4", "L5"];

function passed(): readonly Step[] {
  return STEPS.map((name) => ({ name, proved: "it holds" }));
}

function failed(name: string, code: string, failure: string): readonly Step[] {
  return [...passed().slice(0, STEPS.indexOf(name)), { name, code, failure }];
}

function reportOf(given: Partial<Report> = {}): Report {
  const verdict = given.steps === undefined ? "pass" : "fail";
  return {
    verdict,
    level: verdict === "pass" ? "L1" : null,
    levels: LEVELS.map((level) => ({ level, met: level === "L1", at: null, proved: "", missing: "" })),
    assumptions: [],
    policy: null,
    pinned: true,
    origin: "ledger.example",
    subject: "visit/x",
    purpose: "",
    steps: passed(),
    ...given,
  };
}

describe.each(LANGUAGES)("in %s", (language) => {
  test("every step has a title, a meaning and words for its failure", () => {
    const words = STEP_WORDS[language];
    expect(Object.keys(words.steps)).toEqual([...STEPS, "proof"]);
    expect(Object.keys(words.otherwise)).toEqual([...STEPS, "proof"]);
    for (const name of STEPS) {
      expect(stepTitle(name, language)).not.toBe(name);
      expect(
        wordsOf(reportOf({ steps: failed(name, "a-new-code", "x") }), language).steps.at(-1)?.sentence,
      ).not.toBe("");
    }
  });

  test("only what was proved under the reader's own keys is called genuine", () => {
    const [sure, unsure] = [wordsOf(reportOf(), language), wordsOf(reportOf({ pinned: false }), language)];
    expect([sure.good, sure.sure, unsure.good, unsure.sure]).toEqual([true, true, true, false]);
    expect(sure.verdict).not.toBe(unsure.verdict);
    expect(unsure.notes).toEqual([STEP_WORDS[language].notes.unpinned]);
  });

  test("a selection is never said to be whole", () => {
    const { verdict, notes } = wordsOf(
      reportOf({ subject: "selection/x", purpose: "a complaint" }),
      language,
    );
    expect(verdict).not.toMatch(/left out|omiti/);
    expect(notes.join(" ")).toContain("a complaint");
  });

  test("a refusal names the entry", () => {
    const steps = failed("inclusion", "inclusion-refused", "position 17: the proof leads to another root");
    const { verdict, good, notes } = wordsOf(reportOf({ steps }), language);
    expect([verdict.includes("17"), good, notes]).toEqual([true, false, [STEP_WORDS[language].notes.unread]]);
  });

  test("what the reader demanded and is not there is not called a forgery", () => {
    for (const [name, code] of [
      ["checkpoint", "key-not-pinned"],
      ["levels", "level-not-reached"],
      ["archive", "internal"],
    ] as const) {
      const { verdict } = wordsOf(reportOf({ steps: failed(name, code, "x") }), language);
      expect(verdict.startsWith(STEP_WORDS[language].verdicts.notAccepted(""))).toBe(true);
    }
  });
});

test("the block of Bitcoin that dates it is named, one of a test network is not", () => {
  const dated = (network: string) => {
    const proved = `stands in block 912345 of ${network}, whose header states 2026-11-18T11:06:40.000Z`;
    return reportOf({ levels: LEVELS.map((level) => ({ level, met: true, at: null, proved, missing: "" })) });
  };
  expect(wordsOf(dated("bitcoin-mainnet"), "en").verdict).toBe(
    "Genuine. Nothing was changed or left out. Dated by Bitcoin block 912,345.",
  );
  expect(wordsOf(dated("bitcoin-mainnet"), "es").verdict).toContain("912.345");
  expect(wordsOf(dated("bitcoin-regtest"), "en").verdict).not.toContain("Dated");
});

test("what the next level lacks is said with its numbers", () => {
  const missing = "2 validators cosigned it, where 3 are asked; `w9` is not one that the policy pins";
  const levels = LEVELS.map((level) => ({ level, met: level === "L1", at: null, proved: "", missing }));
  const lacks = (language: Language) =>
    wordsOf(reportOf({ levels }), language).levels.map((level) => level.lacks);
  expect(lacks("en")).toEqual([null, "2 of 3 witnesses signed it.", null, null, null]);
  expect(lacks("es")[1]).toBe("Lo firmaron 2 de 3 testigos.");
});

test("what a block lacks of its next level is said in plain words, and in the exact ones where there are none", () => {
  expect(lackWords(1, "no validator cosigned it, where 2 are asked", "es")).toMatch(/\b0 de 2\b/);
  expect(lackWords(4, "1 public chain dated it, where 2 are asked; and so on", "en")).toBe(
    "1 of 2 public chains date it.",
  );
  const none = "no public chain dated it, where 1 is asked";
  expect(lackWords(4, none, "en")).toBe("0 of 1 public chain dates it.");
  expect(lackWords(4, none, "es")).toBe("Lo fechan 0 de 1 cadena pública.");
  expect(lackWords(1, "no witness is configured", "en")).toBe("no witness is configured");
  expect(lackWords(5, "", "en")).toBe("");
});
