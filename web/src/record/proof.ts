/** The proof of a piece of a record: what was sealed, by whom, where it stands, how far that is confirmed. */

import { saveBlob, type ProofFacts } from "~/components";
import { asApiError, nodeClient } from "~/session";
import { bytesText } from "~/strings";
import { personName } from "./naming";
import type { RecordWords } from "./strings";
import type { RecordItem } from "./types";

/** One entry and its path to the checkpoint: some kilobytes. */
const PROOF_BYTES_MAX = 4 * 1024 * 1024;

export function factsOf(item: RecordItem, title: string, words: RecordWords, me: string): ProofFacts {
  const position = item.position;
  return {
    what: words.proof.sealed(title),
    who: personName(item.owner, words, me),
    when: item.at,
    rule: words.proof.rule,
    level: item.level,
    stream: `object/${item.object}`,
    ...(position === null ? {} : { position, onDownload: () => saveEntryProof(position) }),
    technical: { [words.proof.object]: item.object, [words.proof.size]: bytesText(item.size) },
  };
}

/** Save the C2SP proof of one entry, as any verifier of that format takes it. */
export async function saveEntryProof(position: number): Promise<void> {
  try {
    const data = await nodeClient().get(`/v1/proofs/${position}`, { limit: PROOF_BYTES_MAX });
    saveBlob(new Blob([data], { type: "text/plain" }), `entry-${position}.tlog-proof`);
  } catch (thrown) {
    throw asApiError(thrown);
  }
}
