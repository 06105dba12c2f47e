/**
 * What an administrator does: each is a command that its own keys sign, and each stands on the ledger under its name.
 *
 * Guarantees: a name goes to the directory and never into a command; a refusal comes back in the reader's words where
 * there are some for its code (`strings`, `refusals`).
 */

import { base64url, canonical, commit, digestOf, randomBytes } from "~/kernel";
import { ApiError, asApiError, command, nodeClient } from "~/session";
import { nameInvited, newPasscode, type Invitation } from "../clinician/visits";

/** As long as a link to a visit: who did not come is invited anew. */
const LINK_MS = 24 * 3_600_000;
const CODE_BYTES = 32;

export type PauseReason = "away" | "left" | "incident";
export type DeviceReason = "lost" | "stolen" | "compromised" | "decommissioned" | "error";

export interface Invited {
  name: string;
  /** The groups whose roles the invited has from the start. */
  groups: readonly string[];
  withPasscode: boolean;
}

/** Make a link for somebody new. It is known here alone, and shown once. */
export async function invite({ name, groups, withPasscode }: Invited): Promise<Invitation> {
  const { ids, clock } = nodeClient();
  const [invitation, actor, code] = [ids.next(), ids.next(), randomBytes(CODE_BYTES)];
  const passcode = withPasscode ? newPasscode() : null;
  await command("invitation.make/1", {
    invitation,
    actor,
    kind: "person",
    code: digestOf(code),
    expires_at: new Date(clock.nowMs() + LINK_MS).toISOString(),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(passcode === null ? {} : { passcode: commit(canonical.encode(passcode), code) }),
  });
  const unnamed = await nameInvited({ actor, name });
  const link = `${location.origin}/#/join/${invitation}/${base64url.encode(code)}`;
  return { link, passcode, visit: "", unnamed };
}

export function withdraw(invitation: string) {
  return command("invitation.withdraw/1", { invitation });
}

export function giveRole(group: string, member: string) {
  return command("group.add/1", { group, member });
}

export function takeRole(group: string, member: string) {
  return command("group.remove/1", { group, member });
}

export function suspend(actor: string, reason: PauseReason) {
  return command("actor.pause/1", { actor, reason });
}

export function restore(actor: string) {
  return command("actor.resume/1", { actor });
}

export function revokeDevice(device: string, reason: DeviceReason) {
  return command("device.revoke/1", { device, reason });
}

/** Whatever an act was refused for, in these words where they know its code. */
export function inWords(thrown: unknown, words: Readonly<Record<string, string>>): ApiError {
  const error = asApiError(thrown);
  const said = words[error.code];
  if (said === undefined) return error;
  const { code, status, title } = error;
  return new ApiError({ code, status, title, detail: said, hint: "" });
}
