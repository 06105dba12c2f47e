/** The recorder as the page has it: what was given up is not begun, and what does not record is not said to. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RoomPorts } from "../ports";
import type { FromRecorder, ToRecorder } from "./messages";
import { Recorder, type RecorderState } from "./recorder";

vi.mock("./stage", () => ({
  Stage: class {
    readonly stream = {};
    set(): void {}
    draw(): void {}
    end(): void {}
  },
}));

class FakeMedia extends EventTarget {
  static isTypeSupported = () => true;
  static made: FakeMedia[] = [];
  state: "inactive" | "recording" = "inactive";
  ondataavailable: unknown = null;
  constructor() {
    super();
    FakeMedia.made.push(this);
  }
  start(): void {
    this.state = "recording";
  }
  stop(): void {
    if (this.state === "inactive") return;
    this.state = "inactive";
    queueMicrotask(() => this.dispatchEvent(new Event("stop")));
  }
}

/** A worker that begins when it is told to, and finishes at once. */
class FakeWorker {
  onmessage: ((event: MessageEvent<FromRecorder>) => void) | null = null;
  readonly heard: ToRecorder["do"][] = [];
  isOver = false;
  postMessage(message: ToRecorder): void {
    this.heard.push(message.do);
    if (message.do === "finish") this.say({ say: "finished", object: "o", size: 1, durationMs: 1 });
    if (message.do === "forget") this.isOver = true; // It ends itself.
  }
  terminate(): void {
    this.isOver = true;
  }
  say(data: FromRecorder): void {
    queueMicrotask(() => this.onmessage?.({ data } as MessageEvent<FromRecorder>));
  }
}

let worker: FakeWorker;
let commands: string[];
/** What the node waits for before it answers. */
let answered: Promise<void>;
let states: RecorderState[];

function recorder(): Recorder {
  const command = (list: readonly { type: string }[]) => {
    commands.push(...list.map(({ type }) => type));
    return answered;
  };
  const ports = { me: "osei", origin: "clinic.example", command } as unknown as RoomPorts & {
    origin: string;
  };
  const plan = { ports, visit: "v", readers: [], recipients: [] };
  return new Recorder(plan, (state) => states.push(state), worker as unknown as Worker);
}

beforeEach(() => {
  worker = new FakeWorker();
  FakeMedia.made = [];
  [commands, answered, states] = [[], Promise.resolve(), []];
  vi.stubGlobal("MediaRecorder", FakeMedia);
});
afterEach(() => vi.unstubAllGlobals());

test("a recording is begun, stopped, sealed and linked", async () => {
  const one = recorder();
  const starting = one.start([]);
  worker.say({ say: "begun", object: "o" });
  await starting;
  await one.stop({ told: false });
  expect(commands).toEqual(["visit.start-recording/1", "visit.stop-recording/1", "visit.add-object/1"]);
  expect(states.at(-1)?.phase).toBe("kept");
  expect(worker.isOver).toBe(true);
});

test("whoever leaves while a recording is prepared leaves none behind", async () => {
  const one = recorder();
  const starting = one.start([]).catch(() => undefined);
  await one.stop({ told: false });
  worker.say({ say: "begun", object: "o" });
  await starting;
  expect(commands).toEqual([]);
  expect(FakeMedia.made).toEqual([]);
  expect(worker.isOver).toBe(true);
});

test("whoever leaves while the node is asked has the recording stopped on the visit too", async () => {
  let answer = () => {};
  answered = new Promise((resolve) => (answer = resolve));
  const one = recorder();
  const starting = one.start([]).catch(() => undefined);
  worker.say({ say: "begun", object: "o" });
  await vi.waitFor(() => expect(commands).toEqual(["visit.start-recording/1"]));
  await one.stop({ told: false });
  answer();
  await starting;
  expect(FakeMedia.made).toEqual([]);
  expect(commands).toEqual(["visit.start-recording/1", "visit.stop-recording/1"]);
  expect(states.at(-1)?.phase).toBe("idle");
  expect(worker.isOver).toBe(true);
});

test("a browser that cannot record is said to, and keeps no worker", async () => {
  vi.stubGlobal("MediaRecorder", undefined);
  await recorder()
    .start([])
    .catch(() => undefined);
  expect(states.at(-1)).toMatchObject({ phase: "failed", code: "recording-unsupported" });
  expect(worker.isOver).toBe(true);
  expect(commands).toEqual([]);
});

test("a recording that cannot be made after the node agreed does not stand on the visit as running", async () => {
  vi.stubGlobal(
    "MediaRecorder",
    class extends FakeMedia {
      override start(): void {
        throw new Error("no encoder");
      }
    },
  );
  const starting = recorder()
    .start([])
    .catch(() => undefined);
  worker.say({ say: "begun", object: "o" });
  await starting;
  expect(states.at(-1)?.phase).toBe("failed");
  expect(commands).toEqual(["visit.start-recording/1", "visit.stop-recording/1"]);
});

test("when the browser stops recording by itself, the recording ends with what it has", async () => {
  const one = recorder();
  const starting = one.start([]);
  worker.say({ say: "begun", object: "o" });
  await starting;
  FakeMedia.made[0]?.stop(); // As after an error of the encoder's.
  await vi.waitFor(() => expect(states.at(-1)?.phase).toBe("kept"), { timeout: 500 });
  expect(commands).toContain("visit.stop-recording/1");
});
