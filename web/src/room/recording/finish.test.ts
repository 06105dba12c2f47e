import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { concat, type Bytes } from "../../kernel/bytes";
import { digestOf } from "../../kernel/digest";
import { PART_BYTES } from "../../kernel/object_writer";
import type { Command } from "../../kernel/requests";
import { FakeNode, IDS, problem, receipt } from "../../kernel/testing/fake_node";
import { codeOf } from "../../kernel/testing/vectors";
import { generateRecipientKey } from "../../kernel/recipient";
import { Recording } from "../playback/recording";
import { claim, claimed } from "./claim";
import { finishRecording, type Finishing, type VisitNow } from "./finish";
import { JournalGuard } from "./guard";
import { JOURNAL_BYTES_MAX, RecordingJournal, UNFINISHED_MAX } from "./journal";
import { makeWebm } from "./testing";
import { RecordingWriter } from "./writer";

const VISIT = IDS.next();
const OBJECT = IDS.next();
/** More than an upload's part, so that the node has some of it. */
const WEBM = makeWebm({ clusters: 60, blockBytes: 100_000 });
const PIECE_BYTES = 200_000;

/** Web Locks as browsers have them, as far as they are used here. */
class Locks {
  readonly #held = new Set<string>();
  async request(name: string, _: object, work: (lock: object | null) => unknown): Promise<void> {
    if (this.#held.has(name)) return void work(null);
    this.#held.add(name);
    try {
      await work({ name });
    } finally {
      this.#held.delete(name);
    }
  }
  query() {
    return Promise.resolve({ held: [...this.#held].map((name) => ({ name })) });
  }
  /** A page is gone, and with it what it held. */
  loseAll(): void {
    this.#held.clear();
  }
}

/** The node's side: keeps whole parts, and notes what is signed. */
class Shelf {
  readonly commands: string[] = [];
  kept: Bytes = new Uint8Array(0);
  complete = false;
  phase = "ended";
  running: string | null = null;
  /** Transfers that break before they arrive. */
  breaks = 0;
  refuse: Record<string, string> = {};

  constructor(readonly node: FakeNode) {
    node.onCommand = (command) => this.#command(command);
    node.onTransfer = (request) => this.#transfer(request);
  }

  readonly visitNow = (): Promise<VisitNow> =>
    Promise.resolve({
      phase: this.phase,
      recording: { running: this.running !== null, object: this.running },
    });

  /** What the recording page had uploaded: whole parts of it. */
  receive(bytes: Bytes): void {
    this.kept = bytes.slice(0, bytes.length - (bytes.length % PART_BYTES));
  }

  #command({ type }: Command): Response {
    this.commands.push(type);
    const refused = this.refuse[type];
    return refused === undefined ? receipt({ ticket: "t" }) : problem(409, refused);
  }

  async #transfer(request: Request): Promise<Response> {
    const stands = { "upload-offset": String(this.kept.length) };
    const whole = { "upload-complete": "?1", "object-digest": digestOf(this.kept) };
    if (request.method === "HEAD")
      return new Response(null, { headers: this.complete ? { ...stands, ...whole } : stands });
    if (this.breaks > 0) {
      this.breaks -= 1;
      return problem(409, "upload-gone");
    }
    if (request.headers.get("upload-offset") !== stands["upload-offset"])
      return problem(409, "upload-offset-refused", stands);
    this.kept = concat(this.kept, new Uint8Array(await request.arrayBuffer()));
    if (request.headers.get("upload-complete") !== "?1")
      return new Response(null, { status: 204, headers: { "upload-offset": String(this.kept.length) } });
    this.complete = true;
    return Response.json({ size: this.kept.length, digest: digestOf(this.kept), parts: 1 });
  }
}

let locks: Locks;
let node: FakeNode;
let shelf: Shelf;
let journal: RecordingJournal;

beforeEach(async () => {
  vi.spyOn(console, "debug").mockReturnValue();
  locks = new Locks();
  vi.stubGlobal("navigator", { locks });
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
  node = await FakeNode.make();
  shelf = new Shelf(node);
  journal = await RecordingJournal.open();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const plan = (changes: Partial<Finishing> = {}): Finishing => ({
  ...{ journal, node: node.client, keys: [node.wallet.kemKey], visitNow: shelf.visitNow },
  ...changes,
});

/** Record so much of it, and lose the page; answers everything that was handed to the upload. */
async function recordAndLose(bytes: number, uploaded = true): Promise<Bytes> {
  const sent: Bytes[] = [];
  const about = { object: OBJECT, actor: node.wallet.actor, origin: "node.example/log", visit: VISIT };
  const guard = new JournalGuard({ ...about, startedMs: 1_790_000_000_000 });
  const writer = await RecordingWriter.begin({
    ...{ object: OBJECT, codecs: "vp8,opus", recipients: [node.wallet.kemKey.public], guard },
    sink: { write: (piece) => Promise.resolve(void sent.push(piece)) },
  });
  for (let at = 0; at < bytes; at += PIECE_BYTES)
    writer.add(WEBM.data.slice(at, Math.min(at + PIECE_BYTES, bytes)));
  await vi.waitUntil(() => writer.waiting === 0);
  if (uploaded) {
    shelf.receive(concat(...sent));
    await guard.release(shelf.kept.length);
  }
  locks.loseAll();
  return concat(...sent);
}

/** Play what the node has. */
function play(): Promise<Recording> {
  const read = (offset: number, length: number) => Promise.resolve(shelf.kept.slice(offset, offset + length));
  return Recording.open(OBJECT, { size: shelf.kept.length, read }, node.wallet.kemKey);
}

const RECORDED = 5_000_000;

describe("a recording whose page was lost", () => {
  test("is finished as a shorter one from what the node and the journal have, and plays", async () => {
    const sent = await recordAndLose(RECORDED);
    expect(shelf.kept.length).toBe(PART_BYTES);
    shelf.running = OBJECT;
    const told: number[] = [];
    await finishRecording(OBJECT, plan({ progress: (ratio) => told.push(ratio) }));
    expect(shelf.commands).toEqual([
      ...["visit.stop-recording/1", "object.resume/1", "object.seal/1", "visit.add-object/1"],
    ]);
    expectSame(shelf.kept.slice(0, sent.length), sent);
    const recording = await play();
    const { marks, mediaBytes, durationMs } = recording.index;
    expect(mediaBytes).toBe(RECORDED - (RECORDED % 16_384));
    expectSame(await recording.read(0, RECORDED), WEBM.data.slice(0, mediaBytes));
    expect(marks.length).toBe(WEBM.offsets.filter((offset, at) => at !== 2 && offset < mediaBytes).length);
    expect(durationMs).toBe(2_000 * WEBM.offsets.filter((offset) => offset < RECORDED).length - 2_000 + 40);
    expect(told.at(-1)).toBeLessThanOrEqual(1);
    expect(await journal.list(node.wallet.actor, "node.example/log")).toEqual([]);
  });

  test("keeps no more here than the node lacks, and nothing but ciphertext", async () => {
    const sent = await recordAndLose(RECORDED);
    const { recording } = await journal.read(OBJECT);
    expect(recording.size).toBe(sent.length);
    expect(recording.dropped).toBeGreaterThan(PART_BYTES - 2 * PIECE_BYTES);
    expect(Object.keys(recording).sort()).toEqual(
      ...[
        [
          "actor",
          "dropped",
          "durationMs",
          "ended",
          "format",
          "head",
          "header",
          "object",
          "origin",
          "size",
          "startedMs",
          "visit",
        ],
      ],
    );
    const kept: Bytes[] = [];
    for await (const piece of journal.bytes(OBJECT, PART_BYTES)) kept.push(piece);
    expectSame(concat(...kept), sent.slice(PART_BYTES));
    const picture = new Uint8Array(48).fill(45); // A run of the picture of that second.
    expect(indexOf(WEBM.data, picture)).toBeGreaterThan(0);
    expect(indexOf(concat(...kept), picture)).toBe(-1);
    await expect(journal.bytes(OBJECT, 0).next()).rejects.toMatchObject({ code: "recording-lost" });
  });

  test("takes up where a break left it, and never seals another end", async () => {
    await recordAndLose(RECORDED);
    shelf.breaks = 1;
    expect(await codeOf(() => finishRecording(OBJECT, plan()))).toBe("upload-gone");
    const sealed = await all(PART_BYTES);
    expect((await journal.read(OBJECT)).recording.ended).toBe(true);
    await finishRecording(OBJECT, plan());
    expectSame(shelf.kept.slice(PART_BYTES), sealed);
    expect((await play()).index.durationMs).toBeGreaterThan(0);
  });

  test("whose upload ended before it was sealed needs the seal and the link alone", async () => {
    await recordAndLose(RECORDED);
    shelf.refuse = { "object.seal/1": "queue-gone" };
    expect(await codeOf(() => finishRecording(OBJECT, plan()))).toBe("queue-gone");
    shelf.refuse = { "object.resume/1": "object-already-sealed", "visit.add-object/1": "already-linked" };
    await finishRecording(OBJECT, plan());
    expect(await journal.list(node.wallet.actor, "node.example/log")).toEqual([]);
  });

  test("of a visit that was closed meanwhile is not uploaded", async () => {
    await recordAndLose(RECORDED);
    shelf.phase = "closed";
    expect(await codeOf(() => finishRecording(OBJECT, plan()))).toBe("visit-closed");
    expect(shelf.commands).toEqual([]);
  });

  test("is not finished by two pages at once, nor while its own page lives", async () => {
    await recordAndLose(RECORDED);
    const release = await claim(OBJECT);
    expect(await claimed()).toEqual(new Set([OBJECT]));
    expect(await codeOf(() => finishRecording(OBJECT, plan()))).toBe("recording-elsewhere");
    release?.();
    await vi.waitUntil(async () => (await claimed()).size === 0);
    await finishRecording(OBJECT, plan());
  });

  test.each([
    ["the node has given up", () => (shelf.refuse = { "object.resume/1": "upload-expired" })],
    ["the node has lost a part of", () => (shelf.kept = new Uint8Array(0))],
    ["the node has more of than the journal", () => (shelf.kept = new Uint8Array(4 * PART_BYTES))],
  ])("that %s is lost, and says so", async (_, happen) => {
    await recordAndLose(RECORDED);
    happen();
    expect(await codeOf(() => finishRecording(OBJECT, plan()))).toBe("recording-lost");
  });

  test("does not open with another person's keys; with one's own former ones it does", async () => {
    await recordAndLose(RECORDED);
    const other = await generateRecipientKey();
    expect(await codeOf(() => finishRecording(OBJECT, plan({ keys: [other] })))).toBe("recording-lost");
    expect(shelf.commands).toEqual([]);
    await finishRecording(OBJECT, plan({ keys: [other, node.wallet.kemKey] }));
  });

  test("and of which nothing was uploaded is finished from the journal alone", async () => {
    await recordAndLose(RECORDED, false);
    await finishRecording(OBJECT, plan());
    expect((await play()).index.mediaBytes).toBe(RECORDED - (RECORDED % 16_384));
  });
});

describe("the journal", () => {
  const begun = (object: string) => ({
    ...{ object, actor: node.wallet.actor, origin: "node.example/log", visit: VISIT, startedMs: 1 },
    ...{ head: new Uint8Array(10), header: new Uint8Array(56) },
  });
  const nothing = { marks: [], durationMs: 1, ended: false };

  test("shows a person's own recordings of this node alone", async () => {
    await journal.begin(begun(OBJECT));
    expect(await journal.list(node.wallet.actor, "other.example/log")).toEqual([]);
    expect(await journal.list(IDS.next(), "node.example/log")).toEqual([]);
    expect(await journal.list(node.wallet.actor, "node.example/log")).toHaveLength(1);
  });

  test("holds no more than its bounds", async () => {
    await journal.begin(begun(OBJECT));
    const bytes = { length: JOURNAL_BYTES_MAX } as Bytes; // Refused before it is looked at.
    expect(await codeOf(() => journal.append(OBJECT, { ...nothing, bytes }))).toBe("journal-full");
    expect((await journal.read(OBJECT)).recording.size).toBe(66);
    for (let more = 1; more < UNFINISHED_MAX; more += 1) await journal.begin(begun(IDS.next()));
    expect(await codeOf(() => journal.begin(begun(IDS.next())))).toBe("journal-full");
  });

  test("takes nothing behind a recording's end", async () => {
    await journal.begin(begun(OBJECT));
    await journal.append(OBJECT, { ...nothing, bytes: new Uint8Array(3), ended: true });
    expect(await codeOf(() => journal.append(OBJECT, { ...nothing, bytes: new Uint8Array(3) }))).toBe(
      "journal-full",
    );
  });

  test("that fails is removed, and the recording goes on without", async () => {
    const guard = new JournalGuard(begun(OBJECT));
    await guard.begin(new Uint8Array(10), new Uint8Array(56));
    await guard.append({ ...nothing, bytes: { length: JOURNAL_BYTES_MAX } as Bytes });
    expect(guard.isKept).toBe(false);
    await guard.append({ ...nothing, bytes: new Uint8Array(3) });
    expect(await journal.list(node.wallet.actor, "node.example/log")).toEqual([]);
  });

  test("is not needed where the browser keeps nothing", async () => {
    vi.stubGlobal("indexedDB", undefined);
    const guard = new JournalGuard(begun(OBJECT));
    await guard.begin(new Uint8Array(10), new Uint8Array(56));
    expect(guard.isKept).toBe(false);
  });
});

/** By digest: megabytes are compared at once, and not shown. */
function expectSame(one: Bytes, other: Bytes): void {
  expect([one.length, digestOf(one)]).toEqual([other.length, digestOf(other)]);
}

async function all(from: number): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of journal.bytes(OBJECT, from)) pieces.push(piece);
  return concat(...pieces);
}

function indexOf(data: Bytes, part: Bytes): number {
  return Buffer.from(data.buffer, data.byteOffset, data.length).indexOf(part);
}
