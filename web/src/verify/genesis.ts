/** Step 8: the first entry of the ledger names its owner, and the owner's root key signed it. */

import { checkKem, exactly, isSamePair, pairOf, textOf } from "./body";
import type { Bundle } from "./files";
import type { Json } from "./json";
import { get, same } from "./json";
import type { Suite } from "./keypair";
import { keyFromJwks } from "./keypair";
import type { Founder, Genesis, Ledger, Placed } from "./ledger";
import { parseId, streamOf } from "./names";
import { refuse } from "./refusal";
import type { Proved } from "./report";
import { openRequest, requestBehind } from "./request";

const NODE_CREATED = "node.created/1";
const CREATE_NODE = "node.create/1";

/**
 * 1. Position 0, and no other, holds `node.created/1`, as number 0 of the node's stream.
 * 2. It founds a ledger of this origin, with the log keys that sign the checkpoint.
 * 3. The root's signed request asked for exactly this, and only this.
 */
export function checkGenesis(bundle: Bundle, ledger: Ledger): Proved<Genesis> {
  if (ledger.origin !== bundle.manifest.origin) bad("genesis founds a ledger of another origin");
  const first = firstOf(ledger);
  const body = exactly(first.entry.body, "genesis", ["origin", "root", "node", "log"]);
  const root = founderOf(get(body, "root"), "ROOT", ["id", "keys"]);
  const node = founderOf(get(body, "node"), "ACTOR", ["id", "keys", "kem"]);
  if (root.id === node.id || first.entry.actor !== root.id) {
    bad("genesis is not the act of a root that differs from the node");
  }
  if (first.entry.stream !== streamOf("node", node.id) || first.entry.n !== 0) {
    bad("genesis is not number 0 of its node's stream");
  }
  if (textOf(body, "origin") !== ledger.origin) bad("genesis founds a ledger of another origin");
  if (!isSamePair(pairOf(body, "log"), bundle.logVkeys)) {
    refuse("log-keys-mismatch", "the keys in `log.vkeys` are not those the ledger was founded with");
  }
  const request = openRequest(requestBehind(first, bundle.evidence), root.key, first, ledger.origin);
  const [command, ...others] = request.commands;
  if (command?.type !== CREATE_NODE || others.length > 0 || !same(command.body, body)) {
    bad("the root's request does not ask for exactly this genesis");
  }
  const sentence = `the ledger was founded for the node \`${node.id}\` by the root whose key is \`${root.key.keyId}\``;
  return { value: { root, node, request: first.entry.evidence ?? "" }, sentence };
}

function firstOf(ledger: Ledger): Placed {
  const [first, ...others] = ledger.entries;
  if (first?.position !== 0) refuse("genesis-missing", "the bundle does not hold the entry at position 0");
  if (first.entry.type !== NODE_CREATED) bad(`the entry at position 0 is not \`${NODE_CREATED}\``);
  for (const { entry, position } of others) {
    if (entry.type.startsWith("node.created/")) {
      refuse("second-genesis", `the entry at position ${position} founds the ledger a second time`);
    }
  }
  return first;
}

function founderOf(value: Json | undefined, suite: Suite, members: readonly string[]): Founder {
  const body = exactly(value, "a founder in genesis", members);
  const key = keyFromJwks(get(body, "keys"));
  if (key.suite !== suite) bad("a founder's keys in genesis are of the wrong suite");
  if (members.includes("kem")) checkKem(body);
  return { id: parseId(textOf(body, "id")), key };
}

function bad(message: string): never {
  refuse("genesis-refused", message);
}
