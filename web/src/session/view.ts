/**
 * A view of the node's as a page shows it: loaded, loaded again when something changed, and every way it can fail.
 *
 * Guarantees: an answer to an older question never replaces a newer one; what a reader may no longer see is dropped
 * from the page, not left standing.
 */

import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "./api";
import { asApiError, type ApiError } from "./errors";
import { live } from "./live";

export type ViewState = "loading" | "ready" | "error" | "offline" | "refused";

export interface View<T> {
  data: T | null;
  error: ApiError | null;
  state: ViewState;
  reload: () => void;
  /** When it was loaded, ms since 1970; null before. */
  at: number | null;
  /** It was shown before and is refused now. */
  revoked: boolean;
}

interface Options {
  query?: Record<string, string | number | boolean | null | undefined>;
  /** Topics of the live connection (`visit/<id>`, `thread/*`) on which it is loaded again. */
  topics?: readonly string[];
  every_ms?: number;
}

/** Several changes at once are one question. */
const GATHER_MS = 60;

type Held<T> = Omit<View<T>, "reload">;

export function useView<T>(
  path: string | null,
  { query = {}, topics = [], every_ms }: Options = {},
): View<T> {
  const [held, setHeld] = useState<Held<T>>(start);
  const asked = useRef(0);
  const key = path === null ? null : `${path} ${JSON.stringify(query)}`;

  const load = useCallback(
    async (background: boolean) => {
      if (path === null) return;
      const mine = ++asked.current;
      try {
        const data = await api.json<T>("GET", path, { query, background });
        if (mine === asked.current)
          setHeld({ data, error: null, state: "ready", at: Date.now(), revoked: false });
      } catch (thrown) {
        if (mine === asked.current) setHeld((before) => failed(before, asApiError(thrown)));
      }
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` stands for the path and the query's content
    [key],
  );

  useEffect(() => {
    setHeld(start);
    void load(false);
    return () => {
      asked.current += 1;
    };
  }, [load]);

  useEffect(() => {
    if (key === null) return;
    let timer = 0;
    const again = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void load(true), GATHER_MS);
    };
    const offs = topics.map((topic) => live.on(topic, again));
    // While the line was down nobody told us; so look once it is back.
    offs.push(live.onState((open) => open && again()));
    const every = every_ms === undefined ? 0 : window.setInterval(again, every_ms);
    return () => {
      window.clearTimeout(timer);
      window.clearInterval(every);
      offs.forEach((off) => off());
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- topics by their content
  }, [load, key, topics.join(" "), every_ms]);

  const reload = useCallback(() => void load(false), [load]);
  return { ...held, reload };
}

function start<T>(): Held<T> {
  return { data: null, error: null, state: "loading", at: null, revoked: false };
}

/** A broken line leaves what was shown; a refusal takes it away. */
export function failed<T>(before: Held<T>, error: ApiError): Held<T> {
  if (error.code === "offline") return { ...before, error, state: "offline" };
  if (error.status === 403 || error.status === 404 || error.status === 410) {
    return {
      data: null,
      error,
      state: "refused",
      at: before.at,
      revoked: before.data !== null || before.revoked,
    };
  }
  return { ...before, error, state: "error" };
}
