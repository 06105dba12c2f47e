import { describe, expect, test } from "vitest";
import { fromHex, toHex, type Bytes } from "../../kernel/bytes";
import { deriveFrameKey, encodeHeader, openFrame, readHeader, sealFrame } from "./sframe";

/** RFC 9605, appendix C.3, suite 5. */
const RFC = {
  kid: 0x123,
  counter: 0x4567,
  baseKey: "000102030405060708090a0b0c0d0e0f",
  metadata: "4945544620534672616d65205747",
  plaintext: "64726166742d696574662d736672616d652d656e63",
  sealed: "990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279",
};

const key = () => deriveFrameKey(fromHex(RFC.baseKey), RFC.kid);

describe("SFrame with AES_256_GCM_SHA512_128", () => {
  test("seals as the vector of RFC 9605 does, and opens it", async () => {
    const plaintext = fromHex(RFC.plaintext);
    const metadata = fromHex(RFC.metadata);
    const sealed = await sealFrame(await key(), { counter: RFC.counter, metadata, plaintext });
    expect(toHex(sealed)).toBe(RFC.sealed);
    const header = readHeader(sealed);
    expect(header).toEqual({ kid: RFC.kid, counter: RFC.counter, size: 5 });
    expect(await openFrame(await key(), { header, sealed, metadata })).toEqual(plaintext);
  });

  test.each([
    ["a flipped bit of the ciphertext", (sealed: Bytes) => flip(sealed, 8), RFC.metadata, RFC.baseKey],
    [
      "a flipped bit of the tag",
      (sealed: Bytes) => flip(sealed, sealed.length - 1),
      RFC.metadata,
      RFC.baseKey,
    ],
    ["another counter", (sealed: Bytes) => flip(sealed, 4), RFC.metadata, RFC.baseKey],
    ["other metadata", (sealed: Bytes) => sealed, "00", RFC.baseKey],
    ["another key", (sealed: Bytes) => sealed, RFC.metadata, "ff0102030405060708090a0b0c0d0e0f"],
  ])("refuses %s", async (_, change, metadata, baseKey) => {
    const sealed = change(fromHex(RFC.sealed));
    const wrong = await deriveFrameKey(fromHex(baseKey), RFC.kid);
    const opening = openFrame(wrong, { header: readHeader(sealed), sealed, metadata: fromHex(metadata) });
    await expect(opening).rejects.toMatchObject({ fault: "not-authentic" });
  });

  test.each([
    [0, 0, "00"],
    [0, 255, "08ff"],
    [7, 7, "77"],
    [255, 256, "89ff0100"],
    [16777216, 4294967296, "bc010000000100000000"],
  ])("writes the header of key %i and counter %i in its shortest form", (kid, counter, expected) => {
    expect(toHex(encodeHeader(kid, counter))).toBe(expected);
    expect(readHeader(fromHex(`${expected}${"00".repeat(16)}`))).toMatchObject({ kid, counter });
  });

  test.each([
    ["nothing", ""],
    ["no room for a tag", "00"],
    ["a number in more bytes than it needs", `0900ff${"00".repeat(16)}`],
    ["a small number behind the byte", `0805${"00".repeat(16)}`],
    ["a counter beyond 2^53", `0fffffffffffffffff${"00".repeat(16)}`],
    ["a header that is cut off", "b001"],
  ])("refuses %s", (_, hex) => {
    expect(() => readHeader(fromHex(hex))).toThrow(expect.objectContaining({ fault: "malformed" }));
  });
});

function flip(data: Bytes, at: number): Bytes {
  const changed = data.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
