/** Has a file judged in a worker, which is ended with the answer, a fault or the caller's signal. Start at `judge`. */

import { BUNDLE_BYTES_MAX } from "./archive";
import { Refusal } from "./refusal";
import type { OnStep, Report } from "./report";
import type { Answer, Question } from "./work";

export interface Judging extends Omit<Question, "file"> {
  /** Told of each step as it is done. */
  readonly onStep?: OnStep;
  readonly signal?: AbortSignal;
}

type WorkerLike = Pick<Worker, "postMessage" | "terminate" | "addEventListener">;

/**
 * The report on a file. Rejects with a `Refusal`: `limit-exceeded` for a file that is too large to be read at all, the
 * code of what the reader gave and cannot be used, `internal` for a fault of the verifier; or with the signal's reason.
 */
export function judge(
  file: Blob,
  options: Judging = {},
  start: () => WorkerLike = startWorker,
): Promise<Report> {
  const { onStep, signal, ...given } = options;
  if (file.size > BUNDLE_BYTES_MAX) {
    return Promise.reject(new Refusal("limit-exceeded", `a bundle has at most ${BUNDLE_BYTES_MAX} bytes`));
  }
  if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
  return new Promise<Report>((resolve, reject) => {
    const worker = start();
    const end = (settle: () => void) => {
      worker.terminate();
      signal?.removeEventListener("abort", stop);
      settle();
    };
    const stop = () => end(() => reject(signal?.reason as Error));
    const fail = () => end(() => reject(new Refusal("internal", "the verifier could not be run")));
    signal?.addEventListener("abort", stop);
    worker.addEventListener("error", fail);
    worker.addEventListener("messageerror", fail);
    worker.addEventListener("message", (message: Event) => {
      const answer = (message as MessageEvent<Answer>).data;
      if (answer.kind === "step") onStep?.(answer.step, answer.number);
      else if (answer.kind === "report") end(() => resolve(answer.report));
      else end(() => reject(new Refusal(answer.code, answer.message)));
    });
    worker.postMessage({ file, ...given } satisfies Question);
  });
}

function startWorker(): WorkerLike {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}
