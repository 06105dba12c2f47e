/**
 * Emergency access of this tab's person: opened with a reason and a fresh proof of one's keys, over by itself.
 *
 * Guarantees: at most one is open; what is kept over a reload is which one and until when, and nothing of a record.
 */

import { useSyncExternalStore } from "react";
import type { Receipt } from "~/kernel";
import { asApiError, command, live, nodeClient, onSessionEnd, sessionNow } from "~/session";
import { signInByPasskey } from "~/session/passkey";

export const REASONS = [
  "emergency-treatment",
  "unconscious-patient",
  "safety-of-others",
  "system-failure",
  "disaster",
] as const;
export type Reason = (typeof REASONS)[number];

export const MINUTES = [15, 30, 60] as const;

export interface OpenGlass {
  id: string;
  /** Of whom. */
  person: string;
  reason: Reason;
  /** ISO 8601: the first instant at which it is over, by this machine's clock. */
  until: string;
  /** How many privacy officers were told. */
  officers: number;
}

const KEY = "telesphor-glass";
const listeners = new Set<() => void>();
let now: OpenGlass | null | undefined;

onSessionEnd(() => set(null));
// A privacy officer, or another tab, may end it.
live.on("emergency", ({ event, break_glass }) => {
  if ((event === "closed" || event === "reviewed") && break_glass === glassNow()?.id) set(null);
});

export function useGlass(): OpenGlass | null {
  return useSyncExternalStore(subscribe, glassNow);
}

/** Open it for one person's whole record. Throws what the node refuses. */
export async function breakGlass(person: string, reason: Reason, minutes: number): Promise<OpenGlass> {
  const id = nodeClient().ids.next();
  const receipt = await proved(async () =>
    command("break-glass.open/1", {
      break_glass: id,
      target: { kind: "record", id: person },
      reason,
      minutes,
      nonce: await challenge(),
    }),
  );
  // The receipt's results are in the order of its commands.
  const opened = receipt.results[0] as { until?: unknown; notified?: unknown } | null;
  if (typeof opened?.until !== "string" || typeof opened.notified !== "number")
    throw asApiError(new Error("the node's answer is not complete"));
  const until = onThisClock(opened.until);
  const glass = { id, person, reason, until, officers: opened.notified - 1 };
  set(glass);
  return glass;
}

/** It is over, or is ended now: what it showed is off the screen at once, whatever the node answers. */
export function endGlass(): void {
  const glass = glassNow();
  if (glass === null) return;
  set(null);
  if (Date.parse(glass.until) > Date.now())
    command("break-glass.close/1", { break_glass: glass.id }).catch(() => undefined); // It ends by itself.
}

/** Who has a passkey proves itself by that; everybody else by signing a fresh challenge. */
async function proved(open: () => Promise<Receipt>): Promise<Receipt> {
  try {
    return await open();
  } catch (error) {
    if (asApiError(error).code !== "break-glass-not-reauthenticated") throw error;
    await signInByPasskey(nodeClient());
    return open();
  }
}

/** An instant of the node's as this machine counts: where its clock is wrong the frame would be over before the access is. */
function onThisClock(instant: string): string {
  const aheadMs = nodeClient().clock.nowMs() - Date.now();
  return new Date(Date.parse(instant) - aheadMs).toISOString();
}

async function challenge(): Promise<string | null> {
  const receipt = await command("break-glass.challenge/1", {});
  const { nonce } = (receipt.results[0] ?? {}) as { nonce?: unknown };
  return typeof nonce === "string" ? nonce : null;
}

function glassNow(): OpenGlass | null {
  now ??= kept();
  return now;
}

function kept(): OpenGlass | null {
  try {
    const value = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as
      (OpenGlass & { session: string }) | null;
    const isOurs = value !== null && value.session === sessionNow()?.session;
    return isOurs && Date.parse(value.until) > Date.now() ? value : null;
  } catch {
    return null;
  }
}

function set(glass: OpenGlass | null): void {
  now = glass;
  if (glass === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify({ ...glass, session: sessionNow()?.session }));
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
