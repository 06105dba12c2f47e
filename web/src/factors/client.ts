/**
 * Factors at a node: collect what was offered, look at what is asked, answer it.
 *
 * What a holder shows goes to the node beside its signed command, never in it: a signed command is kept for ever. Start at
 * `collectCredential` and `openRequest`.
 */
import {
  AnswerRefused,
  base64url,
  type Bytes,
  canonical,
  formatInstant,
  type Json,
  type NodeClient,
  parseId,
  type Receipt,
  RecipientPublic,
  TelesphorError,
  utf8,
  utf8Text,
  VerifyKey,
} from "~/kernel";
import { type Answer, type HeldCredential, takeCredential } from "./book";
import { proveKeys } from "./credential";
import { readDocument } from "./document";
import { CREDENTIAL_BYTES_MAX, CredentialRefused, type Group, type Purpose } from "./model";
import { factorName, type FactorWanted, type OpenedRequest, readOpened, type RequestLink } from "./request";

const METADATA_PATH = "/.well-known/openid-credential-issuer";
const TOKEN_PATH = "/v1/credential/token";
const NONCE_PATH = "/v1/credential/nonce";
const CREDENTIAL_PATH = "/v1/credential";
const PRE_AUTHORISED = "urn:ietf:params:oauth:grant-type:pre-authorized_code";
/** A DID document, or an issuer's metadata. */
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** Time to read what one is about to show, and to approve it. */
const REQUEST_SECONDS = 900;

/** What the holder was shown before it accepted, and the code under which the credential waits. */
export interface CredentialOffer {
  readonly code: string;
  readonly group: Group;
  /** Identifier of the issuer that the holder was shown. */
  readonly issuer: string;
  /** Digest of the credential as its issuer noted it. */
  readonly digest: string;
}

/** The pre-authorised code in a credential offer of the node's (OpenID4VCI, section 4.1). */
export function readOffer(value: unknown): string {
  const grants = (value as { grants?: Record<string, Record<string, unknown> | undefined> } | null)?.grants;
  const code = grants?.[PRE_AUTHORISED]?.["pre-authorized_code"];
  if (typeof code !== "string" || code === "") throw new AnswerRefused("the node's answer is no offer");
  return code;
}

/**
 * Collect the credential that was left under a code, by a proof of both keys, and verify it.
 *
 * @throws ClientRefused: the code was used, or is another holder's. CredentialRefused: it does not verify, is for other keys,
 *   or (`offer-differs`) is not the one that the holder was shown.
 */
export async function collectCredential(node: NodeClient, offer: CredentialOffer): Promise<HeldCredential> {
  const form = new URLSearchParams({ grant_type: PRE_AUTHORISED, "pre-authorized_code": offer.code });
  const token = await askText(node, TOKEN_PATH, "access_token", {
    body: utf8(form.toString()),
    headers: FORM,
  });
  const nonce = await askText(node, NONCE_PATH, "c_nonce", {});
  const audience = textIn(await askJson(node, "GET", METADATA_PATH, {}), "credential_issuer");
  const nowMs = node.clock.nowMs();
  const jwt = await proveKeys(node.wallet.signingKey, { nonce, audience, nowMs });
  const ask = { credential_configuration_id: `${offer.group}-hybrid`, proofs: { jwt } };
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await askJson(node, "POST", CREDENTIAL_PATH, { body: utf8(JSON.stringify(ask)), headers });
  const serialized = canonical.encode(firstCredential(answer));
  const issuer = await issuerKey(node, serialized);
  const holder = node.wallet.signingKey.public;
  const held = await takeCredential(serialized, { issuer, holder, nowMs });
  const { credential } = held;
  if (
    credential.group !== offer.group ||
    credential.issuer !== offer.issuer ||
    credential.digest !== offer.digest
  )
    throw new CredentialRefused("offer-differs", "the credential is not the one that was offered");
  return held;
}

/** The pair of a credential's issuer that is an actor of this node, from its DID document. */
export async function issuerKey(node: NodeClient, serialized: Bytes): Promise<VerifyKey> {
  const did = readDocument(serialized).payload.iss;
  const document = await askJson(node, "GET", `/v1/actors/${actorOf(did)}/did.json`, {});
  if (textIn(document, "id") !== did) throw notOfThisNode();
  return readKeys(document);
}

/** Look at a request, which leaves an entry. */
export async function openRequest(node: NodeClient, presentation: string): Promise<OpenedRequest> {
  const receipt = await node.send({ type: "presentation.open/1", body: { presentation } });
  return readOpened(receipt.results[0], presentation);
}

/**
 * Ask oneself for factors, in order to show them at this node: whoever shows who they are in a visit is nobody's answer.
 *
 * @throws AnswerRefused: the node's request is not exactly the one that was asked for.
 */
