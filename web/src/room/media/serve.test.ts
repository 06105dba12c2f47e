import { beforeEach, describe, expect, test } from "vitest";
import type { FrameCounts, FromWorker, ToWorker, TransformOptions } from "./messages";
import { serveFrames, type FrameScope, type FrameTransformer } from "./serve";

const SECRET = new Uint8Array(32).fill(7);
const EPOCH = 1_790_000_000;
const KID = EPOCH * 256;
/** More than the least time between two requests. */
const LATER_MS = 1_000;

type Kind = "key" | "delta";

interface Frame {
  data: ArrayBuffer;
  type: Kind;
}

let now = 0;
let asked = 0;

/** One worker, and what goes through a transform of it. */
class Page {
  readonly #scope: FrameScope = {
    onrtctransform: null,
    onmessage: null,
    postMessage: (said) => this.#said(said),
  };
  #said: (said: FromWorker) => void = () => undefined;

  constructor() {
    serveFrames(this.#scope, { nowMs: () => now });
  }

  tell(message: ToWorker): Promise<FromWorker> {
    return new Promise((said) => {
      this.#said = said;
      this.#scope.onmessage?.({ data: { ...message, id: 0 } } as MessageEvent<ToWorker & { id: number }>);
    });
  }

  /** A way through: it takes a frame, and gives what came out, or null where it was dropped. */
  through(options: TransformOptions): (kind: Kind, data: ArrayBuffer) => Promise<ArrayBuffer | null> {
    const [before, after] = [new TransformStream<Frame, Frame>(), new TransformStream<Frame, Frame>()];
    const transformer = {
      options,
      readable: before.readable,
      writable: after.writable,
      sendKeyFrameRequest: () => Promise.resolve((asked += 1)),
    };
    this.#scope.onrtctransform?.({ transformer: transformer as unknown as FrameTransformer });
    const [writer, reader] = [before.writable.getWriter(), after.readable.getReader()];
    return async (type, data) => {
      const was = await this.#counts();
      await writer.write({ data, type });
      let is = was;
      while (sum(is) === sum(was)) is = await this.#counts();
      if (is.sealed + is.opened === was.sealed + was.opened) return null;
      return (await reader.read()).value?.data ?? null;
    };
  }

  async #counts(): Promise<FrameCounts> {
    await new Promise((turn) => setTimeout(turn));
    const said = await this.tell({ do: "count" });
    return said.say === "counts" ? structuredClone(said.counts) : expect.fail("it does not count");
  }
}

const sum = ({ sealed, opened, dropped, refused }: FrameCounts): number =>
  Object.values(refused).reduce((all, one) => all + one, sealed + opened + dropped);

const picture = (kind: Kind): ArrayBuffer =>
  Uint8Array.from({ length: 40 }, (_, at) => (at === 0 && kind === "delta" ? 1 : at * 2)).buffer;

let bob: Page;
let seal: (kind: Kind) => Promise<ArrayBuffer>;
let open: ReturnType<Page["through"]>;

beforeEach(async () => {
  [now, asked] = [0, 0];
  const alice = new Page();
  bob = new Page();
  await alice.tell({ do: "send", secret: SECRET, kid: KID });
  const sending = alice.through({ way: "send", slot: "camera" });
  seal = async (kind) => (await sending(kind, picture(kind))) ?? expect.fail("it was not sealed");
  open = bob.through({ way: "receive", slot: "camera", sender: "alice" });
});

const giveKey = () => bob.tell({ do: "receive", secret: SECRET, kid: KID, sender: "alice", epoch: EPOCH });

describe("a picture that comes before its key", () => {
  test("is dropped, and a whole one is asked for", async () => {
    expect(await open("key", await seal("key"))).toBeNull();
    expect(asked).toBe(1);
  });

  test("is asked for again with what opens but builds on it, until a whole one came", async () => {
    await open("key", await seal("key"));
    await giveKey();
    now += LATER_MS;
    expect(await open("delta", await seal("delta"))).toEqual(picture("delta"));
    expect(asked).toBe(2);
    now += LATER_MS;
    expect(await open("key", await seal("key"))).toEqual(picture("key"));
    now += LATER_MS;
    await open("delta", await seal("delta"));
    expect(asked).toBe(2);
  });

  test("is not asked for with every frame", async () => {
    for (let frame = 0; frame < 5; frame += 1) await open("delta", await seal("delta"));
    expect(asked).toBe(1);
  });
});

test("sound that does not open asks for no picture", async () => {
  const hear = bob.through({ way: "receive", slot: "microphone", sender: "alice" });
  expect(await hear("delta", await seal("delta"))).toBeNull();
  expect(asked).toBe(0);
});
