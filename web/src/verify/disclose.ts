/** Steps 13 and 14: the values and the documents shown are those that the ledger had committed to and names. */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { hex, utf8Text } from "./bytes";
import type { Bundle } from "./files";
import { OPENED_BYTES_MAX } from "./files";
import type { JsonObject } from "./json";
import { get, isArray, readJson, valueOf } from "./json";
import type { Ledger } from "./ledger";
import { textsIn } from "./links";
import { digestOf, isDigest } from "./names";
import { counted, refuse } from "./refusal";
import type { Proved } from "./report";

const COMMITMENT_KEY_BYTES = 32;
const MARK = '"sha256:';

/** Each opened value is canonical JSON and opens the commitment in its entry's body. */
export function checkCommitments(bundle: Bundle, ledger: Ledger): Proved<null> {
  const bodies = new Map(ledger.entries.map(({ entry, position }) => [position, entry.body]));
  for (const { position, member, key, value } of bundle.opened) {
    const commitment = commitmentIn(bodies.get(position) ?? {}, member);
    if (commitment === null) {
      refuse("commitment-missing", `position ${position} has no commitment \`${member}\` to open`);
    }
    readJson(value, OPENED_BYTES_MAX);
    checkOpening(commitment, value, key);
  }
  if (bundle.opened.length === 0)
    return { value: null, sentence: "no committed value is shown in this bundle" };
  const places = counted(bundle.opened.length, "place");
  return { value: null, sentence: `the ledger had committed to what is shown here in ${places}` };
}

/** Refuses unless the commitment was made to exactly these bytes under this key (RFC 2104). */
export function checkOpening(commitment: string, value: Bytes, key: Bytes): void {
  const opens =
    key.length === COMMITMENT_KEY_BYTES && commitment === `hmac-sha256:${hex(hmac(sha256, key, value))}`;
  if (!opens) refuse("commitment-refused", "the value and the key do not open the commitment");
}

/** Each document has the digest in its path, and an entry names it, or a document does that is so named itself. */
export function checkDocuments(bundle: Bundle, ledger: Ledger): Proved<null> {
  for (const [digest, data] of bundle.documents) {
    if (digestOf(data) !== digest) {
      refuse("document-mismatch", `the document \`${digest}\` is not the one that has this digest`);
    }
  }
  if (bundle.documents.size === 0) return { value: null, sentence: "no document is shown in this bundle" };
  const reached = followDocuments(bundle, ledger);
  for (const digest of bundle.documents.keys()) {
    if (!reached.has(digest))
      refuse("document-unreferenced", `nothing here names the document \`${digest}\``);
  }
  const sentence =
    `${counted(reached.size, "document")} shown, each under the digest by which an entry, or a document that ` +
    "an entry leads to, names it";
  return { value: null, sentence };
}

/** The text that `member` names: a member of the body, or with `.2` behind it the third of a list there. */
function commitmentIn(body: JsonObject, member: string): string | null {
  const [name, index] = member.split(".") as [string, string?];
  const found = get(body, name);
  const value = index === undefined ? found : isArray(found) ? found[Number(index)] : undefined;
  return typeof value === "string" ? value : null;
}

function followDocuments(bundle: Bundle, ledger: Ledger): ReadonlySet<string> {
  const waiting = ledger.entries.flatMap(({ entry }) => textsIn(entry.body).filter(isDigest));
  const reached = new Set<string>();
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const data = bundle.documents.get(digest);
    if (data === undefined || reached.has(digest)) continue;
    reached.add(digest);
    for (const named of digestsIn(data)) waiting.push(named);
  }
  return reached;
}

/** The digests that a document names: none, unless it is canonical JSON. */
function digestsIn(data: Bytes): readonly string[] {
  if (utf8Text(data)?.includes(MARK) !== true) return [];
  const value = valueOf(data);
  return value === undefined ? [] : textsIn(value).filter(isDigest);
}
