/**
 * What verification found: each step with what it proved, or why it failed, and the level reached; the same members as
 * `telesphor-verify --json` (`docs/spec/verification.md`). Start at `Walk`.
 */

import type { Judgement } from "./levels";
import { formatInstant } from "./names";
import { Refusal } from "./refusal";

/** What a step hands to the steps after it, and the sentence it stands for. */
export interface Proved<T> {
  readonly value: T;
  readonly sentence: string;
}

export interface PassedStep {
  readonly name: string;
  readonly proved: string;
}

export interface FailedStep {
  readonly name: string;
  readonly failure: string;
  readonly code: string;
}

export type Step = PassedStep | FailedStep;

export interface Level {
  readonly level: string;
  readonly met: boolean;
  /** When it was reached. */
  readonly at: string | null;
  readonly proved: string;
  readonly missing: string;
}

/** Whose policy judged the levels, and whether the bundle has one of its own. */
export interface JudgedBy {
  readonly given: boolean;
  readonly digest: string;
  readonly bundle: "same" | "other" | "none";
}

export interface Report {
  readonly verdict: "pass" | "fail";
  readonly level: string | null;
  readonly levels: readonly Level[];
  readonly assumptions: readonly string[];
  readonly policy: JudgedBy | null;
  readonly pinned: boolean;
  readonly origin: string;
  readonly subject: string;
  readonly purpose: string;
  /** Those that were run; a failed one is the last. */
  readonly steps: readonly Step[];
}

export type OnStep = (step: Step, number: number) => void;

/** A step failed, and the ones after it cannot stand; the walk has noted which. */
export class StepFailed extends Error {}

export function isFailed(step: Step): step is FailedStep {
  return "failure" in step;
}

/** The steps that were run so far. INVARIANT: nothing that a step throws gets past here but `StepFailed`. */
export class Walk {
  private readonly steps: Step[] = [];
  private about = { origin: "", subject: "", purpose: "" };
  private judgement: Judgement | null = null;
  private judgedBy: JudgedBy | null = null;

  constructor(
    private readonly names: readonly string[],
    private readonly pinned: boolean,
    private readonly onStep: OnStep,
  ) {}

  /** Notes what is said to be verified. */
  describe(about: { origin: string; subject: string; purpose: string }): void {
    this.about = about;
  }

  /** Notes the levels, also when they are not enough. */
  judge(judgement: Judgement, by: JudgedBy): void {
    this.judgement = judgement;
    this.judgedBy = by;
  }

  step<T>(name: string, check: () => Proved<T>): T {
    if (name !== this.names[this.steps.length]) throw new Error("the steps are run in their order");
    try {
      const { value, sentence } = check();
      this.note({ name, proved: sentence });
      return value;
    } catch (error) {
      this.note(failedStep(name, error));
      throw new StepFailed();
    }
  }

  report(): Report {
    const failed = this.steps.some(isFailed);
    const passed = !failed && this.steps.length === this.names.length;
    const { judgement } = this;
    return {
      verdict: passed ? "pass" : "fail",
      level: passed && judgement !== null ? `L${judgement.level}` : null,
      levels: judgement === null ? [] : levelsOf(judgement),
      assumptions: judgement?.assumptions ?? [],
      policy: this.judgedBy,
      pinned: this.pinned,
      ...this.about,
      steps: this.steps,
    };
  }

  private note(step: Step): void {
    this.steps.push(step);
    this.onStep(step, this.steps.length);
  }
}

/** A fault of ours must fail what is verified: never pass it, never stop the reader. */
function failedStep(name: string, error: unknown): FailedStep {
  if (error instanceof Refusal) return { name, failure: error.message, code: error.code };
  const kind = error instanceof Error ? error.name : "Error";
  return { name, failure: `the verifier met something it did not expect (\`${kind}\`)`, code: "internal" };
}

function levelsOf({ steps, atSeconds }: Judgement): readonly Level[] {
  return steps.map(({ level, met, proved, missing }) => ({
    level: `L${level}`,
    met,
    at: met ? formatInstant((atSeconds[level - 1] ?? 0) * 1000) : null,
    proved,
    missing,
  }));
}
