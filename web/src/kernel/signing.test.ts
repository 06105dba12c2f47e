import { describe, expect, it, test } from "vitest";
import * as base64url from "./base64url";
import { type Bytes, fromHex, utf8, utf8Text } from "./bytes";
import type { JsonObject } from "./canonical";
import {
  KeptKey,
  generateSigningKey,
  type Jwk,
  type SigningKey,
  signingKeyFromSeeds,
  VerifyKey,
} from "./keypair";
import { payloadDigest, readJws, signDetached, signJws, verifyDetached, verifyJws } from "./signing";
import { codeOf, readVectors } from "./testing/vectors";

interface Vector {
  readonly name: string;
  readonly jwks: readonly Jwk[];
  readonly jws: string;
}
interface Good extends Vector {
  readonly thumbprints: readonly string[];
  readonly key_id: string;
  readonly payload: JsonObject;
  readonly payload_digest: string;
}
const VECTORS = readVectors<{ good: Good[]; bad: (Vector & { code: string })[] }>("request");
const SEED = fromHex("01".repeat(32));

const payloadFor = (key: SigningKey, more: JsonObject = {}): JsonObject => ({
  ...more,
  keys: [...key.public.thumbprints()],
});

describe("the vectors", () => {
  it.each(VECTORS.good)("document of $name verifies", async (vector) => {
    const key = VerifyKey.fromJwks(vector.jwks);
    expect([key.jwks(), key.thumbprints(), key.keyId]).toEqual([
      vector.jwks,
      vector.thumbprints,
      vector.key_id,
    ]);
    expect(await verifyJws(utf8(vector.jws), key)).toEqual(vector.payload);
    expect(payloadDigest(utf8(vector.jws))).toBe(vector.payload_digest);
  });

  it.each(VECTORS.bad)("$name is refused", async ({ jws, jwks, code }) => {
    expect(await codeOf(() => verifyJws(utf8(jws), VerifyKey.fromJwks(jwks)))).toBe(code);
  });
});

describe("signing", () => {
  test("what is signed verifies, and no half of it alone", async () => {
    const key = await generateSigningKey();
    const data = await signJws(payloadFor(key, { note: "ü" }), key);
    expect(await verifyJws(data, key.public)).toEqual(payloadFor(key, { note: "ü" }));
    const document = JSON.parse(utf8Text(data)) as {
      payload: string;
      signatures: { protected: string; signature: string }[];
    };
    for (const half of [0, 1]) {
      const stripped = { ...document, signatures: document.signatures.filter((_, index) => index !== half) };
      expect(await codeOf(() => verifyJws(utf8(JSON.stringify(stripped)), key.public))).toBe(
        "half-signature",
      );
    }
  });

  test("half of one pair is refused under another pair that shares the other half", async () => {
    const mine = await signingKeyFromSeeds({ suite: "ACTOR", ed25519: SEED, mldsa: SEED });
    const other = await signingKeyFromSeeds({
      suite: "ACTOR",
      ed25519: SEED,
      mldsa: fromHex("02".repeat(32)),
    });
    const data = await signJws(payloadFor(mine), mine);
    expect(await codeOf(() => verifyJws(data, other.public))).toBe("jws-header-refused");
  });

  test("payload that names other keys is not signed", async () => {
    const key = await generateSigningKey();
    const other = await generateSigningKey();
    expect(await codeOf(() => signJws(payloadFor(other), key))).toBe("keys-not-bound");
    expect(await codeOf(() => signDetached(utf8("{}"), key))).toBe("keys-not-bound");
  });

  test("detached signatures verify over their content alone", async () => {
    const key = await generateSigningKey();
    const content = utf8(JSON.stringify(payloadFor(key)));
    const jws = await signDetached(content, key);
    expect(await verifyDetached({ content, jws }, key.public)).toEqual(payloadFor(key));
    const altered = utf8(JSON.stringify({ ...payloadFor(key), z: 1 }));
    expect(await codeOf(() => verifyDetached({ content: altered, jws }, key.public))).toBe(
      "signature-refused",
    );
  });

  test("signature that is cut or lengthened is refused", async () => {
    const key = await generateSigningKey();
    const text = utf8Text(await signJws(payloadFor(key), key));
    const [, second = ""] = [...text.matchAll(/"signature":"([^"]+)"/g)].map((match) => match[1] ?? "");
    for (const bytes of [base64url.decode(second).subarray(1), new Uint8Array(3310)]) {
      const changed = utf8(text.replace(second, base64url.encode(bytes)));
      expect(await codeOf(() => verifyJws(changed, key.public))).toBe("signature-refused");
    }
  });

  test("document above its limit is refused", async () => {
    expect(await codeOf(() => readJws(new Uint8Array(11), { limit: 10 }))).toBe("limit-exceeded");
  });

  test("document of a million empty parts is refused at once", async () => {
    const data = utf8(`{"payload":"e30","signatures":[{${"},{".repeat(1_000_000)}}]}`);
    expect(await codeOf(() => readJws(data))).toBe("jws-malformed");
  });
});

describe("keys", () => {
  test("private halves cannot be exported", async () => {
    const key = await generateSigningKey();
    for (const { record } of [key.kept.ed25519, key.kept.mldsa]) {
      const held = record.engine === "webcrypto" ? record.key : record.wrap;
      expect(held.extractable).toBe(false);
      await expect(crypto.subtle.exportKey("jwk", held)).rejects.toThrow();
    }
  });

  test("same seeds give the same pair in both engines", async () => {
    const seeds = () => ({
      suite: "ACTOR" as const,
      ed25519: new Uint8Array(SEED),
      mldsa: new Uint8Array(SEED),
    });
    const [first, second] = [
      await signingKeyFromSeeds(seeds()),
      await signingKeyFromSeeds(seeds(), { engine: "noble" }),
    ];
    expect(first.public.keyId).toBe(second.public.keyId);
    expect(await verifyJws(await signJws(payloadFor(second), second), first.public)).toEqual(
      payloadFor(first),
    );
  });

  test.each<[unknown, string]>([
    [[], "one too few"],
    ["x", "text"],
    [[VECTORS.good[0]?.jwks[0], VECTORS.good[0]?.jwks[0]], "twice Ed25519"],
    [[{ ...VECTORS.good[0]?.jwks[0], use: "sig" }, VECTORS.good[0]?.jwks[1]], "another member"],
    [[{ ...VECTORS.good[0]?.jwks[0], x: "AAAA" }, VECTORS.good[0]?.jwks[1]], "a short key"],
    [[{ ...VECTORS.good[0]?.jwks[0], x: "AB" }, VECTORS.good[0]?.jwks[1]], "stray bits"],
  ])("pair %# that is none is refused", async (jwks) => {
    expect(await codeOf(() => VerifyKey.fromJwks(jwks))).toBe("key-refused");
  });

  test("sealed seed that was moved to another use does not open", async () => {
    const key = await generateSigningKey({ engine: "noble" });
    const { ed25519, mldsa } = key.kept;
    if (mldsa.record.engine !== "noble") throw new Error("not noble's");
    const sealed: Bytes = new Uint8Array(mldsa.record.sealed);
    sealed[0] = (sealed[0] ?? 0) ^ 1;
    const broken = new KeptKey({
      suite: "ACTOR",
      ed25519,
      mldsa: { ...mldsa, record: { ...mldsa.record, sealed } },
    });
    expect(await codeOf(() => signJws(payloadFor(broken), broken))).toBe("secret-refused");
  });
});
