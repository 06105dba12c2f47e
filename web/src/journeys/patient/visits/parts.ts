/** What the pages of one visit share. */

import { useState } from "react";
import { asApiError, commands, type ApiError } from "~/session";
import type { Visit } from "../shapes";

export interface VisitProps {
  visit: Visit;
  now: string;
  reload: () => void;
  stream: MediaStream | null;
  onStream: (stream: MediaStream | null) => void;
}

/** Sign commands about this visit; what was refused is kept to be shown. */
export function useSteps(visit: string, reload: () => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const sign = async (...steps: [step: string, body?: object][]): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await commands(...steps.map(([step, body]) => ({ type: `visit.${step}/1`, body: { visit, ...body } })));
      reload();
      return true;
    } catch (thrown) {
      setError(asApiError(thrown));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { sign, busy, error };
}

export type Steps = ReturnType<typeof useSteps>;
