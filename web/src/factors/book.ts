/**
 * A holder's credentials, and approving what of them is shown.
 *
 * What this module guarantees: nothing is shown but the factors that were named, to the verifier and the node that the
 * request names, under the request's nonce. `offersFor` says what would be shown, for a person to approve; `approve` then makes
 * the answer of exactly the approved names. Nothing here is kept: see `store.ts`.
 */
import {
  type Bytes,
  canonical,
  type Command,
  digestOf,
  LimitExceeded,
  type VerifyKey,
  type Wallet,
} from "~/kernel";
import { presentCredential, verifyCredential } from "./credential";
import { type Credential, CredentialRefused, type Factor, factorText } from "./model";
import { checkRequest, factorName, type FactorWanted, type PresentationRequest } from "./request";

const RESPONSE_BYTES_MAX = 1024 * 1024;

/** One credential as its holder has it. */
export interface HeldCredential {
  /** The hybrid form with all its disclosures. */
  readonly serialized: Bytes;
  /** The pair that signed it. */
  readonly issuer: VerifyKey;
  readonly credential: Credential;
}

/** What would be shown for one factor that is asked for; without a credential, nothing can be. */
export interface Offer {
  readonly wanted: FactorWanted;
  readonly held: HeldCredential | null;
  readonly factor: Factor | null;
}

/** An answer, and the command that stands for it. */
export interface Answer {
  readonly data: Bytes;
  readonly command: Command;
}

/** Who answers, where, and when. */
export interface Answering {
  readonly wallet: Wallet;
  /** Origin of the node that the request came from. */
  readonly node: string;
  readonly nowMs: number;
}

/**
 * Take a credential in, once its issuer's two signatures verify and it is bound to this holder.
 *
 * @throws CredentialRefused: it does not verify, has expired, or was issued to other keys (`credentials-refused`).
 */
export async function takeCredential(
  serialized: Bytes,
  {
    issuer,
    holder,
    nowMs,
  }: { readonly issuer: VerifyKey; readonly holder: VerifyKey; readonly nowMs: number },
): Promise<HeldCredential> {
  const credential = await verifyCredential(serialized, { issuer, nowMs });
  if (credential.holder.keyId !== holder.keyId) {
    const hint = "ask for one to your present keys";
    const message = "the credential was issued to other keys than these";
    throw new CredentialRefused("credentials-refused", message, { hint });
  }
  return { serialized, issuer, credential };
}

/** What would be shown for each factor that is asked for; throws `request-not-for-me`, `request-over`. */
export function offersFor(
  request: PresentationRequest,
  book: readonly HeldCredential[],
  { wallet, node, nowMs }: Answering,
): Offer[] {
  checkRequest(request, { holder: wallet.actor, node, nowMs });
  return request.wanted.map((wanted) => offerFor(wanted, book, { wallet, nowMs }));
}

/**
 * Make the answer that shows exactly the approved factors.
 *
 * @param names approved, each as `group.name`; whether one by one or all at once is the person's choice.
 * @throws CredentialRefused: `approval-refused` for a name that was not asked for, or one lacking that is needed;
 *   `factor-not-held` where no credential shows it; and as `offersFor`.
 */
export async function approve(
  request: PresentationRequest,
  book: readonly HeldCredential[],
  { names, ...answering }: Answering & { readonly names: readonly string[] },
): Promise<Answer> {
  const offers = offersFor(request, book, answering);
  checkApproval(offers, names);
  const chosen = new Map<HeldCredential, string[]>();
  for (const { wanted, held } of offers) {
    if (!names.includes(factorName(wanted))) continue;
    if (held === null) {
      const message = `no credential here can show \`${factorName(wanted)}\` as it is asked for`;
      throw new CredentialRefused("factor-not-held", message, { kind: "not-found" });
    }
    chosen.set(held, [...(chosen.get(held) ?? []), wanted.name]);
  }
  const vpToken: Record<string, string[]> = {};
  for (const [{ serialized, credential }, shown] of chosen) {
    const { nonce, audience } = request;
    const holder = answering.wallet.signingKey;
    const showing = { names: shown, holder, nonce, audience, nowMs: answering.nowMs };
    const vp = await presentCredential(serialized, showing);
    vpToken[credential.group] = [...(vpToken[credential.group] ?? []), vp];
  }
  return writeAnswer(request, { holder: answering.wallet.actor, vpToken, names });
}

function writeAnswer(
  request: PresentationRequest,
  answer: { holder: string; vpToken: Record<string, string[]>; names: readonly string[] },
): Answer {
  const data = canonical.encode({
    format: "telesphor-presentation/1",
    v: 1,
    presentation: request.presentation,
    holder: answer.holder,
    vp_token: answer.vpToken,
    status_lists: {},
  });
  if (data.length > RESPONSE_BYTES_MAX)
    throw new LimitExceeded(`the answer has \`${data.length}\` bytes, more than \`${RESPONSE_BYTES_MAX}\``);
  const body = {
    presentation: request.presentation,
    // Of what was read and checked here: should the node mean another document, it refuses its own.
    request: digestOf(canonical.encode(request)),
    approved: [...answer.names].sort(),
    vp: digestOf(data),
  };
  return { data, command: { type: "presentation.present/1", body } };
}

function checkApproval(offers: readonly Offer[], names: readonly string[]): void {
  const asked = offers.map(({ wanted }) => factorName(wanted));
  const refused = (message: string, hint = "") =>
    new CredentialRefused("approval-refused", message, { hint });
  if (new Set(names).size !== names.length || names.some((name) => !asked.includes(name)))
    throw refused("a factor is approved that was not asked for, or twice");
  for (const { wanted } of offers) {
    if (!wanted.optional && !names.includes(factorName(wanted)))
      throw refused(
        `the verifier needs \`${factorName(wanted)}\`, and it is not approved`,
        "without it there is no answer",
      );
  }
  if (names.length === 0) throw refused("nothing is approved, so there is nothing to show");
}

/** From the credential that lasts longest, of those that show the factor as it is wanted and are bound to these keys. */
function offerFor(
  wanted: FactorWanted,
  book: readonly HeldCredential[],
  { wallet, nowMs }: Pick<Answering, "wallet" | "nowMs">,
): Offer {
  const fitting = book.flatMap((held) => {
    const { credential } = held;
    const factor = credential.factors.find(({ name }) => name === wanted.name);
    const isMine = credential.holder.keyId === wallet.signingKey.public.keyId;
    const holds = credential.group === wanted.group && credential.expiresMs > nowMs && isMine;
    return holds && factor !== undefined && fits(factor, wanted) ? [{ held, factor }] : [];
  });
  const [best] = fitting.sort(
    (one, other) => other.held.credential.expiresMs - one.held.credential.expiresMs,
  );
  return { wanted, held: best?.held ?? null, factor: best?.factor ?? null };
}

function fits(factor: Factor, wanted: FactorWanted): boolean {
  if (wanted.vouched === "issuer" && factor.vouching.vouched !== "issuer") return false;
  return wanted.accepted.length === 0 || wanted.accepted.includes(factorText(factor));
}
