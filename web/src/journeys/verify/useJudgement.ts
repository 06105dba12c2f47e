/** One file at a time before the verifier: what has been found of it so far. */

import { useCallback, useEffect, useRef, useState } from "react";
import { PROOF_STEPS, STEPS } from "~/verify";
import { judge } from "~/verify/client";
import type { Report, Step } from "~/verify/report";
import type { Known } from "./known";

export interface Judgement {
  readonly file: Blob;
  /** Of the file's kind: of a bundle, or of the proof of one entry. */
  readonly names: readonly string[];
  /** Those that are done. */
  readonly steps: readonly Step[];
  readonly report: Report | null;
  /** Why there is no report: the code of a refusal (`entry-needed` and `keys-needed` among them), or `unreadable`. */
  readonly refused: { readonly code: string; readonly message: string } | null;
}

export function useJudgement() {
  const [judgement, setJudgement] = useState<Judgement | null>(null);
  const running = useRef<AbortController | null>(null);

  const clear = useCallback(() => {
    running.current?.abort(new Error("stopped"));
    running.current = null;
    setJudgement(null);
  }, []);

  const start = useCallback((file: Blob, known: Known) => {
    running.current?.abort(new Error("stopped"));
    const control = new AbortController();
    running.current = control;
    setJudgement({ file, names: STEPS, steps: [], report: null, refused: null });
    const put = (change: (before: Judgement) => Judgement) => {
      if (!control.signal.aborted) setJudgement((before) => before && change(before));
    };
    const onStep = (step: Step) =>
      put((before) => ({
        ...before,
        names: step.name === PROOF_STEPS[0] ? PROOF_STEPS : before.names,
        steps: [...before.steps, step],
      }));
    judgeFile(file, known, control.signal, onStep)
      .then((report) => put((before) => ({ ...before, steps: report.steps, report })))
      .catch((error: unknown) => put((before) => ({ ...before, refused: refusalOf(error) })));
  }, []);

  useEffect(() => () => running.current?.abort(new Error("stopped")), []);
  return { judgement, start, clear };
}

async function judgeFile(
  file: Blob,
  known: Known,
  signal: AbortSignal,
  onStep: (step: Step) => void,
): Promise<Report> {
  const [policy, levels] = await Promise.all([bytesOf(known.policy), bytesOf(known.levels)]);
  const { entry, cards, require } = known;
  return judge(file, {
    keys: known.keys.trim(),
    policy,
    levels,
    require,
    entry: entry ?? undefined,
    cards,
    signal,
    onStep,
  });
}

async function bytesOf(file: File | null): Promise<Uint8Array | undefined> {
  return file === null ? undefined : new Uint8Array(await file.arrayBuffer());
}

function refusalOf(error: unknown): { code: string; message: string } {
  const code =
    error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unreadable";
  return { code, message: error instanceof Error ? error.message : "" };
}
