/**
 * Both verifiers, the same bundles: every bundle of `tests/vectors/bundles`, good and bad, and good ones judged with a
 * reader's keys, policies and demands. All that the two reports say must be the same but the words of a failure.
 *
 * `write_reports.py` writes them with the Python of this project: the variable `TELESPHOR_PYTHON`, or `python3`.
 * `TELESPHOR_REPORTS` may name a folder that already holds them.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { utf8 } from "../bytes";
import type { Options, Report, Step } from "../index";
import {
  PROOF_STEPS,
  STEPS,
  isFailed,
  joinPins,
  parseLevels,
  readCards,
  readKeys,
  readPolicy,
  verifyBundle,
  verifyProof,
} from "../index";
import * as tables from "../tables";

/** Most bundles hold the same signed requests: each signature is verified once, by the real code. */
vi.mock("../primitives", async (original) => {
  const real = await original<typeof import("../primitives")>();
  const known = new Map<string, boolean>();
  const once = (parts: readonly Uint8Array[], run: () => boolean) => {
    const name = parts.map((part) => Buffer.from(part).toString("latin1")).join("|");
    const found = known.get(name) ?? run();
    known.set(name, found);
    return found;
  };
  const mlDsaVerifies: typeof real.mlDsaVerifies = (name, key, signed, signature) =>
    once([key, signed, signature], () => real.mlDsaVerifies(name, key, signed, signature));
  const ed25519Verifies: typeof real.ed25519Verifies = (key, signed, signature) =>
    once([key, signed, signature], () => real.ed25519Verifies(key, signed, signature));
  return { ...real, mlDsaVerifies, ed25519Verifies };
});

interface Case {
  readonly name: string;
  readonly file: string;
  readonly keys: string;
  readonly policy: string;
  readonly levels: string;
  readonly require: number;
  readonly report: Report;
}

/** The story of each bundle is told and signed anew: that takes a while on a small machine. */
const WRITING_MS = 180_000;
const CASES_MIN = 330;
const PROOFS_MIN = 33;
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** A proof of one entry; its files in base64. */
interface ProofCase {
  readonly name: string;
  readonly text: string;
  readonly entry: string;
  readonly cards: readonly string[];
  readonly keys: string;
  readonly levels: string;
  readonly require: number;
  readonly report: Report;
}

let folder = "";
let proofs: readonly ProofCase[] = [];
let cases: readonly Case[] = [];

beforeAll(() => {
  folder = process.env.TELESPHOR_REPORTS ?? written(mkdtempSync(join(tmpdir(), "telesphor-reports-")));
  cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as Case[];
  proofs = JSON.parse(readFileSync(join(folder, "proofs.json"), "utf8")) as ProofCase[];
}, WRITING_MS);

afterAll(() => {
  if (process.env.TELESPHOR_REPORTS === undefined) rmSync(folder, { recursive: true, force: true });
});

