import { beforeEach, describe, expect, test } from "vitest";
import type { Bytes } from "../../kernel/bytes";
import { KEYS_MAX, KeyRing, OLD_EPOCH_MS } from "./ring";
import { WINDOW } from "./replay";

const SECRET = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);
const KEY_FRAME = new Uint8Array([0x10, ...Array.from({ length: 60 }, (_, at) => at)]);
const EPOCH = 1_790_000_000;
const KID = EPOCH * 256;

let now = 0;
let alice: KeyRing;
let bob: KeyRing;

beforeEach(async () => {
  now = 0;
  alice = new KeyRing(() => now);
  bob = new KeyRing(() => now);
  await alice.setSending(SECRET, KID);
  await bob.setReceiving(SECRET, { kid: KID, sender: "alice", epoch: EPOCH });
});

const sealed = async (): Promise<Bytes> => new Uint8Array(await alice.seal("camera", KEY_FRAME));
const fault = (name: string) => expect.objectContaining({ fault: name });

describe("the keys of a room", () => {
  test("a frame opens for whoever has the sender's key, and the wire shows no picture", async () => {
    const wire = await sealed();
    expect(wire.subarray(0, 10)).toEqual(KEY_FRAME.subarray(0, 10));
    expect(Buffer.from(wire).includes(Buffer.from(KEY_FRAME.subarray(10, 30)))).toBe(false);
    expect(new Uint8Array(await bob.open("camera", "alice", wire))).toEqual(KEY_FRAME);
  });

  test("with another key it is refused", async () => {
    await bob.setReceiving(OTHER, { kid: KID, sender: "alice", epoch: EPOCH });
    await expect(bob.open("camera", "alice", await sealed())).rejects.toEqual(fault("not-authentic"));
  });

  test("changed clear bytes, another slot and another sender are refused", async () => {
    const wire = await sealed();
    const turned = wire.slice();
    turned[5] = (turned[5] ?? 0) ^ 1;
    await expect(bob.open("camera", "alice", turned)).rejects.toEqual(fault("not-authentic"));
    await expect(bob.open("screen", "alice", wire)).rejects.toEqual(fault("not-authentic"));
    await expect(bob.open("camera", "carol", wire)).rejects.toEqual(fault("other-sender"));
  });

  test("a frame is taken once, and none from far behind", async () => {
    const wire = await sealed();
    await bob.open("camera", "alice", wire);
    await expect(bob.open("camera", "alice", wire)).rejects.toEqual(fault("replayed"));
    const old = await sealed();
    for (let frame = 0; frame < WINDOW; frame += 1) await alice.seal("microphone", KEY_FRAME);
    await bob.open("camera", "alice", await sealed());
    await expect(bob.open("camera", "alice", old)).rejects.toEqual(fault("replayed"));
  });

  test("nothing is sealed without a sending key", async () => {
    alice.stopSending();
    await expect(alice.seal("camera", KEY_FRAME)).rejects.toEqual(fault("unknown-key"));
  });

  test("keys of a past epoch end after a while, those of somebody who left at once", async () => {
    const [first, second, third] = [await sealed(), await sealed(), await sealed()];
    bob.enterEpoch(EPOCH + 1, ["alice", "bob"]);
    await bob.open("camera", "alice", first);
    now += OLD_EPOCH_MS;
    await expect(bob.open("camera", "alice", second)).rejects.toEqual(fault("unknown-key"));
    await bob.setReceiving(SECRET, { kid: KID, sender: "alice", epoch: EPOCH });
    bob.enterEpoch(EPOCH + 1, ["bob"]);
    await expect(bob.open("camera", "alice", third)).rejects.toEqual(fault("unknown-key"));
  });

  test("keys beyond the bound are refused", async () => {
    for (let place = 1; place < KEYS_MAX; place += 1) {
      await bob.setReceiving(SECRET, { kid: KID + place, sender: "alice", epoch: EPOCH });
    }
    const adding = bob.setReceiving(SECRET, { kid: KID + KEYS_MAX, sender: "alice", epoch: EPOCH });
    await expect(adding).rejects.toThrow(RangeError);
  });

  test("a frame that is too short is refused, not read over its end", async () => {
    await expect(bob.open("camera", "alice", new Uint8Array([0x10, 1, 2]))).rejects.toEqual(
      fault("malformed"),
    );
    await expect(bob.open("microphone", "alice", new Uint8Array(0))).rejects.toEqual(fault("malformed"));
  });
});
