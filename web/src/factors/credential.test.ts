import { expect, it, test } from "vitest";
import { base64url, canonical, type JsonObject, utf8, VerifyKey } from "~/kernel";
import { codeOf } from "~/kernel/testing/vectors";
import { verifyCredential } from "./credential";
import { readDisclosure } from "./disclosures";
import { dataOf, type Vector, VECTORS } from "./testing";

function verify(vector: Partial<Vector>) {
  const issuer = VerifyKey.fromJwks(vector.issuer ?? VECTORS.issuer);
  return verifyCredential(dataOf(vector), { issuer, nowMs: vector.now_ms ?? VECTORS.now_ms });
}

test("the good credential shows its factors", async () => {
  const credential = await verify({});
  expect(credential.digest).toBe(VECTORS.credential.digest);
  expect(credential.holder.keyId).toBe(VerifyKey.fromJwks(VECTORS.holder).keyId);
  const shown = Object.fromEntries(credential.factors.map(({ name, value }) => [name, value]));
  expect(shown).toEqual(VECTORS.credential.factors);
});

it.each(VECTORS.credential.bad)("$name is refused as $code", async (vector) => {
  expect(await codeOf(() => verify(vector))).toBe(vector.code);
});

test("a changed disclosure matches nothing that was signed", async () => {
  const text = disclosures()[0] ?? "";
  const [salt, name] = JSON.parse(new TextDecoder().decode(base64url.decode(text))) as string[];
  const changed = base64url.encode(canonical.encode([salt ?? "", name ?? "", "OR"]));
  const set = { "/signatures/0/header/disclosures": [changed] };
  expect(await codeOf(() => verify({ set }))).toBe("disclosure-unmatched");
});

test("every byte of a credential matters", async () => {
  const data = dataOf({});
  // A few places of each part: of the payload, of both signatures, of the disclosures.
  for (let at = 11; at < data.length; at += 397) {
    const changed = new Uint8Array(data);
    changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
    const issuer = VerifyKey.fromJwks(VECTORS.issuer);
    const code = await codeOf(() => verifyCredential(changed, { issuer, nowMs: VECTORS.now_ms }));
    expect(code, `at ${at}`).not.toBe("");
  }
});

const OTHER_FORMS: readonly (readonly [string, unknown, string])[] = [
  ["four parts", ["x".repeat(22), "name", "value", 1], "disclosure-malformed"],
  ["no salt", [1, "name", "value"], "disclosure-malformed"],
  ["a list for a value", ["x".repeat(22), "name", []], "disclosure-malformed"],
  ["a value too long", ["x".repeat(22), "name", "v".repeat(513)], "disclosure-malformed"],
  ["an object", { name: "value" }, "disclosure-malformed"],
  ["a name in capitals", ["x".repeat(22), "Name", 1], "factor-name-refused"],
  ["the issuer's own claim", ["x".repeat(22), "iss", 1], "factor-name-refused"],
];

it.each(OTHER_FORMS)("a disclosure with %s is refused", async (_, content, code) => {
  const text = base64url.encode(canonical.encode(content));
  expect(await codeOf(() => readDisclosure(text))).toBe(code);
});

test("more than a credential can be is not read", async () => {
  const issuer = VerifyKey.fromJwks(VECTORS.issuer);
  const large = utf8(" ".repeat(128 * 1024 + 1));
  expect(await codeOf(() => verifyCredential(large, { issuer, nowMs: 0 }))).toBe("credential-too-large");
});

function disclosures(): string[] {
  const document = JSON.parse(VECTORS.credential.data) as { signatures: [{ header: JsonObject }] };
  return document.signatures[0].header.disclosures as unknown as string[];
}
