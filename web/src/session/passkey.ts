/**
 * Passkeys beside the signing keys: the browser's own dialogue, its answer inside a signed command.
 *
 * Specification: docs/spec/passkeys.md; Web Authentication, Level 3.
 */

import type { JsonObject, NodeClient } from "~/kernel";
import { stringsNow } from "~/strings";
import { ApiError, asApiError } from "./errors";
import { command, nodeClient } from "./node";

interface Challenge {
  challenge: string;
  rp: string;
  algorithms: number[];
  passkeys: { credential: string; public_key: string; transports: string[] }[];
}

export function passkeysWork(): boolean {
  return typeof PublicKeyCredential !== "undefined";
}

/** Ask the authenticator for a sign-in, and tell the node. */
export async function signInByPasskey(node: NodeClient): Promise<void> {
  const challenge = await askChallenge(node, "sign-in");
  const got = await ask(challenge.rp, () =>
    navigator.credentials.get({
      publicKey: {
        challenge: bytes(challenge.challenge),
        rpId: challenge.rp,
        userVerification: "required",
        allowCredentials: challenge.passkeys.map(({ credential, transports }) => ({
          type: "public-key",
          id: bytes(credential),
          transports: transports as AuthenticatorTransport[],
        })),
      },
    }),
  );
  const answer = got.response as AuthenticatorAssertionResponse;
  const credential = text(got.rawId);
  const body: JsonObject = {
    credential,
    public_key: challenge.passkeys.find((known) => known.credential === credential)?.public_key ?? "",
    client_data: text(answer.clientDataJSON),
    authenticator_data: text(answer.authenticatorData),
    signature: text(answer.signature),
  };
  await node.send({ type: "passkey.sign-in/1", body });
}

/** Make a passkey for the person who is signed in; who has one already shows that first, if it was not just now. */
export async function addPasskey(person: { name: string }): Promise<void> {
  await shown(() => makePasskey(person));
}

/** Have a passkey of the person's count no more; it shows one of its passkeys first, if it did not just now. */
export async function removePasskey({
  actor,
  credential,
}: {
  actor: string;
  credential: string;
}): Promise<void> {
  await shown(() => command("passkey.remove/1", { id: actor, credential }));
}

/** Do what takes one of the person's passkeys; it is asked for where it was not shown just now. */
async function shown(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (asApiError(error).code !== "passkey-needed") throw error;
    await signInByPasskey(nodeClient());
    await work();
  }
}

async function makePasskey({ name }: { name: string }): Promise<void> {
  const node = nodeClient();
  const challenge = await askChallenge(node, "register");
  const made = await ask(challenge.rp, () =>
    navigator.credentials.create({
      publicKey: {
        challenge: bytes(challenge.challenge),
        rp: { id: challenge.rp, name: "Telesphor" },
        user: { id: new TextEncoder().encode(node.wallet.actor), name, displayName: name },
        pubKeyCredParams: challenge.algorithms.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
        excludeCredentials: challenge.passkeys.map(({ credential }) => ({
          type: "public-key",
          id: bytes(credential),
        })),
        attestation: "none",
      },
    }),
  );
  const answer = made.response as AuthenticatorAttestationResponse;
  await command("passkey.register/1", {
    client_data: text(answer.clientDataJSON),
    attestation: text(answer.attestationObject),
    transports: answer.getTransports(),
  });
}

/** What the browser's own dialogue gives; where it gives nothing, that in the reader's words. */
async function ask(party: string, open: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const words = stringsNow().errors.passkey;
  const refused = (code: string, title: string) =>
    new ApiError({ code, status: 0, title, detail: "", hint: "" });
  try {
    const given = await open();
    if (given !== null) return given as PublicKeyCredential;
  } catch (thrown) {
    const name = thrown instanceof DOMException ? thrown.name : "";
    if (name === "SecurityError") throw refused("passkey-elsewhere", words.elsewhere(party));
    if (name === "InvalidStateError") throw refused("passkey-here-already", words.already);
    if (!["NotAllowedError", "AbortError"].includes(name)) throw thrown;
  }
  throw refused("passkey-not-used", words.notUsed);
}

async function askChallenge(node: NodeClient, purpose: "register" | "sign-in"): Promise<Challenge> {
  const receipt = await node.send({ type: "passkey.challenge/1", body: { purpose } });
  return receipt.results[0] as unknown as Challenge;
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(data: ArrayBuffer): string {
  const plain = Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