export async function askOneself(
  node: NodeClient,
  {
    wanted,
    purpose,
    reliedSeconds,
  }: {
    readonly wanted: readonly FactorWanted[];
    readonly purpose: Purpose;
    readonly reliedSeconds: number;
  },
): Promise<OpenedRequest> {
  const presentation = node.ids.next();
  const body = {
    presentation,
    wanted: wanted.map((one) => ({ ...one, accepted: [...one.accepted] })),
    purpose,
    nonce: node.ids.nonce(),
    holder: node.wallet.actor,
    expires_at: formatInstant(node.clock.nowMs() + REQUEST_SECONDS * 1000),
    relied_seconds: reliedSeconds,
  };
  const receipt = await node.send({ type: "presentation.request/1", body });
  const expected = {
    ...body,
    format: "telesphor-presentation-request/1",
    v: 1,
    node: node.origin,
    verifier: node.wallet.actor,
    audience: `${node.origin}/actors/${node.wallet.actor}`,
  };
  // The node returns the digest alone: it is compared with the document that these words must have made.
  return readOpened({ request: expected as unknown as Json, link: receipt.results[0] ?? null }, presentation);
}

/** Send what was approved, then the command that stands for it. */
export async function sendAnswer(node: NodeClient, answer: Answer, link: RequestLink): Promise<Receipt> {
  const headers = { authorization: `Bearer ${link.ticket}`, "content-type": "application/json" };
  await node.http.fetch("POST", link.response_uri, { body: answer.data, headers });
  return node.send(answer.command);
}

/** Decline a request that names oneself, or take back what was shown. */
export function withdraw(node: NodeClient, presentation: string): Promise<Receipt> {
  return node.send({ type: "presentation.withdraw/1", body: { presentation } });
}

/** The names of what a request wants, as approvals name them. */
export function namesOf(wanted: readonly FactorWanted[]): string[] {
  return wanted.map(factorName);
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };

interface Sent {
  readonly body?: Bytes;
  readonly headers?: Record<string, string>;
}

async function askText(node: NodeClient, path: string, member: string, sent: Sent): Promise<string> {
  return textIn(await askJson(node, "POST", path, sent), member);
}

async function askJson(node: NodeClient, method: string, path: string, sent: Sent): Promise<Json> {
  const limit = path === CREDENTIAL_PATH ? 2 * CREDENTIAL_BYTES_MAX : DOCUMENT_BYTES_MAX;
  const data = await node.http.fetch(method, path, { ...sent, limit });
  try {
    return JSON.parse(utf8Text(data)) as Json;
  } catch (cause) {
    throw new AnswerRefused("the node's answer is not what was asked for", { cause });
  }
}

function textIn(value: Json, member: string): string {
  const text = canonical.isObject(value) ? value[member] : undefined;
  if (typeof text !== "string") throw new AnswerRefused("the node's answer is not what was asked for");
  return text;
}

function firstCredential(answer: Json): Json {
  const list = canonical.isObject(answer) ? answer.credentials : undefined;
  const [first] = Array.isArray(list) ? (list as readonly Json[]) : [];
  if (!canonical.isObject(first) || !canonical.isObject(first.credential))
    throw new AnswerRefused("the node's answer has no credential");
  return first.credential;
}

function actorOf(did: string): string {
  try {
    return parseId(did.slice(did.lastIndexOf(":") + 1));
  } catch {
    throw notOfThisNode();
  }
}

/** The pair in a DID document, which has three keys: two to verify by, and one to seal to. */
function readKeys(document: Json): VerifyKey {
  const methods = canonical.isObject(document) ? document.verificationMethod : undefined;
  const jwks = (Array.isArray(methods) ? (methods as readonly Json[]) : []).map((method) => {
    const jwk = canonical.isObject(method) ? method.publicKeyJwk : undefined;
    if (!canonical.isObject(jwk)) return undefined;
    const { kid: _, ...plain } = jwk;
    return plain as Record<string, Json>;
  });
  const [ed25519, mlDsa, kem] = jwks;
  try {
    if (jwks.length !== 3) throw new CredentialRefused("key-refused", "there are three keys");
    new RecipientPublic(base64url.decode(String(kem?.pub)));
    return VerifyKey.fromJwks([ed25519, mlDsa]);
  } catch (cause) {
    if (!(cause instanceof TelesphorError)) throw cause;
    const hint = "it is retired, or has lost its keys";
    throw new CredentialRefused("did-document-refused", "the issuer has no keys in force", { hint, cause });
  }
}

function notOfThisNode(): CredentialRefused {
  const hint = "take it with a wallet that has the issuer's keys";
  return new CredentialRefused("did-document-refused", "the issuer is no actor of this node", { hint });
}
