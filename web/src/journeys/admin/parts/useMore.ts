/** Further pages of a list that is asked for by `after`, below the first. */

import { useEffect, useRef, useState } from "react";
import { api, asApiError, type ApiError } from "~/session";
import { noteRefusal, watchNow } from "../../auditor/watch/useWatch";

interface More<R> {
  rows: R[];
  /** Empty when there is no further page. */
  after: string;
  busy: boolean;
  error: ApiError | null;
  load: () => void;
  /** Ask anew for as many pages as are shown: something in them was changed. */
  reload: () => void;
}

interface Held<R> {
  rows: R[];
  after: string;
  pages: number;
}

interface Source<A, R> {
  path: string;
  query: Record<string, string | number | null>;
  /** Where the first page ended. */
  first: string;
  rowsOf: (answer: A) => R[];
}

export function useMore<A extends { after: string }, R>({
  path,
  query,
  first,
  rowsOf,
}: Source<A, R>): More<R> {
  const [held, setHeld] = useState<Held<R> | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const key = `${path} ${JSON.stringify(query)} ${first}`;
  useEffect(() => setHeld(null), [key]);
  const after = held === null ? first : held.after;
  const asked = useRef(key);
  asked.current = key;
  const next = async (before: Held<R>, watch: string): Promise<Held<R>> => {
    const found = await api.json<A>("GET", path, { query: { ...query, after: before.after, watch } });
    return { rows: [...before.rows, ...rowsOf(found)], after: found.after, pages: before.pages + 1 };
  };
  const start = (work: (watch: string) => Promise<Held<R>>) => {
    const watch = watchNow("administration");
    setBusy(true);
    setError(null);
    work(watch)
      .then((found) => {
        if (asked.current === key) setHeld(found); // Else it is of another list.
      })
      .catch((thrown: unknown) => {
        noteRefusal("administration", watch, thrown);
        setError(asApiError(thrown));
      })
      .finally(() => setBusy(false));
  };
  const none: Held<R> = { rows: [], after: first, pages: 0 };
  const load = () => start((watch) => next(held ?? none, watch));
  const again = async (watch: string) => {
    let pages = none;
    while (pages.after !== "" && pages.pages < (held?.pages ?? 0)) pages = await next(pages, watch);
    return pages;
  };
  const reload = () => {
    if (held !== null) start(again);
  };
  return { rows: held?.rows ?? [], after, busy, error, load, reload };
}
