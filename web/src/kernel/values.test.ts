import { describe, expect, it, test } from "vitest";
import * as base64url from "./base64url";
import { equal, randomBytes, toHex, utf8 } from "./bytes";
import { formatInstant, parseInstant } from "./clock";
import { commit, openCommitment } from "./commitment";
import { digestOf, parseDigest } from "./digest";
import { IdSource, parseId, parseStream, streamOf } from "./ids";
import { fromHex } from "./bytes";
import { codeOf, readVectors } from "./testing/vectors";

describe("base64url", () => {
  test("bytes of every length come back", () => {
    for (let size = 0; size < 100; size++) {
      const data = randomBytes(size);
      expect(equal(base64url.decode(base64url.encode(data)), data)).toBe(true);
      expect(equal(base64url.stdDecode(base64url.stdEncode(data)), data)).toBe(true);
      expect(base64url.stdEncode(data)).toBe(Buffer.from(data).toString("base64"));
    }
  });

  it.each(["A", "AA=", "AB", "AAB", "A A", "AA\n", "é+", "+/", "AAAAA", "AA==", "AAAA="])(
    "refuses `%s`",
    async (text) => {
      expect(await codeOf(() => base64url.decode(text))).toBe("not-base64");
    },
  );

  it.each(["AA", "AA=", "AB==", "AAA", "-_==", "AA== ", "=", "AAAA=", "AAAA=="])(
    "refuses `%s` with padding",
    async (text) => {
      expect(await codeOf(() => base64url.stdDecode(text))).toBe("not-base64");
    },
  );
});

describe("instants", () => {
  it.each([
    "2026-11-22T11:51:15.123Z",
    "1970-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "2024-02-29T00:00:00.000Z",
  ])("reads %s and writes it again", (text) => {
    expect(formatInstant(parseInstant(text))).toBe(text);
  });

  it.each([
    "2026-02-30T00:00:00.000Z",
    "2026-11-22T24:00:00.000Z",
    "2026-11-22t11:51:15.123z",
    "2026-11-22T11:51:15Z",
    "1969-12-31T23:59:59.999Z",
    5,
  ])("refuses %s", async (text) => {
    expect(await codeOf(() => parseInstant(text))).toBe("invalid-instant");
  });
});

describe("ids", () => {
  test("ids rise while the clock stands still and when it goes back", () => {
    let now = 1_700_000_000_000;
    const ids = new IdSource({ nowMs: () => now });
    const made: string[] = [];
    for (let count = 0; count < 300; count++) {
      if (count === 200) now -= 5_000;
      made.push(parseId(ids.next()));
    }
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  test("ids rise when their random part overflows", () => {
    const ids = new IdSource({ nowMs: () => 1 }, (count) => new Uint8Array(count).fill(0xff));
    const made = Array.from({ length: 5 }, () => ids.next());
    expect([...made].sort()).toEqual(made);
  });

  test("nonce has the 22 letters that requests ask for", () => {
    expect(new IdSource({ nowMs: () => 1 }).nonce()).toMatch(/^[A-Za-z0-9_-]{21}[AQgw]$/);
  });

  it.each([
    "0193A3C5-7b1a-7c3d-9e4f-0123456789ab",
    "0193a3c5-7b1a-4c3d-9e4f-0123456789ab",
    "0193a3c57b1a7c3d9e4f0123456789ab",
    null,
  ])("refuses %s", async (text) => {
    expect(await codeOf(() => parseId(text))).toBe("invalid-id");
  });

  test("stream name is a kind and an id", async () => {
    const id = "0193a3c5-7b1a-7c3d-9e4f-0123456789ab";
    expect(parseStream(streamOf("visit", id))).toEqual({ kind: "visit", id });
    expect(await codeOf(() => parseStream(`visit/${id}/x`))).toBe("invalid-id");
    expect(await codeOf(() => streamOf("Visit", id))).toBe("invalid-id");
  });
});

test("digest of another algorithm, case or length is refused", async () => {
  const digest = digestOf(utf8("abc"));
  expect(digest).toBe("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(toHex(parseDigest(digest))).toBe(digest.slice(7));
  for (const text of [
    digest.toUpperCase(),
    digest.slice(0, -1),
    digest.replace("sha256", "sha512"),
    `${digest}\n`,
    7,
  ]) {
    expect(await codeOf(() => parseDigest(text))).toBe("invalid-digest");
  }
});

describe("commitments", () => {
  interface Vector {
    readonly name: string;
    readonly key: string;
    readonly value: string;
    readonly commitment: string;
  }
  const vectors = readVectors<{ good: Vector[]; bad: Vector[] }>("commitment");

  it.each(vectors.good)("$name opens", ({ key, value, commitment }) => {
    expect(commit(utf8(value), fromHex(key))).toBe(commitment);
    openCommitment({ commitment, value: utf8(value), key: fromHex(key) });
  });

  it.each(vectors.bad)("$name is refused", async ({ key, value, commitment }) => {
    const opening = { commitment, value: utf8(value), key: fromHex(key) };
    expect(await codeOf(() => openCommitment(opening))).toBe("commitment-refused");
  });
});
