/**
 * Requests for views, typed by the node's own OpenAPI description where it has the path.
 *
 * Guarantees: only this site is asked; a request names its session in a header that no other site can set; an ended
 * session signs this tab off at once; each refusal is an `ApiError`.
 */

import type { paths } from "~/api/schema";
import { ApiError, offlineError, problemOf, signedOutError } from "./errors";
import { endSession, sessionNow } from "./store";

export type Method = "GET" | "POST" | "PUT" | "DELETE";
type Query = Record<string, string | number | boolean | null | undefined>;

export interface Ask {
  /** Replaces `{visit}` in the path. */
  params?: Record<string, string>;
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Not the person's doing (polling, prefetch): does not keep the session from idling. */
  background?: boolean;
}

/** A view has at most some hundred rows; more than this is not one. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

type Verb<P, M extends string> = P extends keyof paths
  ? M extends keyof paths[P]
    ? paths[P][M]
    : never
  : never;
type Body<V> = V extends { responses: infer R } ? Content<R[keyof R & (200 | 201)]> : unknown;
type Content<A> = A extends { content: { "application/json": infer B } } ? B : unknown;
type Path = (keyof paths & string) | (string & {});

export const api = {
  get: <P extends Path>(path: P, ask: Ask = {}): Promise<Body<Verb<P, "get">>> => request("GET", path, ask),
  post: <P extends Path>(path: P, ask: Ask = {}): Promise<Body<Verb<P, "post">>> =>
    request("POST", path, ask),
  put: <P extends Path>(path: P, ask: Ask = {}): Promise<Body<Verb<P, "put">>> => request("PUT", path, ask),
  del: <P extends Path>(path: P, ask: Ask = {}): Promise<Body<Verb<P, "delete">>> =>
    request("DELETE", path, ask),
  json: <T>(method: Method, path: string, ask: Ask = {}): Promise<T> => request(method, path, ask),
  blob: async (path: string, ask: Ask = {}): Promise<Blob> => (await open("GET", path, ask)).blob(),
};

/** The address of `path` with its parameters and query filled in. Absent values are left out. */
export function addressOf(path: string, { params = {}, query = {} }: Pick<Ask, "params" | "query">): string {
  const filled = path.replace(/\{(\w+)(?::\w+)?\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  }
  return words.size === 0 ? filled : `${filled}?${words}`;
}

async function request<T>(method: Method, path: string, ask: Ask): Promise<T> {
  const response = await open(method, path, ask);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  if (text.length > ANSWER_BYTES_MAX) throw problemOf(response.status, { code: "limit-exceeded" });
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function open(method: Method, path: string, ask: Ask): Promise<Response> {
  const asker = sessionNow()?.session;
  const response = await sent(method, path, ask);
  if (response.ok) return response;
  const problem = problemOf(response.status, await response.json().catch(() => null));
  if (problem.code !== "session-refused" || !ownHeader(ask)) throw problem;
  // Another person may have signed in here meanwhile.
  if (asker === sessionNow()?.session) endSession("expired");
  throw signedOutError();
}

async function sent(method: Method, path: string, ask: Ask): Promise<Response> {
  try {
    return await fetch(addressOf(path, ask), {
      method,
      headers: headersOf(ask),
      body: ask.body === undefined ? null : JSON.stringify(ask.body),
      credentials: "same-origin",
      redirect: "error",
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
  } catch (error) {
    if (ask.signal?.aborted === true) throw error;
    throw offlineError();
  }
}

function headersOf(ask: Ask): Record<string, string> {
  const session = sessionNow();
  return {
    accept: "application/json",
    ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
    ...(session === null ? {} : { "telesphor-session": session.session }),
    ...(ask.background === true ? { "telesphor-background": "1" } : {}),
    ...ask.headers,
  };
}

/** Whether the request spoke for this tab's session, not for another one that is only being tried. */
function ownHeader(ask: Ask): boolean {
  return ask.headers?.["telesphor-session"] === undefined && ask.headers?.["authorization"] === undefined;
}

export { ApiError };
