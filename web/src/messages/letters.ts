/**
 * Messages as this browser seals, sends, fetches and opens them.
 *
 * Guarantees: a message is sealed to exactly those whom the page shows, and to the monitor that it names, or not at all;
 * what is opened is held against the signed header: digest, recipients, sender. Content is in memory only, and
 * gone when the session ends. Start at `sendLetter` and `openLetter`.
 */

import {
  digestOf,
  openEnvelope,
  putObject,
  readEnvelopeHeader,
  RecipientPublic,
  resultOf,
  sealEnvelope,
  TelesphorError,
  type Bytes,
  type Digest,
} from "~/kernel";
import { safeName } from "~/components";
import { api, command, nodeClient, onSessionEnd } from "~/session";
import { ContentRefused, encodeContent, readContent, type Named } from "./content";
import type { Attached, Content, MessageView, Recipient, RecipientList, ThreadView, Urgency } from "./types";

const PURPOSE = "message";
const ENVELOPE_BYTES_MAX = 3 * 1024 * 1024;
/** The node gives an hour; so it is asked again a little before. */
const TICKET_MS = 50 * 60_000;
/** As many as one command may name. */
export const AT_ONCE_MAX = 64;
/** Opened messages that are remembered: some screens of them. */
const REMEMBERED_MAX = 2_000;

/** Those whom the page names and those to whom the node would have it sealed are not the same. */
export class RecipientsDiffer extends TelesphorError {
  constructor() {
    super("recipients-differ", "conflict", "the people of this conversation have changed", {
      hint: "look at who is in it now, and send it again",
    });
  }
}

/** To whom a message is sealed now, and which addresses in it are no surprise. */
export function recipientsOf(thread: string): Promise<RecipientList> {
  return api.json<RecipientList>("GET", `/v1/app/threads/${thread}/recipients`);
}

/** A message to send; `version` above 1 is an edit of `message`. */
export interface Letter {
  thread: ThreadView;
  content: Content;
  urgency: Urgency;
  message?: string;
  version?: number;
}

/** Seal, upload, and sign the header that names it. Throws `RecipientsDiffer`, and whatever the node refuses. */
export async function sendLetter({ thread, content, urgency, ...edit }: Letter): Promise<void> {
  const node = nodeClient();
  const { recipients } = await recipientsOf(thread.thread);
  checkRecipients(thread, recipients);
  const { message = node.ids.next(), version = 1 } = edit;
  const named: Named = { thread: thread.thread, message, version, sender: node.wallet.actor };
  const envelope = await sealEnvelope(encodeContent(named, content), {
    purpose: PURPOSE,
    object: `${message}/${version}`,
    recipients: recipients.map(({ kem, role }) => ({ key: RecipientPublic.fromText(kem), role })),
  });
  const digest = digestOf(envelope);
  await underTicket(thread.thread, (ticket) => upload(thread.thread, digest, envelope, ticket));
  const header = {
    thread: thread.thread,
    message,
    envelope: digest,
    size: envelope.length,
    recipients: recipients.map(({ actor, key, role }) => ({ actor, key, role })),
    attachments: content.attachments.map(({ object }) => ({ object, keep: false })),
  };
  if (version === 1) await command("message.send/1", { ...header, urgency });
  else await command("message.edit/1", { ...header, version });
  remember(digest, content);
}

/** Whether each is under the key it names, and together they are the thread's members and its monitor. */
export function checkRecipients(thread: ThreadView, recipients: readonly Recipient[]): void {
  const expected = thread.members.map(({ actor }) => `member ${actor}`);
  if (thread.monitor !== null) expected.push(`monitor ${thread.monitor.actor}`);
  const named = recipients.map(({ actor, role }) => `${role} ${actor}`);
  const isSame = new Set(named).size === named.length && named.every((one) => expected.includes(one));
  const hasMonitor = recipients.filter(({ role }) => role === "monitor").length === 1;
  const areKeys = recipients.every(({ kem, key }) => RecipientPublic.fromText(kem).thumbprint() === key);
  if (!isSame || !hasMonitor || !areKeys) throw new RecipientsDiffer();
}

/** Seal a file for everybody of the thread, the monitor too. */
export async function attachFile(
  thread: ThreadView,
  file: File,
  progress: (ratio: number) => void,
): Promise<Attached> {
  const { recipients } = await recipientsOf(thread.thread);
  checkRecipients(thread, recipients);
  const own = nodeClient().wallet.actor;
  const media_type = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(file.type) ? file.type : "application/octet-stream";
  const { object } = await putObject(nodeClient(), file, {
    mediaType: media_type,
    readers: recipients.map(({ actor }) => actor).filter((actor) => actor !== own),
    progress: (kept) => progress(file.size === 0 ? 1 : kept / file.size),
  });
  return { object, name: safeName(file.name), media_type, size: file.size };
}

export type Opened = { content: Content } | { fault: "refused" | "not-for-me" | "unreachable" };

/** Say that these have arrived here; only then does the node give their envelopes out. */
export async function receive(thread: string, messages: readonly string[]): Promise<void> {
  const receipt = await command("message.receive/1", { thread, messages: [...messages] });
  keepTicket(thread, resultOf(receipt, { ticket: "string" }).ticket);
}

