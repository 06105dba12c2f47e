/** Further pages of a list that is asked for by `after`, below the first. */

import { useEffect, useState } from "react";
import { api, asApiError, type ApiError } from "~/session";
import { noteRefusal, watchNow } from "../../auditor/watch/useWatch";

interface More<R> {
  rows: R[];
  /** Empty when there is no further page. */
  after: string;
  busy: boolean;
  error: ApiError | null;
  load: () => void;
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
  const [held, setHeld] = useState<{ rows: R[]; after: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const key = `${path} ${JSON.stringify(query)} ${first}`;
  useEffect(() => setHeld(null), [key]);
  const after = held === null ? first : held.after;
  const load = () => {
    const watch = watchNow("administration");
    setBusy(true);
    setError(null);
    api
      .json<A>("GET", path, { query: { ...query, after, watch } })
      .then((found) => setHeld({ rows: [...(held?.rows ?? []), ...rowsOf(found)], after: found.after }))
      .catch((thrown: unknown) => {
        noteRefusal("administration", watch, thrown);
        setError(asApiError(thrown));
      })
      .finally(() => setBusy(false));
  };
  return { rows: held?.rows ?? [], after, busy, error, load };
}
