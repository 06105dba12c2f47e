/** One error for whatever the node or the line refuses: a stable code, words of the node, and what one can do. */

import { stringsNow } from "~/strings";

interface Parts {
  code: string;
  status: number;
  title: string;
  detail: string;
  hint: string;
}

/** `code` is the node's own; `offline` when nothing answered, `signed-out` when the session ended. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;

  constructor({ code, status, title, detail, hint }: Parts) {
    super(detail === "" ? title : detail);
    [this.code, this.status, this.title, this.detail, this.hint] = [code, status, title, detail, hint];
  }
}

export function offlineError(): ApiError {
  const { title, hint } = stringsNow().errors.offline;
  return new ApiError({ code: "offline", status: 0, title, detail: "", hint });
}

export function signedOutError(): ApiError {
  const { title, hint } = stringsNow().errors.signedOut;
  return new ApiError({ code: "signed-out", status: 401, title, detail: "", hint });
}

/** The error of a problem document (RFC 9457), or of an answer that is none. */
export function problemOf(status: number, body: unknown): ApiError {
  const said = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const word = (name: string) => (typeof said[name] === "string" ? said[name] : "");
  return new ApiError({
    code: word("code") || `http-${status}`,
    status,
    title: word("title") || stringsNow().errors.unknown,
    detail: word("detail"),
    hint: word("hint"),
  });
}

/** Whatever was thrown, as one that a page can show. The kernel's own errors have `code` and `hint` too. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (!(thrown instanceof Error)) return problemOf(0, null);
  const { code = "internal", status = 0, hint = "" } = thrown as Partial<Parts> & Error;
  if (code === "node-unreachable") return offlineError();
  return new ApiError({ code, status, title: stringsNow().errors.unknown, detail: thrown.message, hint });
}
