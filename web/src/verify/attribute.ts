/**
 * Steps 12 and 15: each entry was asked for by its actor, in a request signed with the keys the actor then had; and the
 * bundle as a whole is the statement of the node that owns the ledger.
 */

import { Asked } from "./asked";
import { isSamePair } from "./body";
import type { Bundle } from "./files";
import { verifyDetached } from "./jws";
import type { VerifyKey } from "./keypair";
import { Keyring, isAboutKeys } from "./keyring";
import type { Genesis, Ledger, Placed } from "./ledger";
import { counted, refuse } from "./refusal";
import type { Proved } from "./report";
import { checkEntry, openRequest, requestBehind } from "./request";

/** Every entry after genesis is attributed, in the ledger's order; the bundle holds no signed request besides. */
export function checkRequests(bundle: Bundle, ledger: Ledger, genesis: Genesis): Proved<null> {
  const attribution = new Attribution(bundle, genesis, ledger.origin);
  for (const run of runsOf(ledger.entries.slice(1))) attribution.take(run);
  for (const digest of bundle.evidence.keys()) {
    if (!attribution.seen.has(digest)) {
      refuse("evidence-unreferenced", `no entry names the signed request \`${digest}\``);
    }
  }
  const actors = new Set(ledger.entries.map((placed) => placed.entry.actor)).size;
  const sentence =
    `${counted(attribution.seen.size, "request")} by ${counted(actors, "actor")} asked for the entries, each ` +
    "signed with Ed25519 and ML-DSA under the keys its actor had at that time";
  const { spoken } = attribution;
  const own = spoken > 0 ? `; the node's own word is ${counted(spoken, "entry", "entries")}` : "";
  return { value: null, sentence: sentence + own };
}

/** Both signatures over the manifest verify under the node's keys. */
export function checkSignature(bundle: Bundle, node: VerifyKey): Proved<null> {
  if (!isSamePair(bundle.manifest.keys, node.thumbprints)) {
    refuse(
      "manifest-of-other-signer",
      "the manifest is signed with other keys than those of the ledger's node",
    );
  }
  verifyDetached(bundle.manifest.data, bundle.manifestJws, node);
  return { value: null, sentence: "the node signed the list of all these files with Ed25519 and ML-DSA-65" };
}

type Run = readonly [Placed, ...Placed[]];

/** Neighbours with the same evidence: what one request caused. */
function runsOf(entries: readonly Placed[]): readonly Run[] {
  const runs: [Placed, ...Placed[]][] = [];
  for (const placed of entries) {
    const last = runs.at(-1);
    if (last?.[0].entry.evidence === placed.entry.evidence) last.push(placed);
    else runs.push([placed]);
  }
  return runs;
}

/** Who asked for which entries, followed from genesis on. */
class Attribution {
  readonly seen: Set<string>;
  /** Entries that are the node's own word. */
  spoken = 0;
  private readonly keyring: Keyring;

  constructor(
    private readonly bundle: Bundle,
    private readonly genesis: Genesis,
    private readonly origin: string,
  ) {
    this.seen = new Set([genesis.request]);
    this.keyring = new Keyring(genesis, origin);
  }

  take(run: Run): void {
    const digest = run[0].entry.evidence;
    if (digest === null) this.checkSpokenByNode(run);
    else this.attribute(run, digest);
  }

  private attribute(run: Run, digest: string): void {
    const [first] = run;
    if (this.seen.has(digest)) {
      refuse(
        "request-reused",
        `the request of position ${first.position} was already used for an earlier entry`,
      );
    }
    this.seen.add(digest);
    const holder = this.keyring.holder(first.entry.actor, first.position);
    const request = openRequest(requestBehind(first, this.bundle.evidence), holder.key, first, this.origin);
    const asked = new Asked(request);
    for (const placed of run) {
      if (this.keyring.holder(holder.id, placed.position) !== holder) {
        const fault = `the request of position ${placed.position} goes on after its keys were changed`;
        refuse("key-not-in-force", fault);
      }
      checkEntry(request, placed);
      asked.check(placed);
      this.keyring.apply(placed, request);
    }
  }

  private checkSpokenByNode(run: Run): void {
    for (const placed of run) {
      if (placed.entry.actor !== this.genesis.node.id || isAboutKeys(placed)) {
        refuse("evidence-missing", `the entry at position ${placed.position} names no signed request`);
      }
    }
    this.spoken += run.length;
  }
}