/** Fetch one message and open it; what is wrong with it is said, not thrown. */
export async function openLetter(thread: string, view: MessageView): Promise<Opened> {
  const known = remembered.get(view.envelope);
  if (known !== undefined) return { content: known };
  try {
    const path = `/v1/threads/${thread}/messages/${view.message}/${view.version}`;
    const envelope = await underTicket(thread, (ticket) =>
      nodeClient().get(path, { headers: bearer(ticket), limit: ENVELOPE_BYTES_MAX }),
    );
    const content = await opened(thread, view, envelope);
    remember(view.envelope as Digest, content);
    return { content };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

async function opened(thread: string, view: MessageView, envelope: Bytes): Promise<Content> {
  if (digestOf(envelope) !== view.envelope)
    throw new ContentRefused("the envelope is another than the signed one");
  const { recipients } = readEnvelopeHeader(envelope);
  const isSame =
    recipients.length === view.recipients.length &&
    recipients.every((one, at) => {
      const said = view.recipients[at];
      return said !== undefined && said.key === one.recipient && said.role === one.role;
    });
  if (!isSame) throw new ContentRefused("the envelope is for others than its header says");
  const object = `${view.message}/${view.version}`;
  const plain = await openEnvelope(envelope, { key: nodeClient().wallet.kemKey, purpose: PURPOSE, object });
  return readContent(plain, {
    thread,
    message: view.message,
    version: view.version,
    sender: view.sender,
  });
}

const NOT_FOR_ME = ["not-a-recipient", "not-addressed", "not-delivered"];
const REFUSED = ["content-refused", "seal-refused", "limit-exceeded", "recipient-key-refused"];

function faultOf(error: unknown): "refused" | "not-for-me" | "unreachable" {
  const code = error instanceof TelesphorError ? error.code : "";
  return NOT_FOR_ME.includes(code) ? "not-for-me" : REFUSED.includes(code) ? "refused" : "unreachable";
}

/** The thread as a file: its proof, and the envelopes that were sent to this reader or by it. */
export async function exportThread(thread: string): Promise<Blob> {
  const asked = resultOf(await command("thread.export/1", { thread }), { ticket: "string", path: "string" });
  const response = await nodeClient().http.open("GET", asked.path, { headers: bearer(asked.ticket) });
  return response.blob();
}

/** The file may hold all envelopes of a long conversation. */
const EXPORT_LIMITS = { archiveBytes: 256 * 1024 * 1024, files: 100_000 };

/** The thread's proof, to the verifier's page, which asks no server. */
export async function verifyThread(thread: string): Promise<void> {
  const whole = new Uint8Array(await (await exportThread(thread)).arrayBuffer());
  const [{ readArchive }, { verifyNow }] = await Promise.all([
    import("~/verify/archive"),
    import("~/journeys/verify/handoff"),
  ]);
  const proof = readArchive(whole, EXPORT_LIMITS).get("proof.zip");
  if (proof === undefined) throw new ContentRefused("the export holds no proof");
  verifyNow(new Blob([new Uint8Array(proof)]));
}

async function upload(thread: string, digest: Digest, envelope: Bytes, ticket: string): Promise<void> {
  const path = `/v1/threads/${thread}/envelopes/${digest.replace("sha256:", "")}`;
  await nodeClient().http.open("PUT", path, { headers: bearer(ticket), body: envelope });
}

interface Ticket {
  ticket: string;
  untilMs: number;
}

const tickets = new Map<string, Ticket>();
const remembered = new Map<string, Content>();
onSessionEnd(() => {
  tickets.clear();
  remembered.clear();
});

/** Work under the thread's ticket; one that the node does not take any more is asked for anew, once. */
async function underTicket<T>(thread: string, work: (ticket: string) => Promise<T>): Promise<T> {
  const kept = tickets.get(thread);
  if (kept !== undefined && kept.untilMs > Date.now()) {
    try {
      return await work(kept.ticket);
    } catch (error) {
      if (!(error instanceof TelesphorError) || error.code !== "ticket-refused") throw error;
      tickets.delete(thread);
    }
  }
  return work(await enter(thread));
}

const entering = new Map<string, Promise<string>>();

/** Several at once share one ticket: each would be an entry. */
function enter(thread: string): Promise<string> {
  const asked = entering.get(thread) ?? askTicket(thread).finally(() => entering.delete(thread));
  entering.set(thread, asked);
  return asked;
}

async function askTicket(thread: string): Promise<string> {
  const kept = tickets.get(thread);
  if (kept !== undefined && kept.untilMs > Date.now()) return kept.ticket;
  const receipt = await command("thread.enter/1", { thread });
  return keepTicket(thread, resultOf(receipt, { ticket: "string" }).ticket);
}

function keepTicket(thread: string, ticket: string): string {
  tickets.set(thread, { ticket, untilMs: Date.now() + TICKET_MS });
  return ticket;
}

function bearer(ticket: string): { authorization: string } {
  return { authorization: `Bearer ${ticket}` };
}

function remember(envelope: Digest, content: Content): void {
  const [oldest] = remembered.keys();
  if (remembered.size >= REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  remembered.set(envelope, content);
}
