import { describe, expect, it, test } from "vitest";
import * as base64url from "./base64url";
import { type Bytes, fromHex, randomBytes, toHex, utf8, utf8Text } from "./bytes";
import type { Digest } from "./digest";
import { openEnvelope, readEnvelopeHeader, sealEnvelope } from "./envelope";
import { generateRecipientKey, recipientKeyFromSeed, RecipientPublic } from "./recipient";
import { seal, SEAL_BYTES_MAX, SEAL_OVERHEAD, unseal } from "./sealing";
import { codeOf, readVectors } from "./testing/vectors";

interface Sealed {
  readonly name: string;
  readonly seed: string;
  readonly purpose: string;
  readonly object: string;
  readonly recipient: Digest;
  readonly role: string;
  readonly sealed: string;
}
interface Enveloped {
  readonly name: string;
  readonly seed: string;
  readonly purpose: string;
  readonly object: string;
  readonly plaintext: string;
  readonly envelope: string;
  readonly code: string;
}
interface Vectors {
  readonly good: readonly (Sealed & { readonly public: string; readonly plaintext: string })[];
  readonly bad: readonly (Sealed & { readonly code: string })[];
  readonly envelopes: { readonly good: readonly Enveloped[]; readonly bad: readonly Enveloped[] };
}
interface Wrap {
  readonly object: string;
  readonly role: string;
  readonly recipient_seed: string;
  readonly recipient: Digest;
  readonly data_key: string;
  readonly sealed: string;
}

const VECTORS = readVectors<Vectors>("sealing");
const { wraps: WRAPS } = readVectors<{ wraps: Wrap[] }>("object");
const ENGINES = [undefined, "noble"] as const;

describe.each(ENGINES)("the vectors by engine %s", (engine) => {
  it.each(VECTORS.good)("$name opens", async ({ seed, sealed, plaintext, public: publicText, ...info }) => {
    const key = await recipientKeyFromSeed(fromHex(seed), { engine });
    expect(base64url.encode(key.public.bytes)).toBe(publicText);
    expect(toHex(await unseal(base64url.decode(sealed), { key, info }))).toBe(plaintext);
  });

  it.each(VECTORS.bad)("$name is refused", async ({ seed, sealed, code, ...info }) => {
    const key = await recipientKeyFromSeed(fromHex(seed), { engine });
    expect(await codeOf(() => unseal(base64url.decode(sealed), { key, info }))).toBe(code);
  });

  it.each(VECTORS.envelopes.good)(
    "envelope $name",
    async ({ seed, purpose, object, plaintext, envelope }) => {
      const key = await recipientKeyFromSeed(fromHex(seed), { engine });
      expect(utf8Text(await openEnvelope(utf8(envelope), { key, purpose, object }))).toBe(plaintext);
    },
  );

  it.each(VECTORS.envelopes.bad)(
    "envelope $name is refused",
    async ({ seed, purpose, object, envelope, code }) => {
      const key = await recipientKeyFromSeed(fromHex(seed), { engine });
      expect(await codeOf(() => openEnvelope(utf8(envelope), { key, purpose, object }))).toBe(code);
    },
  );

  it.each(WRAPS)(
    "wrap for the $role",
    async ({ object, role, recipient, recipient_seed, data_key, sealed }) => {
      const key = await recipientKeyFromSeed(fromHex(recipient_seed), { engine });
      const info = { purpose: "object-key", object, recipient, role };
      expect(toHex(await unseal(base64url.decode(sealed), { key, info }))).toBe(data_key);
    },
  );
});

const infoFor = (key: { public: RecipientPublic }, role = "reader") => ({
  purpose: "object-key",
  object: "object-1",
  recipient: key.public.thumbprint(),
  role,
});

