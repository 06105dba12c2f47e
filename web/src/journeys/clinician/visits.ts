/** What a clinician does with a visit: each a signed command, or several that are taken together or not at all. */

import { canonical, commit, digestOf, resultOf, base64url, randomBytes } from "~/kernel";
import { api, asApiError, command, commands, nodeClient, type ApiError } from "~/session";
import type { ConsentText, Seat, SeatRole, Visit } from "./shapes";

/** A link is good for as long as somebody may take to find it in the mail. */
const LINK_MS = 24 * 3_600_000;
const CODE_BYTES = 32;
const PROOF_BYTES_MAX = 256 * 1024 * 1024;

/** Go in, and let these in with one request: the first time it begins the visit. */
export async function admit(visit: Visit, seats: readonly Seat[]): Promise<void> {
  const isOut = visit.mine?.role === "clinician" && visit.mine.state !== "admitted";
  const begin = isOut ? [{ type: "visit.begin/1", body: { visit: visit.visit } }] : [];
  const admits = seats.map(({ actor }) => ({
    type: "visit.admit/1",
    body: { visit: visit.visit, participant: actor },
  }));
  const list = [...begin, ...admits];
  if (list.length > 0) await commands(...list);
}

export function moderate(visit: string, participant: string, what: "lobby" | "remove") {
  return command(what === "lobby" ? "visit.return/1" : "visit.remove/1", { visit, participant });
}

export function leave(visit: string) {
  return command("visit.leave/1", { visit });
}

export function end(visit: string, outcome: "completed" | "cancelled" | "missed") {
  return command("visit.end/1", { visit, outcome });
}

export function close(visit: string) {
  return command("visit.close/1", { visit });
}

export function confirmIdentity(visit: string, participant: string, identifiers: readonly string[]) {
  return command("visit.confirm-identity/1", { visit, participant, identifiers: [...identifiers] });
}

export function consent(visit: string, { kind, digest, language }: ConsentText) {
  return command("visit.give-consent/1", { visit, consent: kind, text: digest, language });
}

export function withdraw(visit: string, kind: string) {
  return command("visit.withdraw-consent/1", { visit, consent: kind });
}

/** The visit's proof as a file. */
export async function exportVisit(visit: string): Promise<Blob> {
  const receipt = await command("visit.export/1", { visit });
  const { path, ticket } = resultOf(receipt, { path: "string", ticket: "string" });
  const headers = { authorization: `Bearer ${ticket}` };
  const data = await nodeClient().get(path, { headers, limit: PROOF_BYTES_MAX });
  return new Blob([data], { type: "application/zip" });
}

/** A link that works once. `passcode` is told by another way, and is null where none was asked for. */
export interface Invitation {
  link: string;
  passcode: string | null;
  visit: string;
  /** Set where the invited's name could not be kept; the link works all the same. */
  unnamed: Unnamed | null;
}

/** A name that the directory did not take, and why. */
export interface Unnamed {
  actor: string;
  name: string;
  error: ApiError;
}

export interface Invited {
  name: string;
  role: Exclude<SeatRole, "clinician">;
  withPasscode: boolean;
}

/** Invite somebody new to a visit that is there. */
export async function invite(visit: string, invited: Invited): Promise<Invitation> {
  const { made, seat, invitation } = prepare(visit, invited);
  await commands(made, seat);
  return { ...invitation, unnamed: await nameInvited({ actor: made.body.actor, name: invited.name }) };
}

export interface Appointment {
  startsAt: Date;
  minutes: number;
  /** Somebody whom one knows, who needs no link. */
  patient: string | null;
  name: string;
  withPasscode: boolean;
}

/** Schedule a visit; for somebody new, with the link in the same request. */
export async function schedule(clinician: string, asked: Appointment): Promise<Invitation> {
  const visit = nodeClient().ids.next();
  const { made, seat, invitation } = prepare(visit, {
    name: asked.name,
    role: "patient",
    withPasscode: asked.withPasscode,
  });
  const body = {
    visit,
    patient: asked.patient ?? made.body.actor,
    clinician,
    devices: [],
    starts_at: asked.startsAt.toISOString(),
    minutes: asked.minutes,
  };
  const scheduled = { type: "visit.schedule/1", body };
  if (asked.patient !== null) {
    await commands(scheduled);
    return { link: "", passcode: null, visit, unnamed: null };
  }
  await commands(scheduled, made, seat);
  return { ...invitation, unnamed: await nameInvited({ actor: made.body.actor, name: asked.name }) };
}

function prepare(visit: string, { role, withPasscode }: Invited) {
  const { ids } = nodeClient();
  const [invitation, actor, code] = [ids.next(), ids.next(), randomBytes(CODE_BYTES)];
  const passcode = withPasscode ? newPasscode() : null;
  const made = {
    type: "invitation.make/1",
    body: {
      invitation,
      actor,
      kind: "person",
      code: digestOf(code),
      visit,
      expires_at: new Date(nodeClient().clock.nowMs() + LINK_MS).toISOString(),
      ...(passcode === null ? {} : { passcode: commit(canonical.encode(passcode), code) }),
    },
  };
  const seat = { type: "visit.invite/1", body: { visit, participant: actor, role, invitation } };
  const link = `${location.origin}/#/join/${invitation}/${base64url.encode(code)}`;
  return { made, seat, invitation: { link, passcode, visit } };
}

/**
 * The name goes to the directory, never into a command; null once it is kept. Without one, the person is asked for it when
 * joining. The link is made by then, so that a name that is not taken throws nothing away.
 */
export async function nameInvited({ actor, name }: Pick<Unnamed, "actor" | "name">): Promise<Unnamed | null> {
  const given = name.trim();
  if (given === "") return null;
  try {
    await api.put(`/v1/app/people/${actor}`, { body: { name: given } });
    return null;
  } catch (error) {
    return { actor, name: given, error: asApiError(error) };
  }
}

/** Six digits without a bias: bytes that would bring one are drawn again. */
export function newPasscode(): string {
  let digits = "";
  while (digits.length < 6) {
    for (const byte of randomBytes(8)) if (byte < 250 && digits.length < 6) digits += String(byte % 10);
  }
  return digits;
}
