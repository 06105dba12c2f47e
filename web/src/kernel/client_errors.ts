/**
 * What can go wrong between a browser and its node.
 */
import type { Bytes } from "./bytes";
import { type Kind, type Said, TelesphorError } from "./errors";

/** What the node said besides its code. */
export interface Refusal extends Said {
  readonly code: string;
  readonly status: number;
  /** The node's own time, where it told it. */
  readonly nodeMs?: number | undefined;
}

/** The node refused, and said why (RFC 9457); `code` is the node's own, such as `request-expired`. */
export class ClientRefused extends TelesphorError {
  readonly status: number;
  readonly nodeMs: number | undefined;

  constructor(message: string, { code, status, nodeMs, ...said }: Refusal) {
    super(code, KINDS[status] ?? (status >= 500 ? "internal" : "invalid"), message, said);
    this.status = status;
    this.nodeMs = nodeMs;
  }
}

/** The node does not answer, or the connection broke; whether a command was taken is not known. */
export class NodeUnreachable extends TelesphorError {
  /** The signed bytes that may or may not have been taken: sending the same ones again does no harm. */
  readonly request: Bytes | undefined;

  constructor(said: Said & { readonly request?: Bytes } = {}) {
    const hint = "try again when the connection is back";
    super("node-unreachable", "overloaded", "the node does not answer, or the connection broke", {
      hint,
      ...said,
    });
    this.request = said.request;
  }
}

/** The node answered something that is no answer to what was asked, or too large. */
export class AnswerRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("answer-refused", "corrupt", message, said);
  }
}

/** A transfer broke again and again without getting further. */
export class TransferFailed extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("transfer-failed", "overloaded", message, { hint: "go on when the node is back", ...said });
  }
}

const KINDS: Readonly<Record<number, Kind>> = {
  401: "unauthenticated",
  403: "forbidden",
  404: "not-found",
  409: "conflict",
  410: "gone",
  413: "too-large",
  416: "range",
  503: "overloaded",
  507: "storage",
};