test.each([0, 1, 32, SEAL_BYTES_MAX])("secret of %i bytes opens for its recipient", async (size) => {
  const key = await generateRecipientKey();
  const secret = randomBytes(size);
  const sealed = await seal(secret, { recipient: key.public, info: infoFor(key) });
  expect(sealed.length).toBe(size + SEAL_OVERHEAD);
  expect(toHex(await unseal(sealed, { key, info: infoFor(key) }))).toBe(toHex(secret));
});

test("private halves cannot be exported", async () => {
  for (const engine of ENGINES) {
    const { kept } = await generateRecipientKey({ engine });
    for (const { record } of [kept.mlkem, kept.x25519]) {
      expect((record.engine === "webcrypto" ? record.key : record.wrap).extractable).toBe(false);
    }
  }
});

test("secret above its limit is not sealed", async () => {
  const key = await generateRecipientKey();
  const tooLarge = seal(new Uint8Array(SEAL_BYTES_MAX + 1), { recipient: key.public, info: infoFor(key) });
  expect(await codeOf(() => tooLarge)).toBe("limit-exceeded");
});

test.each([
  ["", "seal-refused"],
  ["x".repeat(201), "seal-refused"],
])("role %# is refused", async (role, code) => {
  const key = await generateRecipientKey();
  expect(await codeOf(() => seal(utf8("x"), { recipient: key.public, info: infoFor(key, role) }))).toBe(code);
});

test("public key of another size, or with a coefficient beyond the modulus, is refused", async () => {
  const key = await generateRecipientKey();
  expect(await codeOf(() => new RecipientPublic(key.public.bytes.subarray(1)))).toBe("recipient-key-refused");
  const beyond = new Uint8Array(key.public.bytes);
  beyond.fill(0xff, 0, 3);
  expect(await codeOf(() => new RecipientPublic(beyond))).toBe("recipient-key-refused");
});

test("X25519 key of small order is not sealed to", async () => {
  const key = await generateRecipientKey();
  const weak = new Uint8Array(key.public.bytes);
  weak.fill(0, 1184);
  const recipient = new RecipientPublic(weak);
  const info = { ...infoFor(key), recipient: recipient.thumbprint() };
  expect(await codeOf(() => seal(utf8("x"), { recipient, info }))).toBe("recipient-key-refused");
});

describe("envelopes", () => {
  const purpose = { purpose: "message", object: "0193a3c5-7b1a-7c3d-9e4f-0123456789ab" };

  test("each recipient reads the same message, and nobody else", async () => {
    const [reader, monitor, stranger] = [
      await generateRecipientKey(),
      await generateRecipientKey({ engine: "noble" }),
      await generateRecipientKey(),
    ];
    const recipients = [
      { key: reader.public, role: "reader" },
      { key: monitor.public, role: "monitor" },
    ];
    const message = randomBytes(200_000);
    const envelope = await sealEnvelope(message, { recipients, ...purpose });
    for (const key of [reader, monitor]) {
      expect(toHex(await openEnvelope(envelope, { key, ...purpose }))).toBe(toHex(message));
    }
    expect(await codeOf(() => openEnvelope(envelope, { key: stranger, ...purpose }))).toBe("not-a-recipient");
    expect(readEnvelopeHeader(envelope)).toEqual({
      ...purpose,
      recipients: recipients.map(({ key, role }) => ({ recipient: key.thumbprint(), role })),
    });
  });

  test("nobody, a recipient named twice, and too large a message are refused", async () => {
    const { public: key } = await generateRecipientKey();
    const twice = [key, key].map((one) => ({ key: one, role: "reader" }));
    expect(await codeOf(() => sealEnvelope(utf8("x"), { recipients: [], ...purpose }))).toBe("seal-refused");
    expect(await codeOf(() => sealEnvelope(utf8("x"), { recipients: twice, ...purpose }))).toBe(
      "seal-refused",
    );
    const large: Bytes = new Uint8Array(1024 * 1024 + 1);
    const recipients = twice.slice(1);
    expect(await codeOf(() => sealEnvelope(large, { recipients, ...purpose }))).toBe("limit-exceeded");
  });
});
