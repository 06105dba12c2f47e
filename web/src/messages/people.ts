/** Whom one knows: the people of one's visits and conversations, each once, and what they are there. */

import { useMemo } from "react";
import { useMe, useView } from "~/session";
import type { Member, Side, ThreadView } from "./types";
import { useThreads } from "./useUnread";

export interface Known {
  actor: string;
  name: string | null;
  role: string;
}

interface Seats {
  visits: { seats: { actor: string; name: string | null; role: string }[] }[];
}

const COLLEAGUE: Record<string, string> = { colleague: "clinician" };

/** Those one may write to. `given` replaces them. */
export function useKnown(given: readonly Known[] | undefined): readonly Known[] {
  const { actor } = useMe();
  const threads = useThreads();
  const upcoming = useView<Seats>("/v1/app/visits", { query: { which: "upcoming" } });
  const past = useView<Seats>("/v1/app/visits", { query: { which: "past" } });
  return useMemo(() => {
    if (given !== undefined) return given;
    const seats = [...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? [])].flatMap(
      (one) => one.seats,
    );
    const members = (threads.data?.threads ?? []).flatMap((one) => one.members);
    return onceEach([...seats, ...members]).filter((one) => one.actor !== actor);
  }, [given, upcoming.data, past.data, threads.data, actor]);
}

export function onceEach(people: readonly Known[]): Known[] {
  const found = new Map<string, Known>();
  for (const { actor, name, role } of people) {
    const known = found.get(actor);
    if (known === undefined || (known.name === null && name !== null))
      found.set(actor, { actor, name, role: COLLEAGUE[role] ?? role });
  }
  return [...found.values()].sort((a, b) => (a.name ?? "~").localeCompare(b.name ?? "~"));
}

/** Names of patients whom a conversation is not about and who are not in it: naming them there is a slip. */
export function useOtherPatients(thread: ThreadView, side: Side): readonly string[] {
  const known = useKnown(undefined);
  const threads = useThreads();
  return useMemo(() => {
    if (side === "patient") return [];
    const inside = new Set([thread.subject, ...thread.members.map(({ actor }) => actor)]);
    const patients = known.filter(({ role }) => role === "patient");
    const subjects = (threads.data?.threads ?? []).map(({ subject, subject_name }) => ({
      actor: subject ?? "",
      name: subject_name,
    }));
    const others = [...patients, ...subjects].filter(({ actor }) => actor !== "" && !inside.has(actor));
    return [...new Set(others.flatMap(({ name }) => name ?? []))];
  }, [thread, side, known, threads.data]);
}

export function nameIn(members: readonly Member[], actor: string, nobody: string): string {
  return members.find((one) => one.actor === actor)?.name ?? nobody;
}

/** "Ana, Peter and Dr. Osei" in the reader's language. */
export function listed(names: readonly string[], language: string): string {
  return new Intl.ListFormat(language, { style: "long", type: "conjunction" }).format(names);
}
