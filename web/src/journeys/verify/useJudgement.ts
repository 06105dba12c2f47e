/** One file at a time before the verifier: what has been found of it so far. */

import { useCallback, useEffect, useRef, useState } from "react";
import { judge } from "~/verify/client";
import type { Report, Step } from "~/verify/report";
import type { Known } from "./known";

export interface Judgement {
  readonly file: Blob;
  /** Those that are done. */
  readonly steps: readonly Step[];
  readonly report: Report | null;
  /** Why there is no report: the code of a refusal, `one-entry`, or `unreadable`. */
  readonly refused: { readonly code: string; readonly message: string } | null;
}

const ONE_ENTRY = "c2sp.org/tlog-proof@v1\n";

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
    setJudgement({ file, steps: [], report: null, refused: null });
    const put = (change: (before: Judgement) => Judgement) => {
      if (!control.signal.aborted) setJudgement((before) => before && change(before));
    };
    judgeFile(file, known, control.signal, (step) =>
      put((before) => ({ ...before, steps: [...before.steps, step] })),
    )
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
  const head = await file.slice(0, ONE_ENTRY.length).text();
  if (head === ONE_ENTRY) throw Object.assign(new Error("the proof of one entry"), { code: "one-entry" });
  const [policy, levels] = await Promise.all([bytesOf(known.policy), bytesOf(known.levels)]);
  return judge(file, { keys: known.keys.trim(), policy, levels, require: known.require, signal, onStep });
}

async function bytesOf(file: File | null): Promise<Uint8Array | undefined> {
  return file === null ? undefined : new Uint8Array(await file.arrayBuffer());
}

function refusalOf(error: unknown): { code: string; message: string } {
  const code =
    error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unreadable";
  return { code, message: error instanceof Error ? error.message : "" };
}
