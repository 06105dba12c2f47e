/** What an attacker, or a careless reader, may hand over: nothing is thrown, nothing passes, nothing takes for ever. */

import { describe, expect, test } from "vitest";

import { utf8 } from "./bytes";
import { judge } from "./client";
import { parseLevels, readKeys, verifyBundle } from "./index";
import { Refusal } from "./refusal";
import { Walk, StepFailed } from "./report";
import { SHIPPED_LEVELS } from "./shipped-levels";
import type { Answer, Question } from "./work";
import { work } from "./work";
import { shownText } from "./words";

describe("files that are no bundles", () => {
  const files: Record<string, Uint8Array> = {
    "an empty file": new Uint8Array(),
    text: utf8("hello"),
    "an empty archive": Uint8Array.from([0x50, 0x4b, 5, 6, ...new Array<number>(18).fill(0)]),
    "a local header alone": Uint8Array.from([0x50, 0x4b, 3, 4]),
    "a header that names more than there is": archiveOf(1).slice(0, 60),
  };
  for (const [name, data] of Object.entries(files)) {
    test(name, async () => {
      const { verdict, level, steps } = await verifyBundle(data);
      expect([verdict, level, steps.length <= 2]).toEqual(["fail", null, true]);
    });
  }

  test("an archive of very many files is read without a fault of ours", async () => {
    const report = await verifyBundle(archiveOf(60_000));
    expect(report.steps.at(-1)).toMatchObject({ name: "manifest", code: "bundle-refused" });
  });
});

describe("policies of levels that readers of TOML read differently", () => {
  const inline = SHIPPED_LEVELS.replace("[notary]\nat_least = 1", "").replace(
    "validators = 3",
    "validators = 3\nnotary = { at_least = 1 }",
  );
  const refused: Record<string, string> = {
    "a byte order mark": `\ufeff${SHIPPED_LEVELS}`,
    "a comma at the end of an inline table": inline.replace("1 }", "1, }"),
    "an inline table over two lines": inline.replace("{ at", "{\n at"),
    "an escape of a later TOML": SHIPPED_LEVELS.replace('"bitcoin-mainnet"', '"bitcoin\\x2dmainnet"'),
    "a number with an exponent": SHIPPED_LEVELS.replace("validators = 3", "validators = 3e0"),
    "a dotted name": SHIPPED_LEVELS.replace("validators = 3", "validators = 3\nnotary.at_least = 1"),
  };
  for (const [name, text] of Object.entries(refused)) {
    test(name, () =>
      expect(() => parseLevels(utf8(text))).toThrow(expect.objectContaining({ code: "levels-refused" })),
    );
  }

  test("an inline table on one line is read", () => expect(parseLevels(utf8(inline)).notaries).toBe(1));
});

test("a fault of the verifier fails the step, with the code `internal`", () => {
  const walk = new Walk(["one", "two"], true, () => undefined);
  const fault = () => {
    throw new TypeError("x");
  };
  expect(() => walk.step("one", fault)).toThrow(StepFailed);
  expect(walk.report()).toMatchObject({
    verdict: "fail",
    level: null,
    steps: [{ name: "one", code: "internal" }],
  });
});

test("a walk that was not finished is no pass", () => {
  const walk = new Walk(["one", "two"], true, () => undefined);
  walk.step("one", () => ({ value: null, sentence: "done" }));
  expect(walk.report().verdict).toBe("fail");
});

test("keys that are none are refused before anything is judged", async () => {
  expect(() => readKeys("# only a comment\n")).toThrow(expect.objectContaining({ code: "pin-refused" }));
  expect(await answersOf({ file: new Blob(["x"]), keys: "nonsense" })).toEqual([
    { kind: "refused", code: "pin-refused", message: expect.any(String) as string },
  ]);
});

test("text that would turn a line around is not shown", () => {
  expect(shownText("a\u202eb\u0007c\u2028d é 中")).toBe("a\ufffdb\ufffdc\ufffdd é 中");
});

describe("the worker", () => {
  test("tells of each step, then reports", async () => {
    const answers = await answersOf({ file: new Blob(["no bundle"]) });
    expect(answers.map(({ kind }) => kind)).toEqual(["step", "report"]);
  });

  test("is not started for a file that is too large", async () => {
    const large = { size: 64 * 1024 * 1024 + 1 } as Blob;
    const never = () => {
      throw new Error("it was started");
    };
    await expect(judge(large, {}, never)).rejects.toMatchObject({ code: "limit-exceeded" });
  });

  test("is ended with its report, with its fault, and with the caller's signal", async () => {
    const done = new FakeWorker();
    await expect(judge(new Blob(["no bundle"]), {}, () => done)).resolves.toMatchObject({ verdict: "fail" });
    const broken = new FakeWorker(true);
    await expect(judge(new Blob([]), {}, () => broken)).rejects.toBeInstanceOf(Refusal);
    const control = new AbortController();
    const stopped = new FakeWorker();
    const judging = judge(new Blob([]), { signal: control.signal }, () => stopped);
    control.abort(new Error("stopped"));
    await expect(judging).rejects.toThrow("stopped");
    expect([done, broken, stopped].map(({ terminated }) => terminated)).toEqual([true, true, true]);
  });
});

/** The worker's own code, in this thread. */
class FakeWorker extends EventTarget {
  terminated = false;

  constructor(private readonly breaks = false) {
    super();
  }

  postMessage(question: Question): void {
    if (this.breaks) this.dispatchEvent(new Event("error"));
    else void work(question, (data) => this.dispatchEvent(new MessageEvent("message", { data })));
  }

  terminate(): void {
    this.terminated = true;
  }
}

async function answersOf(question: Question): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  await work(question, (answer) => answers.push(answer));
  return answers;
}

/** A canonical archive of so many empty files. */
function archiveOf(count: number): Uint8Array {
  const local = new Uint8Array(count * 36);
  const central = new Uint8Array(count * 52);
  const end = new Uint8Array(22);
  const [a, b, c] = [local, central, end].map((part) => new DataView(part.buffer)) as [
    DataView,
    DataView,
    DataView,
  ];
  for (let at = 0; at < count; at++) {
    const name = utf8(at.toString(36).padStart(6, "0"));
    a.setUint32(at * 36, 0x04034b50, true);
    b.setUint32(at * 52, 0x02014b50, true);
    b.setUint16(at * 52 + 4, 0x0314, true);
    for (const [view, from] of [[a, at * 36 + 4] as const, [b, at * 52 + 6] as const]) {
      view.setUint16(from, 10, true);
      view.setUint16(from + 8, 33, true);
      view.setUint16(from + 22, name.length, true);
    }
    b.setUint32(at * 52 + 38, 0x81a4_0000, true);
    b.setUint32(at * 52 + 42, at * 36, true);
    local.set(name, at * 36 + 30);
    central.set(name, at * 52 + 46);
  }
  c.setUint32(0, 0x06054b50, true);
  c.setUint16(8, count, true);
  c.setUint16(10, count, true);
  c.setUint32(12, central.length, true);
  c.setUint32(16, local.length, true);
  return new Uint8Array([...local, ...central, ...end]);
}
