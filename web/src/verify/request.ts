/** Signed requests: what an actor asked a node to do (`docs/spec/request.md`), and the one behind an entry. */

import type { Pair } from "./body";
import { exactly, isSamePair, pairOf, textOf } from "./body";
import type { Bytes } from "./bytes";
import { fromBase64url } from "./bytes";
import { EVIDENCE_BYTES_MAX } from "./files";
import type { Json, JsonObject } from "./json";
import { get, isArray, isObject } from "./json";
import type { Jws } from "./jws";
import { readJws, verifyJws } from "./jws";
import type { VerifyKey } from "./keypair";
import type { Placed } from "./ledger";
import { parseId, parseInstant } from "./names";
import { refuse } from "./refusal";

/** A node accepts a request whose time differs from its own by so much at most. */
export const WINDOW_MS = 300_000;
const FORMAT = "telesphor-request/1";
const MEMBERS = ["v", "format", "node", "actor", "keys", "at", "nonce", "commands"];
const COMMANDS_MAX = 1000;
const NONCE_BYTES = 16;

export interface Command {
  readonly type: string;
  readonly body: JsonObject;
}

export interface Request {
  readonly node: string;
  readonly actor: string;
  readonly keys: Pair;
  /** What its signer's clock showed. */
  readonly atMs: number;
  readonly commands: readonly Command[];
}

/** The request that an entry names; its signatures are not verified yet. */
export function requestBehind(placed: Placed, evidence: ReadonlyMap<string, Bytes>): Jws {
  const digest = placed.entry.evidence;
  const data = digest === null ? undefined : evidence.get(digest);
  if (data === undefined) {
    refuse(
      "evidence-missing",
      `the entry at position ${placed.position} has no signed request in the bundle`,
    );
  }
  const jws = readJws(data, EVIDENCE_BYTES_MAX);
  if (jws.digest !== digest) {
    refuse("evidence-mismatch", `the request of position ${placed.position} is filed under a wrong digest`);
  }
  return jws;
}

/** The verified request behind the first of its entries: for this node, under the keys in force, by its actor, then. */
export function openRequest(jws: Jws, key: VerifyKey, placed: Placed, origin: string): Request {
  const request = parseRequest(jws.payload);
  const of = `the request of position ${placed.position}`;
  if (request.node !== origin) refuse("request-for-other-node", `${of} was signed for another node`);
  if (!isSamePair(request.keys, key.thumbprints)) {
    refuse("key-not-in-force", `${of} is signed with keys its actor did not have then`);
  }
  verifyJws(jws, key);
  checkEntry(request, placed);
  return request;
}

/** Refuses unless an entry has the actor and, within the window, the time of its request. */
export function checkEntry(request: Request, { entry, position }: Placed): void {
  if (entry.actor !== request.actor) {
    refuse("request-of-other-actor", `position ${position} names another actor than its request`);
  }
  if (Math.abs(entry.atMs - request.atMs) > WINDOW_MS) {
    const seconds = WINDOW_MS / 1000;
    refuse(
      "request-outside-window",
      `the request of position ${position} is over ${seconds} seconds from its entry`,
    );
  }
}

/** The request in the payload of a signed document. */
export function parseRequest(payload: JsonObject): Request {
  if (get(payload, "v") !== 1 || get(payload, "format") !== FORMAT) {
    refuse("request-refused", `what was signed is not of the format \`${FORMAT}\``);
  }
  exactly(payload, "the request", MEMBERS);
  const commands = get(payload, "commands");
  if (!isArray(commands) || commands.length === 0 || commands.length > COMMANDS_MAX) {
    refuse("request-refused", `the request does not have 1 to ${COMMANDS_MAX} commands`);
  }
  if (fromBase64url(textOf(payload, "nonce")).length !== NONCE_BYTES) {
    refuse("request-refused", `the request's nonce is not ${NONCE_BYTES} bytes`);
  }
  return {
    node: textOf(payload, "node"),
    actor: parseId(textOf(payload, "actor")),
    keys: pairOf(payload, "keys"),
    atMs: parseInstant(textOf(payload, "at")),
    commands: commands.map(parseCommand),
  };
}

function parseCommand(value: Json): Command {
  const command = exactly(value, "a command of the request", ["type", "body"]);
  const body = get(command, "body");
  if (!isObject(body)) refuse("request-refused", "the body of a command is not an object");
  return { type: textOf(command, "type"), body };
}
