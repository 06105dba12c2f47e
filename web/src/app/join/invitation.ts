/**
 * Taking an invitation: look at it, make keys, have the node register them, sign in, give one's name.
 *
 * Guarantees: the code stands in the address's fragment and in a request's body, never in an address that is sent;
 * keys are saved only once the node knows them; the name goes to the directory, never into a signed command.
 */

import type { Wallet } from "~/kernel";
import { api, clientOf, nodeFacts, refreshSession, signIn, signInWith, withWallets } from "~/session";
import { command, type ApiError } from "~/session";

export interface Invitation {
  invitation: string;
  code: string;
}

/** What the node says of an invitation to whoever holds its code. */
export interface Look {
  invitation: string;
  expires_at: string;
  visit: string | null;
  /** The node's site: `clinic.example`. */
  host: string;
  /** What the clinic is called, where it says so. */
  name: string | null;
  actor: string;
  /** The invited has keys already. */
  known: boolean;
  needs_passcode: boolean;
  tries_left: number;
}

export type JoinStep = "keys" | "redeem" | "enter";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CODE = /^[A-Za-z0-9_-]{43}$/;

/** The invitation that a place below `#/join` names; null when it is cut short or is none. */
export function invitationOf(path: readonly string[]): Invitation | null {
  const [invitation = "", code = ""] = path;
  return path.length === 2 && ID.test(invitation) && CODE.test(code) ? { invitation, code } : null;
}

/** The place of a link that somebody pasted; null when it is not one of this site's links. */
export function placeOfLink(link: string, site: string): string | null {
  const text = link.trim();
  const at = text.indexOf("#/join/");
  if (at < 0 || (at > 0 && text.slice(0, at).replace(/\/$/, "") !== site)) return null;
  const path = text
    .slice(at + 2)
    .split("/")
    .slice(1);
  return invitationOf(path) === null ? null : `/join/${path.join("/")}`;
}

export function look({ invitation, code }: Invitation, signal?: AbortSignal): Promise<Look> {
  const ask = { params: { invitation }, body: { code }, ...(signal === undefined ? {} : { signal }) };
  return api.post("/v1/invitations/{invitation}/look", ask);
}

interface Joining {
  name: string;
  passcode?: string;
  onStep: (step: JoinStep) => void;
}

/** Join with new keys. Throws the node's refusal; a wrong passcode leaves the invitation open for another try. */
export async function join(
  invitation: Invitation,
  seen: Look,
  { name, passcode, onStep }: Joining,
): Promise<void> {
  onStep("keys");
  const { origin } = await nodeFacts();
  const wallet = await newWallet(seen.actor);
  onStep("redeem");
  await redeem(invitation, { wallet, origin, ...(passcode === undefined ? {} : { passcode }) });
  await withWallets((store) => store.save(wallet, { origin, label: name }));
  onStep("enter");
  const { actor } = await signInWith(wallet);
  await api.put("/v1/app/people/{actor}", { params: { actor }, body: { name } });
  await refreshSession();
}

/** Take the link as somebody who has keys in this browser: sign in, claim it, and accept it with a signature. */
export async function accept(invitation: Invitation, actor: string, passcode?: string): Promise<void> {
  await signIn(actor);
  const body = { code: invitation.code, ...(passcode === undefined ? {} : { passcode }) };
  await api.post("/v1/invitations/{invitation}/claim", {
    params: { invitation: invitation.invitation },
    body,
  });
  await command("invitation.accept/1", { invitation: invitation.invitation });
  await refreshSession(); // It may have brought a role.
}

/** Where the invited goes next: to the visit, in the journey of the part that they have. */
export function nextPlace(seen: Look, journey: string): string {
  return seen.visit === null ? `/${journey}` : `/${journey}/visits/${seen.visit}`;
}

/** The tries that are left, where the refusal says it. */
export function isWrongPasscode(error: ApiError): boolean {
  return error.code === "passcode-refused" || error.code === "passcode-needed";
}

async function newWallet(actor: string): Promise<Wallet> {
  const { createWallet, IdSource, systemClock } = await import("~/kernel");
  return createWallet({ kind: "person", ids: new IdSource(systemClock), actor });
}

async function redeem(
  { invitation, code }: Invitation,
  { wallet, origin, passcode }: { wallet: Wallet; origin: string; passcode?: string },
): Promise<void> {
  const { registrationOf } = await import("~/kernel");
  await clientOf(wallet); // Sets the clock right before anything is signed.
  const registration = await registrationOf(wallet, { node: origin });
  const body = { code, registration, ...(passcode === undefined ? {} : { passcode }) };
  await api.post("/v1/invitations/{invitation}/redeem", { params: { invitation }, body });
}
