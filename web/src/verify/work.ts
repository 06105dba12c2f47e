/** What the worker does with a question: reads what the reader gave, judges the file, tells of each step. */

import type { Report, Step } from "./index";
import { joinPins, parseLevels, readKeys, readPolicy, verifyBundle } from "./index";
import { Refusal } from "./refusal";

export interface Question {
  readonly file: Blob;
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
    const report = await verifyBundle(new Uint8Array(await question.file.arrayBuffer()), {
      pins: pins ?? undefined,
      levels: question.levels ? parseLevels(question.levels) : undefined,
      require: question.require,
      onStep: (step, number) => tell({ kind: "step", step, number }),
    });
    tell({ kind: "report", report });
  } catch (error) {
    const refusal =
      error instanceof Refusal ? error : new Refusal("internal", "the verifier could not go on");
    tell({ kind: "refused", code: refusal.code, message: refusal.message });
  }
}
