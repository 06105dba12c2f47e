/**
 * The recording worker: seals what the recorder gives and uploads it, beside the page, so that neither waits for the other.
 *
 * A worker's clock goes on in a tab that is not seen, so it also beats the time of the picture's composition. While it
 * lives it has claimed the recording; what it leaves in the journal can be finished by another page (`finish.ts`).
 */
import * as base64url from "../../kernel/base64url";
import { NodeClient } from "../../kernel/node_client";
import { ObjectWriter } from "../../kernel/object_writer";
import { RecipientPublic } from "../../kernel/recipient";
import { WalletStore } from "../../kernel/wallet_store";
import { JournalGuard } from "./guard";
import { MEDIA_TYPE } from "./media_type";
import type { BeginRecording, FromRecorder, ToRecorder } from "./messages";
import { RecordingWriter } from "./writer";

const TICK_MS = 80;

let upload: ObjectWriter;
let writer: RecordingWriter;
let guard: JournalGuard;
let queue: Promise<void> = Promise.resolve();

self.onmessage = (event: MessageEvent<ToRecorder>) => {
  queue = queue
    .then(() => handle(event.data))
    .catch((error: unknown) => tell({ say: "failed", code: codeOf(error) }));
};
setInterval(() => tell({ say: "tick" }), TICK_MS);

async function handle(message: ToRecorder): Promise<void> {
  if (message.do === "begin") await begin(message);
  else if (message.do === "piece") await add(new Uint8Array(message.piece));
  else if (message.do === "finish") await finish();
  else await forget();
}

async function begin({ actor, origin, visit, codecs, readers, recipients }: BeginRecording): Promise<void> {
  const store = await WalletStore.open();
  const wallet = await store.load(actor);
  store.close();
  const node = new NodeClient({ baseUrl: "", origin, wallet });
  upload = await ObjectWriter.begin(node, { mediaType: MEDIA_TYPE, readers, visit });
  const { object } = upload;
  guard = new JournalGuard({ object, actor, origin, visit, startedMs: node.clock.nowMs() });
  writer = await RecordingWriter.begin({
    object,
    codecs,
    recipients: recipients.map((kem) => new RecipientPublic(base64url.decode(kem))),
    sink: upload,
    guard,
  });
  tell({ say: "begun", object });
}

async function add(piece: Uint8Array): Promise<void> {
  if (!writer.add(piece)) tell({ say: "full" });
  await guard.release(upload.kept);
  tell({ say: "kept", bytes: upload.kept, waiting: writer.waiting, guarded: guard.isKept });
}

async function finish(): Promise<void> {
  const { durationMs } = await writer.finish();
  const { object, size } = await upload.finish();
  tell({ say: "finished", object, size, durationMs });
}

/** The recording is sealed and linked: nothing is left to do. */
async function forget(): Promise<void> {
  try {
    await guard.forget();
  } finally {
    self.close();
  }
}

function tell(message: FromRecorder): void {
  self.postMessage(message);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "recording-refused";
}
