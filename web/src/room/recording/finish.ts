/**
 * Finishes a recording whose page was lost, with what this browser and the node have of it, as a shorter recording.
 *
 * It may be broken off and begun again at any point: each step that was done is found done.
 *
 * 1. Claim it, so that no two pages work on it.
 * 2. Unless its end is in the journal: open its key with the person's own, seal index and end, and note them.
 * 3. Stop the recording on the visit, if it still stands there as running.
 * 4. Upload what the node lacks, and seal the object; link it to the visit; forget the journal.
 */
import type { Bytes } from "../../kernel/bytes";
import type { NodeClient } from "../../kernel/node_client";
import { ObjectWriter } from "../../kernel/object_writer";
import type { RecipientKey } from "../../kernel/recipient";
import { RoomFault } from "../faults";
import { claim } from "./claim";
import { decodeHead, openRecordingKey, PREFIX_BYTES } from "./format";
import type { RecordingJournal, Unfinished } from "./journal";
import { Marks } from "./marks";
import { Sealer } from "./sealer";
import type { Mark } from "./webm";

/** What the node's view of the visit says. */
export interface VisitNow {
  readonly phase: string;
  readonly recording: { readonly running: boolean; readonly object: string | null };
}

export interface Finishing {
  readonly journal: RecordingJournal;
  readonly node: NodeClient;
  /** The person's sealing keys, the present one first. */
  readonly keys: readonly RecipientKey[];
  readonly visitNow: (visit: string) => Promise<VisitNow>;
  /** How much of what is known the node has, 0 to 1. */
  readonly progress?: (ratio: number) => void;
}

/** After these an upload of what is here cannot come about. */
const LOST: readonly string[] = ["upload-expired", "object-erased", "object-missing", "not-the-owner"];

/**
 * Finish one recording.
 *
 * @throws RoomFault: `recording-elsewhere`, `visit-closed` (nothing can be added to it any more), `recording-lost`;
 * ClientRefused, NodeUnreachable, TransferFailed: try again later.
 */
export async function finishRecording(object: string, plan: Finishing): Promise<void> {
  const release = await claim(object);
  if (release === null) throw new RoomFault("recording-elsewhere");
  try {
    await finish(object, plan);
  } catch (error) {
    throw LOST.includes(codeOf(error)) ? new RoomFault("recording-lost", { cause: error }) : error;
  } finally {
    release();
  }
}

async function finish(object: string, plan: Finishing): Promise<void> {
  const { journal, node, visitNow } = plan;
  const { recording, marks } = await journal.read(object);
  const { visit } = recording;
  const now = await visitNow(visit);
  if (now.phase === "closed") throw new RoomFault("visit-closed");
  if (!recording.ended) await end(recording, marks, plan);
  if (now.recording.running && now.recording.object === object) {
    await node.send({ type: "visit.stop-recording/1", body: { visit } }).catch(unless("not-recording"));
  }
  await upload(object, plan).catch(unless("object-already-sealed"));
  const link = { visit, object, role: "recording" };
  await node.send({ type: "visit.add-object/1", body: link }).catch(unless("already-linked"));
  await journal.remove(object);
}

/** Seal the index of what there is as the recording's end. */
async function end(recording: Unfinished, marks: readonly Mark[], plan: Finishing): Promise<void> {
  const { object, head, header, size, durationMs } = recording;
  const key = await openKey(recording, plan.keys);
  const sealer = await Sealer.resume(object, { key, header, sealedBytes: size - head.length });
  const kept = new Marks();
  // A place that was found in bytes that were never sealed is none.
  for (const mark of marks) if (mark.offset < sealer.plaintextBytes) kept.add(mark);
  const bytes = await sealer.finish(kept.index(durationMs));
  await plan.journal.append(object, { bytes, marks: [], durationMs, ended: true });
}

async function openKey({ object, head }: Unfinished, keys: readonly RecipientKey[]): Promise<Bytes> {
  const read = decodeHead(head.slice(PREFIX_BYTES));
  for (const key of keys) {
    try {
      return await openRecordingKey(read, object, key);
    } catch (error) {
      if (codeOf(error) !== "not-a-recipient") throw error;
    }
  }
  throw new RoomFault("recording-lost");
}

async function upload(object: string, { journal, node, progress }: Finishing): Promise<void> {
  const { recording } = await journal.read(object);
  const writer = await ObjectWriter.resume(node, object);
  for await (const piece of journal.bytes(object, writer.kept)) {
    await writer.write(piece);
    progress?.(writer.kept / recording.size);
  }
  await writer.finish();
}

/** Pass over a refusal that says that the step was done before. */
function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
