/** What a person does with factors: accept an offer, look at a request, answer or refuse it, show who one is in a visit. */

import type { NodeClient } from "~/kernel";
import { api, asApiError, command, nodeClient } from "~/session";
import { approve, type HeldCredential } from "../book";
import { askOneself, collectCredential, openRequest, readOffer, sendAnswer, withdraw } from "../client";
import { CredentialRefused } from "../model";
import { factorName, type FactorWanted, type OpenedRequest } from "../request";
import type { OwnCredential, OwnRequest } from "./shapes";
import { withFactors } from "./useFactors";

/** A shift: the visit may begin late, and what was shown is looked at in it. */
const RELIED_SECONDS = 12 * 3600;

/** Collect an offered credential, and keep it. */
export function acceptOffer(offered: OwnCredential): Promise<HeldCredential> {
  return trying(async (node) => {
    const offer = await api.json("POST", `/v1/app/my/factors/${offered.credential}/offer`);
    // Opened first: the node hands a credential out once, and it must find a place.
    return withFactors(async (store) => {
      const { group, did: issuer, digest } = offered;
      const held = await collectCredential(node, { code: readOffer(offer), group, issuer, digest });
      await store.save(node.wallet, held);
      return held;
    });
  });
}

/** Look at what is asked; throws where another asks than the one who was named. */
export function lookAt(asked: OwnRequest): Promise<OpenedRequest> {
  return trying(async (node) => {
    const opened = await openRequest(node, asked.presentation);
    if (opened.request.verifier !== asked.verifier.id)
      throw new CredentialRefused("request-not-for-me", "somebody else asks than was said");
    return opened;
  });
}

/** Show exactly the approved factors. */
export function answer(
  opened: OpenedRequest,
  book: readonly HeldCredential[],
  names: readonly string[],
): Promise<void> {
  return trying(async (node) => {
    const at = { wallet: node.wallet, node: node.origin, nowMs: node.clock.nowMs(), names };
    await sendAnswer(node, await approve(opened.request, book, at), opened.link);
  });
}

/** Refuse to answer: whoever asked sees that the request ended. */
export function refuse(presentation: string): Promise<void> {
  return trying(async (node) => {
    await withdraw(node, presentation);
  });
}

/** Show who one is, to whoever leads this visit: a presentation of these factors, made for it, and linked with it. */
export function showInVisit(
  visit: string,
  wanted: readonly FactorWanted[],
  book: readonly HeldCredential[],
): Promise<void> {
  return trying(async (node) => {
    const asked = { wanted, purpose: "treatment" as const, reliedSeconds: RELIED_SECONDS };
    const opened = await askOneself(node, asked);
    await answer(opened, book, wanted.map(factorName));
    const { presentation } = opened.request;
    await command("visit.present-identity/1", { visit, presentation });
  });
}

async function trying<T>(work: (node: NodeClient) => Promise<T>): Promise<T> {
  try {
    return await work(nodeClient());
  } catch (error) {
    throw asApiError(error);
  }
}
