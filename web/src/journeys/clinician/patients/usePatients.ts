/** The patients of whoever is signed in, from the views that already show them: no listing of anybody else is asked for. */

import { useMemo, useState } from "react";
import type { ThreadView } from "~/messages";
import { api, asApiError, useMe, useView, type ApiError } from "~/session";
import type { MyTokens } from "../../patient/shapes";
import type { Visit, VisitList } from "../shapes";
import { patientsIn, withOthers, type KnownPatient, type Named } from "./known";

/** As many as the node gives at once. */
const ROWS = 100;

export function usePatients() {
  const { actor } = useMe();
  const upcoming = useView<VisitList>("/v1/app/visits", { query: { which: "upcoming", limit: ROWS } });
  const past = useView<VisitList>("/v1/app/visits", { query: { which: "past", limit: ROWS } });
  const threads = useView<{ threads: ThreadView[] }>("/v1/app/threads", { query: { archived: false } });
  const tokens = useView<MyTokens>("/v1/app/my/tokens", { query: { which: "held" } });
  const earlier = useEarlier(past.data);
  const patients = useMemo((): KnownPatient[] => {
    const visits = [...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? []), ...earlier.visits];
    const others = [...writtenOf(threads.data?.threads ?? []), ...grantorsOf(tokens.data)];
    return withOthers(
      patientsIn(visits),
      others.filter((one) => one.actor !== actor),
    );
  }, [actor, upcoming.data, past.data, threads.data, tokens.data, earlier.visits]);
  return { view: upcoming, isWhole: past.state !== "loading", patients, earlier };
}

/** Whom conversations are about, and the patients in them. */
function writtenOf(threads: readonly ThreadView[]): Named[] {
  return threads.flatMap(({ subject, subject_name, members }) => [
    ...(subject === null ? [] : [{ actor: subject, name: subject_name }]),
    ...members.filter(({ role }) => role === "patient"),
  ]);
}

/** Persons without a role who gave a permission that still stands: patients give them about themselves. */
function grantorsOf(held: MyTokens | null): Named[] {
  return (held?.tokens ?? [])
    .filter(({ lives, grantor }) => lives && grantor.kind === "person" && grantor.roles.length === 0)
    .map(({ grantor }) => ({ actor: grantor.id, name: grantor.name }));
}

/** Visits from before the first page, page by page. */
function useEarlier(first: VisitList | null) {
  const [held, setHeld] = useState<{ visits: Visit[]; next: string | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const next = held === null ? (first?.next ?? null) : held.next;
  const load = async () => {
    setBusy(true);
    setError(null);
    try {
      const query = { which: "past", limit: ROWS, before: next };
      const page = await api.json<VisitList>("GET", "/v1/app/visits", { query });
      setHeld((known) => ({ visits: [...(known?.visits ?? []), ...page.visits], next: page.next }));
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  const visits = useMemo(() => held?.visits ?? [], [held]);
  return { visits, load: next === null ? null : () => void load(), busy, error };
}