describe("the two verifiers", () => {
  test("agree on every bundle", { timeout: WRITING_MS }, async () => {
    expect(cases.length).toBeGreaterThanOrEqual(CASES_MIN);
    const different: string[] = [];
    for (const one of cases) {
      const found = await reportOf(one);
      if (JSON.stringify(found) !== JSON.stringify(comparable(one.report))) {
        different.push(
          `${one.name}: ${JSON.stringify(found)} is not ${JSON.stringify(comparable(one.report))}`,
        );
      }
    }
    expect(different).toEqual([]);
  });

  test("are shown bundles that pass, and bundles that fail at every step", () => {
    const failed = cases.map(({ report }) => report.steps.at(-1)).filter((step) => step && isFailed(step));
    expect(new Set(failed.map((step) => step?.name))).toEqual(new Set(STEPS));
    expect(cases.filter(({ report }) => report.verdict === "pass").length).toBeGreaterThan(15);
    expect(new Set(cases.map(({ report }) => report.level))).toEqual(
      new Set([null, "L1", "L2", "L3", "L4", "L5"]),
    );
  });

  test("agree on every proof of one entry, and on bad ones for each step", () => {
    expect(proofs.length).toBeGreaterThanOrEqual(PROOFS_MIN);
    for (const one of proofs) {
      expect(comparable(proofReport(one)), one.name).toEqual(comparable(one.report));
    }
    const failed = proofs.map(({ report }) => report.steps.at(-1)).filter((step) => step && isFailed(step));
    expect(new Set(failed.map((step) => step?.name))).toEqual(new Set(PROOF_STEPS));
    expect(new Set(proofs.map(({ report }) => report.level))).toEqual(new Set([null, "L1", "L4", "L5"]));
  });

  test("refuse a proof with any one of many bytes changed", { timeout: WRITING_MS }, () => {
    const good = proofs.find(({ name }) => name === "good at L5") as ProofCase;
    const data = bytesOf(good.text);
    for (let at = 0; at < data.length; at += Math.ceil(data.length / 200)) {
      const changed = data.slice();
      changed[at] = (changed[at] as number) ^ (1 << (at % 7));
      const text = Buffer.from(changed).toString("base64");
      const { verdict, steps } = proofReport({ ...good, text });
      expect(
        [verdict, steps.some((step) => "code" in step && step.code === "internal")],
        `byte ${at}`,
      ).toEqual(["fail", false]);
    }
  });

  test("have the same tables: if not, run write_tables.py", () => {
    expect({ ...tables }).toEqual(JSON.parse(readFileSync(join(folder, "tables.json"), "utf8")));
  });

  test("refuse a bundle with any one of many bytes changed", { timeout: WRITING_MS }, async () => {
    const good = cases.find(({ name }) => name === "good selection") as Case;
    const data = new Uint8Array(readFileSync(join(folder, good.file)));
    for (let at = 0; at < data.length; at += Math.ceil(data.length / 400)) {
      const changed = data.slice();
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      expect((await verifyBundle(changed)).verdict, `byte ${at}`).toBe("fail");
    }
  });

  test("tell of each step as it is done", async () => {
    const [one] = cases as [Case];
    const told: [Step, number][] = [];
    const report = await verifyBundle(readFileSync(join(folder, one.file)), {
      onStep: (step, number) => void told.push([step, number]),
    });
    expect(told).toEqual(report.steps.map((step, index) => [step, index + 1]));
  });
});

function written(into: string): string {
  const script = fileURLToPath(new URL("./write_reports.py", import.meta.url));
  const python = process.env.TELESPHOR_PYTHON ?? "python3";
  const env = { ...process.env, PYTHONPATH: [join(ROOT, "src"), ROOT].join(":") };
  const run = spawnSync(python, [script, into], { cwd: ROOT, env, encoding: "utf8" });
  if (run.status !== 0) {
    const hint = "set TELESPHOR_PYTHON to a Python with the packages of this project";
    throw new Error(`\`${python}\` could not write the reports (${hint}): ${run.stderr ?? ""}`);
  }
  return into;
}

function proofReport({ text, entry, cards, keys, levels, require }: ProofCase): Report {
  return verifyProof(bytesOf(text), bytesOf(entry), {
    pins: readKeys(keys),
    cards: readCards(cards.map(bytesOf)),
    levels: levels ? parseLevels(utf8(levels)) : undefined,
    require,
  });
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

async function reportOf(one: Case): Promise<unknown> {
  const data = new Uint8Array(readFileSync(join(folder, one.file)));
  return comparable(await verifyBundle(data, optionsOf(one)));
}

function optionsOf({ keys, policy, levels, require }: Case): Options {
  const given = [...(keys ? [readKeys(keys)] : []), ...(policy ? [readPolicy(utf8(policy))] : [])];
  return {
    pins: joinPins(given) ?? undefined,
    levels: levels ? parseLevels(utf8(levels)) : undefined,
    require,
  };
}

/** All but the words of the failure; members in one order. */
function comparable(report: Report): unknown {
  const steps = report.steps.map((step) =>
    isFailed(step) ? { name: step.name, code: step.code } : { name: step.name, proved: step.proved },
  );
  const { verdict, level, levels, assumptions, policy, pinned, origin, subject, purpose } = report;
  const lines = levels.map(({ level: of, met, at, proved, missing }) => ({ of, met, at, proved, missing }));
  const by = policy === null ? null : { given: policy.given, digest: policy.digest, bundle: policy.bundle };
  return { verdict, level, lines, assumptions, by, pinned, origin, subject, purpose, steps };
}
