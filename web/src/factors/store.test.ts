import "fake-indexeddb/auto";
import { beforeAll, expect, test } from "vitest";
import {
  createWallet,
  IdSource,
  type KeptWallet,
  renewWallet,
  systemClock,
  utf8,
  utf8Text,
  VerifyKey,
} from "~/kernel";
import { codeOf } from "~/kernel/testing/vectors";
import { approve, type HeldCredential, offersFor, takeCredential } from "./book";
import { verifyCredential } from "./credential";
import { readRequest } from "./request";
import { FactorStore, HELD_MAX } from "./store";
import { VECTORS } from "./testing";

const ids = new IdSource(systemClock);
let wallet: KeptWallet;
let other: KeptWallet;
let held: HeldCredential;

beforeAll(async () => {
  wallet = await createWallet({ kind: "person", ids });
  other = await createWallet({ kind: "person", ids });
  const serialized = utf8(VECTORS.credential.data);
  const issuer = VerifyKey.fromJwks(VECTORS.issuer);
  const credential = await verifyCredential(serialized, { issuer, nowMs: VECTORS.now_ms });
  held = { serialized, issuer, credential };
});

async function opened(): Promise<FactorStore> {
  return FactorStore.open({ databaseName: ids.next() });
}

test("what was kept is there again, whole", async () => {
  const store = await opened();
  await store.save(wallet, held);
  await store.save(wallet, held);
  const { held: found, lost } = await store.load(wallet);
  expect(lost).toEqual([]);
  expect(found.map(({ credential }) => credential.factors)).toEqual([held.credential.factors]);
  expect(utf8Text(found[0]?.serialized ?? utf8(""))).toBe(VECTORS.credential.data);
});

test("the next person at this device gets nothing of it", async () => {
  const store = await opened();
  await store.save(wallet, held);
  expect(await store.load(other)).toEqual({ held: [], lost: [] });
  // Nor when the next one's page says that it is the other's.
  const disguised = { ...other, actor: wallet.actor };
  expect(await store.load(disguised)).toEqual({ held: [], lost: [held.credential.digest] });
});

test("nothing of a credential can be read where it is kept", async () => {
  const name = ids.next();
  const store = await FactorStore.open({ databaseName: name });
  await store.save(wallet, held);
  store.close();
  const text = await rawText(name);
  for (const secret of ["licensed_in", "Zoë", "disclosures", VECTORS.credential.data.slice(40, 80)])
    expect(text).not.toContain(secret);
});

test("keys that were replaced open it no more, and it can be let go", async () => {
  const store = await opened();
  await store.save(wallet, held);
  const renewed = await renewWallet(wallet);
  const { lost } = await store.load(renewed);
  expect(lost).toEqual([held.credential.digest]);
  await store.remove(wallet.actor, held.credential.digest);
  expect(await store.load(wallet)).toEqual({ held: [], lost: [] });
});

test("who forgets keys forgets what they open, and no other person's", async () => {
  const store = await opened();
  await store.save(wallet, held);
  await store.save(other, held);
  await store.forget(wallet.actor);
  expect((await store.load(wallet)).held).toEqual([]);
  expect((await store.load(other)).held).toHaveLength(1);
});

test("so many credentials, and no more", async () => {
  const store = await opened();
  for (let n = 0; n < HELD_MAX; n++) {
    const digest = `sha256:${n}` as HeldCredential["credential"]["digest"];
    await store.save(wallet, { ...held, credential: { ...held.credential, digest } });
  }
  expect(await codeOf(() => store.save(wallet, held))).toBe("credentials-refused");
});

test("another person's credential is not taken", async () => {
  const { serialized, issuer } = held;
  const holder = wallet.signingKey.public;
  const take = () => takeCredential(serialized, { issuer, holder, nowMs: VECTORS.now_ms });
  expect(await codeOf(take)).toBe("credentials-refused");
});

test("nothing is offered from a credential that is bound to other keys, nor shown unasked", async () => {
  const [presentation, verifier, node] = [ids.next(), ids.next(), "clinic.example/ledger"];
  const request = readRequest({
    format: "telesphor-presentation-request/1",
    v: 1,
    presentation,
    node,
    verifier,
    audience: `${node}/actors/${verifier}`,
    nonce: ids.nonce(),
    wanted: [{ group: "licence", name: "licensed_in", accepted: [], vouched: "any", optional: true }],
    purpose: "treatment",
    holder: null,
    expires_at: "2030-01-01T00:00:00.000Z",
    relied_seconds: 60,
  });
  const at = { wallet, node, nowMs: VECTORS.now_ms };
  expect(offersFor(request, [held], at).map(({ factor }) => factor)).toEqual([null]);
  const answer = (...names: string[]) => codeOf(() => approve(request, [held], { ...at, names }));
  expect(await answer("licence.licensed_in")).toBe("factor-not-held");
  expect(await answer()).toBe("approval-refused");
  expect(await answer("licence.number")).toBe("approval-refused");
});

async function rawText(name: string): Promise<string> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => {
      resolve(request.result);
    };
  });
  const records = await new Promise<unknown[]>((resolve) => {
    const request = database.transaction("credentials").objectStore("credentials").getAll();
    request.onsuccess = () => {
      resolve(request.result as unknown[]);
    };
  });
  return records
    .map((record) => utf8Text((record as { envelope: Uint8Array }).envelope) + JSON.stringify(record))
    .join("");
}
