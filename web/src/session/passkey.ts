/**
 * Passkeys beside the signing keys: the browser's own dialogue, its answer inside a signed command.
 *
 * Specification: docs/spec/passkeys.md; Web Authentication, Level 3.
 */

import type { JsonObject, NodeClient } from "~/kernel";
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
  const got = (await navigator.credentials.get({
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
  })) as PublicKeyCredential | null;
  if (got === null) throw new Error("no passkey was chosen");
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

/** Make a passkey for the person who is signed in. */
export async function addPasskey({ name }: { name: string }): Promise<void> {
  const node = nodeClient();
  const challenge = await askChallenge(node, "register");
  const made = (await navigator.credentials.create({
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
  })) as PublicKeyCredential | null;
  if (made === null) throw new Error("no passkey was made");
  const answer = made.response as AuthenticatorAttestationResponse;
  await command("passkey.register/1", {
    client_data: text(answer.clientDataJSON),
    attestation: text(answer.attestationObject),
    transports: answer.getTransports(),
  });
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
