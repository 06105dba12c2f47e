/**
 * What a verifier asks for: the request document, read strictly, and whether this holder should answer it at this node.
 *
 * The holder's signed answer names the document by its digest, so that nobody can show one request and have another
 * answered. Bytes: `docs/spec/presentations.md`. Start at `readRequest`.
 */
import { AnswerRefused, canonical, digestOf, type Digest, type Json, parseInstant } from "~/kernel";
import { isCount, isList } from "./document";
import { CredentialRefused, type Group, isGroup, type Purpose, PURPOSES } from "./model";

/** Factors in one request: a person has to read and approve each of them. */
export const WANTED_MAX = 32;
const ACCEPTED_MAX = 60;
const RELIED_SECONDS_MIN = 60;
const RELIED_SECONDS_MAX = 30 * 24 * 3600;

/** One factor that a verifier asks for. */
export interface FactorWanted {
  readonly group: Group;
  readonly name: string;
  /** Values that are good enough; any when empty. */
  readonly accepted: readonly string[];
  readonly vouched: "issuer" | "any";
  readonly optional: boolean;
}

export interface PresentationRequest {
  readonly format: "telesphor-presentation-request/1";
  readonly v: 1;
  readonly presentation: string;
  readonly node: string;
  readonly verifier: string;
  readonly audience: string;
  readonly nonce: string;
  readonly wanted: readonly FactorWanted[];
  readonly purpose: Purpose;
  readonly holder: string | null;
  readonly expires_at: string;
  readonly relied_seconds: number;
}

/** Where the answer goes, and the ticket to send with it. */
export interface RequestLink {
  readonly presentation: string;
  readonly request: Digest;
  readonly ticket: string;
  readonly response_uri: string;
}

/** A request as the holder sees it; its canonical bytes have the digest that `link` names. */
export interface OpenedRequest {
  readonly request: PresentationRequest;
  readonly link: RequestLink;
}

/** `group.name` */
export function factorName({ group, name }: Pick<FactorWanted, "group" | "name">): string {
  return `${group}.${name}`;
}

/** The request and its link out of a result of the node's; throws `AnswerRefused` where they are not one. */
export function readOpened(result: Json | undefined, presentation: string): OpenedRequest {
  const { request, link } = (canonical.isObject(result) ? result : {}) as Record<string, Json>;
  const read = readRequest(request);
  if (!isLink(link) || link.request !== digestOf(canonical.encode(request)))
    throw new AnswerRefused("the request is not the one that the ledger names");
  if (read.presentation !== presentation || link.presentation !== presentation)
    throw new AnswerRefused("the request is another than the one that was asked for");
  return { request: read, link };
}

/** A request document with exactly the members of one; throws `AnswerRefused`. */
export function readRequest(value: Json | undefined): PresentationRequest {
  const names = ["audience", "expires_at", "format", "holder", "node", "nonce", "presentation", "purpose"];
  const holds =
    canonical.hasExactly(value, [...names, "relied_seconds", "v", "verifier", "wanted"]) &&
    value.format === "telesphor-presentation-request/1" &&
    value.v === 1 &&
    isText(value.presentation, ID) &&
    isText(value.verifier, ID) &&
    (value.holder === null || isText(value.holder, ID)) &&
    isText(value.nonce, NONCE) &&
    isText(value.node, ORIGIN) &&
    isText(value.audience, ORIGIN) &&
    isText(value.expires_at, INSTANT) &&
    PURPOSES.includes(value.purpose as Purpose) &&
    isCount(value.relied_seconds, RELIED_SECONDS_MAX) &&
    value.relied_seconds >= RELIED_SECONDS_MIN &&
    isList(value.wanted, WANTED_MAX) &&
    value.wanted.length > 0 &&
    value.wanted.every(isWanted);
  if (!holds) throw new AnswerRefused("the request does not have the one form of its format");
  const request = value as unknown as PresentationRequest;
  if (new Set(request.wanted.map(factorName)).size !== request.wanted.length)
    throw new AnswerRefused("the request asks for a factor twice");
  return request;
}

/** Whether this holder should answer it, here and now; throws `request-not-for-me`, `request-over`. */
export function checkRequest(
  request: PresentationRequest,
  at: { readonly holder: string; readonly node: string; readonly nowMs: number },
): void {
  if (request.node !== at.node || request.audience !== `${at.node}/actors/${request.verifier}`)
    throw new CredentialRefused("request-not-for-me", "the request is not of this node and its verifier");
  if (request.holder !== null && request.holder !== at.holder)
    throw new CredentialRefused("request-not-for-me", "the request asks another actor");
  if (parseInstant(request.expires_at) <= at.nowMs) {
    const hint = "the verifier asks anew";
    throw new CredentialRefused("request-over", "the request has expired", { kind: "gone", hint });
  }
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NONCE = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const ORIGIN = /^[!-~]{1,255}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const ACCEPTED = /^(?:true|false|[A-Z][A-Z0-9-]{0,5})$/;
const PATH = /^\/v1\/[!-~]{1,200}$/;
const TICKET = /^[!-~]{1,200}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

function isWanted(value: Json): boolean {
  return (
    canonical.hasExactly(value, ["accepted", "group", "name", "optional", "vouched"]) &&
    isGroup(value.group) &&
    isText(value.name, NAME) &&
    isList(value.accepted, ACCEPTED_MAX) &&
    value.accepted.every((one) => isText(one, ACCEPTED)) &&
    (value.vouched === "issuer" || value.vouched === "any") &&
    typeof value.optional === "boolean"
  );
}

function isLink(value: Json | undefined): value is Json & RequestLink {
  if (!canonical.isObject(value)) return false;
  const { presentation, request, ticket, response_uri: place } = value;
  return isText(presentation, ID) && isText(request, DIGEST) && isText(ticket, TICKET) && isText(place, PATH);
}

function isText(value: Json | undefined, form: RegExp): value is string {
  return typeof value === "string" && form.test(value);
}
