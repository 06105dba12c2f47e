/**
 * Who this tab is: one session at a time, told to whoever listens.
 *
 * Guarantees: what is kept over a reload is the session's number alone, which opens nothing without the cookie
 * that no script can read. Each tab has its own, so that two tabs can be two people.
 */

import { useSyncExternalStore } from "react";

export interface Session {
  /** 8 hexadecimal characters; no secret. */
  session: string;
  actor: string;
  kind: string;
  roles: string[];
  name: string | null;
  expiresAt: string;
  idleSeconds: number;
}

export type Ended = "signed-out" | "idle" | "expired" | null;

const KEY = "telesphor-session";
const listeners = new Set<() => void>();
const endings = new Set<() => void>();
let state: { session: Session | null; ended: Ended } = { session: null, ended: null };

export function sessionNow(): Session | null {
  return state.session;
}

/** Why the last session of this tab ended, for the page that asks to sign in again. */
export function endedNow(): Ended {
  return state.ended;
}

/** Another person's session in this tab ends before: what was held of it must not be there for the next. */
export function beginSession(session: Session): void {
  if (state.session?.session !== session.session) endSession("signed-out");
  state = { session, ended: null };
  keep(session.session);
  tell();
}

export function endSession(ended: Exclude<Ended, null>): void {
  if (state.session === null) return;
  state = { session: null, ended };
  keep(null);
  endings.forEach((ending) => ending());
  tell();
}

/** Called when a session ends: what was shown or held of it is dropped. */
export function onSessionEnd(ending: () => void): () => void {
  endings.add(ending);
  return () => endings.delete(ending);
}

/** The number of the session that this tab had before it was loaded anew. */
export function keptSession(): string | null {
  const text = sessionStorage.getItem(KEY);
  return text !== null && /^[0-9a-f]{8}$/.test(text) ? text : null;
}

export function forgetKept(): void {
  keep(null);
}

export function useSession(): Session | null {
  return useSyncExternalStore(onChange, sessionNow);
}

/** The session inside journeys, which are shown to nobody without one. */
export function useMe(): Session {
  const session = useSession();
  if (session === null) throw new Error("a journey is shown without a session");
  return session;
}

export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  listeners.forEach((listener) => listener());
}

function keep(session: string | null): void {
  if (session === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, session);
}
