/**
 * The check of a text of rules while somebody writes it: a moment after the last key, and never an older answer.
 *
 * The node checks, by the same code that takes rules into force, so that what is said to fit fits.
 */

import { useEffect, useState } from "react";
import { api, asApiError } from "~/session";
import { noteRefusal, watchNow } from "../../auditor/watch/useWatch";
import type { PolicyCheck } from "../shapes";
import type { Draft } from "./Editor";

export type Checked =
  | { is: "empty" }
  | { is: "checking" }
  | { is: "done"; check: PolicyCheck }
  | { is: "failed"; message: string; offline: boolean };

const PATIENCE_MS = 350;

export function useCheck({ slot, text }: Draft): Checked {
  const [checked, setChecked] = useState<Checked>({ is: "empty" });
  useEffect(() => {
    if (text.trim() === "") {
      setChecked({ is: "empty" });
      return;
    }
    const watch = watchNow("administration");
    const leaving = new AbortController();
    const timer = window.setTimeout(() => {
      setChecked({ is: "checking" });
      api
        .json<PolicyCheck>("POST", "/v1/app/admin/policies/check", {
          body: { watch, slot, text },
          signal: leaving.signal,
        })
        .then((check) => setChecked({ is: "done", check }))
        .catch((thrown: unknown) => {
          if (leaving.signal.aborted) return;
          noteRefusal("administration", watch, thrown);
          const error = asApiError(thrown);
          setChecked({ is: "failed", message: error.message, offline: error.code === "offline" });
        });
    }, PATIENCE_MS);
    return () => {
      window.clearTimeout(timer);
      leaving.abort();
    };
  }, [slot, text]);
  return checked;
}
