/** What the worker does with a question: reads what the reader gave, judges the file, tells of each step. */

import type { Report, Step } from "./index";
import {
  isProof,
  joinPins,
  parseLevels,
  readCards,
  readKeys,
  readPolicy,
  verifyBundle,
  verifyProof,
  type Options,
} from "./index";
import { ENTRY_BYTES_MAX } from "./files";
import { Refusal, refuse } from "./refusal";

export interface Question {
  /** A bundle, or the proof of one entry (C2SP tlog-proof). */
  readonly file: Blob;
  /** The exact bytes of the entry that such a proof is about. */
  readonly entry?: Blob | undefined;
  /** Cards of witnesses, notaries and the log, for such a proof: a bundle brings its own. */
  readonly cards?: readonly Blob[] | undefined;
  /** One vkey on each line. */
  readonly keys?: string | undefined;
  /** A policy file (C2SP tlog-policy). */
  readonly policy?: Uint8Array | undefined;
  /** A policy of levels (TOML). */
  readonly levels?: Uint8Array | undefined;
  readonly require?: number | undefined;
}

export type Answer =
  | { readonly kind: "step"; readonly step: Step; readonly number: number }
  | { readonly kind: "report"; readonly report: Report }
  /** What the reader gave cannot be used, or the verifier itself failed (`internal`): never a pass. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** Answers a question; throws nothing. */
export async function work(question: Question, tell: (answer: Answer) => void): Promise<void> {
  try {
    const pins = joinPins([
      ...(question.keys ? [readKeys(question.keys)] : []),
      ...(question.policy ? [readPolicy(question.policy)] : []),
    ]);
    const data = await bytesOf(question.file);
    const options: Options = {
      pins: pins ?? undefined,
      levels: question.levels ? parseLevels(question.levels) : undefined,
      require: question.require,
      onStep: (step, number) => tell({ kind: "step", step, number }),
    };
    const report = isProof(data)
      ? await judgeProof(data, question, options)
      : await verifyBundle(data, options);
    tell({ kind: "report", report });
  } catch (error) {
    const refusal =
      error instanceof Refusal ? error : new Refusal("internal", "the verifier could not go on");
    tell({ kind: "refused", code: refusal.code, message: refusal.message });
  }
}

/** A proof of one entry takes what it does not hold: the entry (`entry-needed`) and the ledger's keys (`keys-needed`). */
async function judgeProof(
  data: Uint8Array,
  { entry, cards = [] }: Question,
  options: Options,
): Promise<Report> {
  const { pins } = options;
  if (entry === undefined) refuse("entry-needed", "a proof of one entry is judged together with the entry");
  if (entry.size > ENTRY_BYTES_MAX)
    refuse("entry-too-large", `an entry has at most ${ENTRY_BYTES_MAX} bytes`);
  if (pins === undefined) refuse("keys-needed", "a proof of one entry holds no keys: give the ledger's");
  const read = readCards(await Promise.all(cards.map(bytesOf)));
  return verifyProof(data, await bytesOf(entry), { ...options, pins, cards: read });
}

async function bytesOf(file: Blob): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}
