/**
 * One node over `fetch`: bounded answers, problems as `ClientRefused`, broken lines as `NodeUnreachable`.
 *
 * Nothing that is asked here carries cookies: commands are signed, and transfers have tickets. Start at `Http`.
 */
import { type Bytes, concat, utf8Text } from "./bytes";
import { AnswerRefused, ClientRefused, NodeUnreachable } from "./client_errors";
import { TelesphorError } from "./errors";

/** A receipt of a thousand commands with a ticket and a wrap each is under 3 MB. */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const PROBLEM_BYTES_MAX = 64 * 1024;
/** Longer than a node takes for anything, and than a phone takes for 4 MiB at 64 kbit/s. */
const ANSWER_MS_MAX = 10 * 60 * 1000;

/** What is sent with a request. */
export interface Asking {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Bytes | Blob | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One node. */
export class Http {
  readonly #base: string;
  readonly #fetch: typeof fetch;

  /** @param baseUrl empty for the node that served this page, or the page that started this worker. */
  constructor(baseUrl: string, fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#base = (baseUrl || ownOrigin()).replace(/\/+$/, "");
    this.#fetch = fetcher;
  }

  /**
   * Send a request and hand out the answer, whose body is not read yet.
   *
   * @throws ClientRefused, NodeUnreachable; and the signal's own reason when it was that which ended the request.
   */
  async open(method: string, path: string, { headers = {}, body, signal }: Asking = {}): Promise<Response> {
    // A path that an answer named must not become part of the host's name.
    if (!path.startsWith("/")) throw new AnswerRefused("what is asked for is no path of the node");
    const response = await this.#ask(
      path,
      { method, headers, body: body ?? null, ...PLAIN, signal: bounded(signal) },
      signal,
    );
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  /** Send a request and read its whole answer; throws `AnswerRefused` beyond `limit` bytes. */
  async fetch(
    method: string,
    path: string,
    asking: Asking & { readonly limit?: number } = {},
  ): Promise<Bytes> {
    return readBounded(
      await this.open(method, path, asking),
      asking.limit ?? ANSWER_BYTES_MAX,
      asking.signal,
    );
  }

  async #ask(path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
    try {
      return await this.#fetch(this.#base + path, init);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new NodeUnreachable({ cause });
    }
  }
}

/** The body, if it has at most `limit` bytes; throws `AnswerRefused`, `NodeUnreachable`. */
export async function readBounded(response: Response, limit: number, signal?: AbortSignal): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (const reader = response.body?.getReader(); reader !== undefined;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > limit) {
        await reader.cancel();
        throw new AnswerRefused(`the node's answer is larger than \`${limit}\` bytes`);
      }
      parts.push(value);
    }
  } catch (cause) {
    if (cause instanceof TelesphorError) throw cause;
    signal?.throwIfAborted();
    throw new NodeUnreachable({ cause });
  }
  return concat(...parts);
}

const PLAIN: RequestInit = {
  cache: "no-store",
  credentials: "omit",
  redirect: "error",
  referrerPolicy: "no-referrer",
};

function bounded(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(ANSWER_MS_MAX);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** A worker that was made of a blob has no address that a path could be relative to, but it has an origin. */
function ownOrigin(): string {
  return (globalThis as { location?: { origin: string } }).location?.origin ?? "";
}

async function refusalOf(response: Response): Promise<ClientRefused> {
  const { status } = response;
  const { code, detail, hint } = problemIn(await readBounded(response, PROBLEM_BYTES_MAX));
  const date = Date.parse(response.headers.get("date") ?? "");
  const nodeMs = Number.isNaN(date) ? undefined : date;
  const message = detail || `the node answered with status \`${status}\``;
  return new ClientRefused(message, { code: code || `http-${status}`, status, hint, nodeMs });
}

/** A problem document (RFC 9457), or nothing where a server in between answered in its own way. */
function problemIn(data: Bytes): { readonly code: string; readonly detail: string; readonly hint: string } {
  let value: unknown = null;
  try {
    value = JSON.parse(utf8Text(data));
  } catch {
    // not a problem document
  }
  const { code, detail, hint } = (value ?? {}) as Record<string, unknown>;
  const text = (member: unknown) => (typeof member === "string" ? member : "");
  return { code: text(code), detail: text(detail), hint: text(hint) };
}
