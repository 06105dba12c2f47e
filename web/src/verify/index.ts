/**
 * The offline verifier, a second time: whoever holds a bundle can check it in a browser, without the node, a network, a
 * clock or trust. It agrees with `telesphor-verify` step by step and code by code, and shares no code with it, nor with
 * the rest of this app. `docs/spec/verification.md` specifies each step.
 *
 * INVARIANTS: `verifyBundle` throws nothing for any bytes; a bundle passes with all steps or not at all.
 *
 * Start at `verifyBundle`, the list of the steps.
 */

import { checkRequests, checkSignature } from "./attribute";
import type { Bytes } from "./bytes";
import type { Demand } from "./confirm";
import { checkAnchors, checkLevels, checkWitnesses } from "./confirm";
import { checkCommitments, checkDocuments } from "./disclose";
import { checkGenesis } from "./genesis";
import type { LevelPolicy } from "./level-policy";
import { shippedLevels } from "./level-policy";
import { checkLife } from "./life";
import { checkLinks } from "./links";
import { nameOf } from "./manifest";
import type { Pins } from "./pins";
import { checkCheckpoint, checkInclusion, openArchive, openManifest } from "./place";
import type { OnStep, Report } from "./report";
import { StepFailed, Walk } from "./report";
import { checkClosing, checkStreams } from "./streams";

export { BUNDLE_BYTES_MAX } from "./archive";
export type { LevelPolicy } from "./level-policy";
export { parseLevels } from "./level-policy";
export type { Pins } from "./pins";
export { isProof, PROOF_STEPS, readCards, verifyProof } from "./proof";
export { joinPins, readKeys, readPolicy } from "./pins";
export { Refusal } from "./refusal";
export type { FailedStep, Level, OnStep, PassedStep, Report, Step } from "./report";
export { isFailed } from "./report";

export const STEPS: readonly string[] = [
  "archive",
  "manifest",
  "checkpoint",
  "witnesses",
  "anchors",
  "levels",
  "inclusion",
  "genesis",
  "streams",
  "closing",
  "links",
  "requests",
  "commitments",
  "documents",
  "signature",
  "life",
];

export interface Options {
  /** The ledger's keys as the reader knows them; without them they are the bundle's own claim. */
  readonly pins?: Pins | undefined;
  /** The reader's policy of levels; without one, the policy that ships. */
  readonly levels?: LevelPolicy | undefined;
  /** The least level, 1 to 5, with which the bundle passes. */
  readonly require?: number | undefined;
  /** Told of each step as soon as it is done. */
  readonly onStep?: OnStep | undefined;
}

export function verifyBundle(data: Uint8Array, options: Options = {}): Promise<Report> {
  const { pins = null, levels, require = 1, onStep = () => undefined } = options;
  const walk = new Walk(STEPS, pins !== null, onStep);
  try {
    const demand = { policy: levels ?? shippedLevels(), given: levels !== undefined, least: require };
    walkSteps(data, pins, demand, walk);
  } catch (error) {
    if (!(error instanceof StepFailed)) return Promise.reject(error as Error);
  }
  return Promise.resolve(walk.report());
}

function walkSteps(data: Bytes, pins: Pins | null, demand: Demand, walk: Walk): void {
  // 1. One canonical archive.
  const files = walk.step("archive", () => openArchive(data));
  // 2. Its manifest accounts for every file.
  const bundle = walk.step("manifest", () => openManifest(files));
  const { origin, subject } = bundle.manifest;
  walk.describe({
    origin,
    subject: nameOf(subject),
    purpose: subject.kind === "selection" ? subject.purpose : "",
  });
  // 3. The ledger's state, signed by both of its keys.
  const signed = walk.step("checkpoint", () => checkCheckpoint(bundle, pins));
  // 4. Who else signed that state.
  const witnessed = walk.step("witnesses", () => checkWitnesses(bundle, pins?.policies ?? []));
  // 5. Which public chains date it.
  const anchors = walk.step("anchors", () => checkAnchors(bundle.anchors, signed, demand.policy.pins));
  // 6. How far that confirms it.
  walk.step("levels", () => checkLevels(bundle.levels, signed, witnessed, anchors, demand, walk));
  // 7. Each entry stands in that state.
  const ledger = walk.step("inclusion", () => checkInclusion(bundle, signed));
  // 8. Who founded this ledger, with which keys.
  const genesis = walk.step("genesis", () => checkGenesis(bundle, ledger));
  // 9. Nothing missing or twice in the streams that must be whole.
  const about = walk.step("streams", () => checkStreams(ledger, subject));
  // 10. The visit is closed over exactly its entries.
  walk.step("closing", () => checkClosing(about, subject));
  // 11. What the visit links to is here, whole where it must be, and nothing else.
  walk.step("links", () => checkLinks(ledger, genesis, about, subject));
  // 12. Each entry was asked for by its actor.
  walk.step("requests", () => checkRequests(bundle, ledger, genesis));
  // 13. The values shown are those committed to.
  walk.step("commitments", () => checkCommitments(bundle, ledger));
  // 14. The documents shown are those that entries name.
  walk.step("documents", () => checkDocuments(bundle, ledger));
  // 15. The node stands by the whole of it.
  walk.step("signature", () => checkSignature(bundle, genesis.node.key));
  // 16. The visit was lived as its rules say.
  walk.step("life", () => checkLife(about, subject));
}
