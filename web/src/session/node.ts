/**
 * Acting on the node: the wallet of this tab's person signs commands, and a session is begun with one.
 *
 * Guarantees: the kernel, with its cryptography, is loaded when it is first needed and not before; a browser whose
 * clock is wrong signs with the node's time, so that its requests are not refused as old.
 */

import type { JsonObject, NodeClient, Receipt, Wallet } from "~/kernel";
import { api } from "./api";
import { asApiError, offlineError } from "./errors";
import { signInByPasskey } from "./passkey";
import { beginSession, endSession, forgetKept, keptSession, sessionNow, type Session } from "./store";

export interface KnownPerson {
  actor: string;
  kind: string;
  label: string;
}

interface SessionAnswer {
  session: string;
  actor: string;
  kind: string;
  roles: string[];
  name: string | null;
  expires_at: string;
  idle_seconds: number;
}

/** A checkpoint has three lines and some signatures. */
const CHECKPOINT_CHARS_MAX = 64 * 1024;
/** Clocks differ by seconds everywhere; more than this is a wrong clock. */
const CLOCK_SLACK_MS = 30_000;

let client: NodeClient | null = null;
let told: Promise<{ origin: string; aheadMs: number }> | null = null;

export const kernel = () => import("~/kernel");

/** The people whose keys this browser holds for this node. */
export async function knownPeople(): Promise<KnownPerson[]> {
  const [{ origin }, list] = await Promise.all([nodeFacts(), withWallets((store) => store.list())]);
  return list
    .filter((wallet) => wallet.origin === origin)
    .map(({ actor, kind, label }) => ({ actor, kind, label }));
}

/** Sign in with the keys that this browser holds for `actor`. */
export async function signIn(actor: string): Promise<Session> {
  return signInWith(await withWallets((store) => store.load(actor)));
}

/** Sign in with `wallet`: one signed command gives a ticket, and the ticket begins the session. */
export async function signInWith(wallet: Wallet): Promise<Session> {
  const node = await clientOf(wallet);
  try {
    const ticket = await sessionTicket(node);
    const headers = { authorization: `Bearer ${ticket}` };
    const session = sessionOf(await api.json<SessionAnswer>("POST", "/v1/session", { headers }));
    if (sessionNow() !== null) void signOut(); // Whoever was here before; the node drops that session too.
    client = node;
    beginSession(session);
    return session;
  } catch (error) {
    throw asApiError(error);
  }
}

/** The session that this tab had before it was loaded anew; null when it is over. */
export async function resume(): Promise<Session | null> {
  const kept = keptSession();
  if (kept === null) return null;
  try {
    const headers = { "telesphor-session": kept };
    const session = sessionOf(await api.json<SessionAnswer>("GET", "/v1/session", { headers }));
    client = await clientOf(await withWallets((store) => store.load(session.actor)));
    beginSession(session);
    return session;
  } catch (error) {
    if (asApiError(error).code !== "offline") forgetKept();
    return null;
  }
}

/** Look again at who one is: roles and name as of now. */
export async function refreshSession(): Promise<void> {
  const session = sessionNow();
  if (session !== null) beginSession(sessionOf(await api.json<SessionAnswer>("GET", "/v1/session")));
}

export async function signOut(reason: "signed-out" | "idle" = "signed-out"): Promise<void> {
  const ended = api.json("DELETE", "/v1/session").catch(() => undefined); // Reads the session's number before it goes.
  client = null;
  endSession(reason);
  await ended;
}

/** Sign one command and have it taken; the receipt says where it stands on the ledger. */
export function command(type: string, body: object): Promise<Receipt> {
  return commands({ type, body });
}

/** Sign several commands as one request: all are taken, or none. */
export async function commands(...list: { type: string; body: object }[]): Promise<Receipt> {
  try {
    return await nodeClient().send(...list.map(({ type, body }) => ({ type, body: body as JsonObject })));
  } catch (error) {
    throw asApiError(error);
  }
}

/** The kernel's client of this tab's person: for objects, envelopes and tickets. */
export function nodeClient(): NodeClient {
  if (client === null) throw new Error("nobody is signed in here");
  return client;
}

export function wallet(): Wallet {
  return nodeClient().wallet;
}

/** A client that speaks for `wallet`. */
export async function clientOf(own: Wallet): Promise<NodeClient> {
  const [{ NodeClient, systemClock }, { origin, aheadMs }] = await Promise.all([kernel(), nodeFacts()]);
  const clock = { nowMs: () => systemClock.nowMs() + aheadMs };
  return new NodeClient({ baseUrl: "", origin, wallet: own, clock });
}

/** The node's origin, from its checkpoint, and how far its clock is ahead of this machine's. */
export function nodeFacts(): Promise<{ origin: string; aheadMs: number }> {
  told ??= askNode().catch((error: unknown) => {
    told = null;
    throw error;
  });
  return told;
}

/** The node's time in ms. A wrong clock of this machine's is set right. */
export async function nodeNow(): Promise<number> {
  return Date.now() + (await nodeFacts()).aheadMs;
}

/** Work with this browser's key store, and close it. */
export async function withWallets<T>(work: (store: Wallets) => Promise<T>): Promise<T> {
  const { WalletStore } = await kernel();
  const store = await WalletStore.open({});
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

type Wallets = Awaited<ReturnType<(typeof import("~/kernel"))["WalletStore"]["open"]>>;

async function sessionTicket(node: NodeClient): Promise<string> {
  try {
    return ticketOf(await node.send({ type: "session.open/1", body: {} }));
  } catch (error) {
    if (asApiError(error).code !== "passkey-needed") throw error;
    await signInByPasskey(node);
    return ticketOf(await node.send({ type: "session.open/1", body: {} }));
  }
}

function ticketOf(receipt: Receipt): string {
  const result = receipt.results[0] as { ticket?: unknown } | undefined;
  if (typeof result?.ticket !== "string") throw new Error("the node's answer has no ticket");
  return result.ticket;
}

async function askNode(): Promise<{ origin: string; aheadMs: number }> {
  const response = await fetch("/checkpoint", { cache: "no-store" }).catch(() => null);
  if (response?.ok !== true) throw offlineError();
  const text = (await response.text()).slice(0, CHECKPOINT_CHARS_MAX);
  return {
    origin: text.split("\n", 1)[0] ?? "",
    aheadMs: clockDifference(response.headers.get("date"), Date.now()),
  };
}

/** How far the node's clock is ahead, from the `Date` of its answer (whole seconds); 0 when it is about ours. */
export function clockDifference(date: string | null, nowMs: number): number {
  const ahead = Date.parse(date ?? "") - nowMs;
  return Number.isFinite(ahead) && Math.abs(ahead) > CLOCK_SLACK_MS ? ahead : 0;
}

function sessionOf(answer: SessionAnswer): Session {
  const { session, actor, kind, roles, name, expires_at, idle_seconds } = answer;
  return { session, actor, kind, roles, name, expiresAt: expires_at, idleSeconds: idle_seconds };
}
