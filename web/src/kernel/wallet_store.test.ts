import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { toHex, utf8 } from "./bytes";
import { IdSource } from "./ids";
import { signingKeyFromSeeds } from "./keypair";
import { makeCard } from "./requests";
import { seal, unseal } from "./sealing";
import { verifyJws } from "./signing";
import { codeOf } from "./testing/vectors";
import { createWallet, engineOf, type KeptWallet, renewWallet } from "./wallet";
import { WalletStore } from "./wallet_store";

const CLOCK = { nowMs: () => 1_790_000_000_000 };
const IDS = new IdSource(CLOCK);
const NOTE = { origin: "telesphor.example/clinic", label: "My keys" };

let factory: IDBFactory;
let store: WalletStore;
beforeEach(async () => {
  factory = new IDBFactory();
  store = await WalletStore.open({ factory, clock: CLOCK });
});

describe.each([undefined, "noble"] as const)("wallet by engine %s", (engine) => {
  test("signs and unseals after it was kept and loaded by another page", async () => {
    const wallet = await createWallet({ kind: "person", ids: IDS, engine });
    await store.save(wallet, NOTE);
    store.close();
    const loaded = await (await WalletStore.open({ factory })).load(wallet.actor);
    expect([loaded.actor, loaded.kind, engineOf(loaded)]).toEqual([wallet.actor, "person", engineOf(wallet)]);
    await expectToWork(loaded, wallet);
  });
});

test("list shows what was saved, the last first, and no key", async () => {
  const [first, second] = [
    await createWallet({ kind: "person", ids: IDS }),
    await createWallet({ kind: "person", ids: IDS, engine: "noble" }),
  ];
  await store.save(first, NOTE);
  const later = await WalletStore.open({ factory, clock: { nowMs: () => CLOCK.nowMs() + 1000 } });
  await later.save(second, { ...NOTE, label: "Newer" });
  expect(await store.list()).toEqual([
    {
      actor: second.actor,
      kind: "person",
      ...NOTE,
      label: "Newer",
      savedAt: "2026-09-21T14:13:21.000Z",
      engine: "noble",
    },
    {
      actor: first.actor,
      kind: "person",
      ...NOTE,
      savedAt: "2026-09-21T14:13:20.000Z",
      engine: engineOf(first),
    },
  ]);
});

test("wallet that is not there, or was removed, is missing", async () => {
  const wallet = await createWallet({ kind: "person", ids: IDS });
  expect(await codeOf(() => store.load(wallet.actor))).toBe("wallet-missing");
  await store.save(wallet, NOTE);
  await store.relabel(wallet.actor, "Other");
  expect((await store.list())[0]?.label).toBe("Other");
  await store.remove(wallet.actor);
  expect(await codeOf(() => store.load(wallet.actor))).toBe("wallet-missing");
  expect(await codeOf(() => store.relabel(wallet.actor, "x"))).toBe("wallet-missing");
});

test("former keys stay after a rotation, and can be gone back to", async () => {
  const wallet = await createWallet({ kind: "person", ids: IDS });
  await store.save(wallet, NOTE);
  const renewed = await renewWallet(wallet);
  await store.save(renewed, NOTE);
  await store.save(renewed, NOTE);
  const former = await store.loadFormer(wallet.actor);
  expect(former.map(keyOf)).toEqual([keyOf(wallet)]);
  expect(keyOf(await store.load(wallet.actor))).toBe(keyOf(renewed));
  expect(keyOf(await store.revert(wallet.actor))).toBe(keyOf(wallet));
  expect(keyOf(await store.load(wallet.actor))).toBe(keyOf(wallet));
  expect(await codeOf(() => store.revert(wallet.actor))).toBe("wallet-missing");
});

test("wallet with keys that are held elsewhere is not kept", async () => {
  const wallet = await createWallet({ kind: "person", ids: IDS });
  const { public: publicKey } = wallet.signingKey;
  const elsewhere = {
    ...wallet,
    signingKey: { public: publicKey, sign: () => Promise.reject(new Error("elsewhere")) },
  };
  expect(engineOf(elsewhere)).toBe("elsewhere");
  expect(await codeOf(() => store.save(elsewhere, NOTE))).toBe("wallet-refused");
});

test("key that could be exported is neither kept nor given out", async () => {
  const wallet = await createWallet({ kind: "person", ids: IDS });
  const { privateKey } = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const { kept } = wallet.signingKey;
  const open = new (wallet.signingKey.constructor as new (keys: typeof kept) => typeof wallet.signingKey)({
    ...kept,
    ed25519: { ...kept.ed25519, record: { engine: "webcrypto", key: privateKey } },
  });
  expect(await codeOf(() => store.save({ ...wallet, signingKey: open }, NOTE))).toBe("wallet-refused");
});

test("wallet of another version of this program is refused", async () => {
  const wallet = await createWallet({ kind: "person", ids: IDS });
  await store.save(wallet, NOTE);
  await tamper(wallet.actor, (record) => ({ ...record, format: "telesphor-browser-wallet/2" }));
  expect(await codeOf(() => store.load(wallet.actor))).toBe("wallet-refused");
});

test("browser that keeps nothing is said so", async () => {
  const closed = {
    open: () => {
      throw new DOMException("no", "SecurityError");
    },
  } as unknown as IDBFactory;
  expect(await codeOf(() => WalletStore.open({ factory: closed }))).toBe("wallet-refused");
});

test("seeds of another place make the same keys, kept under the id that was reserved", async () => {
  const actor = IDS.next();
  const wallet = await createWallet({ kind: "person", ids: IDS, actor });
  expect(wallet.actor).toBe(actor);
  expect(await codeOf(() => createWallet({ kind: "person", ids: IDS, actor: "me" }))).toBe("invalid-id");
  const seed = utf8("0123456789abcdef0123456789abcdef");
  const key = await signingKeyFromSeeds({
    suite: "ACTOR",
    ed25519: new Uint8Array(seed),
    mldsa: new Uint8Array(seed),
  });
  await store.save({ ...wallet, signingKey: key }, NOTE);
  expect(keyOf(await store.load(actor))).toBe(key.public.keyId);
});

test("page that came over an open line, and a browser without the curves, get no keys", async () => {
  const make = () => createWallet({ kind: "person", ids: IDS });
  vi.stubGlobal("isSecureContext", false);
  expect(await codeOf(make)).toBe("page-not-secure");
  vi.unstubAllGlobals();
  const { generateKey } = crypto.subtle;
  const old = vi
    .spyOn(crypto.subtle, "generateKey")
    .mockImplementation(((algorithm: { name: string }, ...rest: [boolean, KeyUsage[]]) =>
      algorithm.name.endsWith("25519")
        ? Promise.reject(new DOMException("no such algorithm", "NotSupportedError"))
        : generateKey.call(crypto.subtle, algorithm, ...rest)) as typeof generateKey);
  expect(await codeOf(make)).toBe("browser-too-old");
  old.mockRestore();
});

const keyOf = (wallet: KeptWallet) => wallet.signingKey.public.keyId;

async function expectToWork(loaded: KeptWallet, original: KeptWallet): Promise<void> {
  const card = await makeCard(loaded, { node: NOTE.origin });
  await verifyJws(utf8(JSON.stringify(card)), original.signingKey.public);
  const { public: recipient } = original.kemKey;
  const info = { purpose: "test", object: "o", recipient: recipient.thumbprint(), role: "r" };
  const sealed = await seal(utf8("secret"), { recipient, info });
  expect(toHex(await unseal(sealed, { key: loaded.kemKey, info }))).toBe(toHex(utf8("secret")));
}

async function tamper(
  actor: string,
  change: (record: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = factory.open("telesphor-wallets");
    request.onsuccess = () => {
      resolve(request.result);
    };
  });
  await new Promise<void>((resolve) => {
    const transaction = database.transaction("wallets", "readwrite");
    const wallets = transaction.objectStore("wallets");
    const request = wallets.get(actor);
    request.onsuccess = () => {
      wallets.put(change(request.result as Record<string, unknown>));
    };
    transaction.oncomplete = () => {
      resolve();
    };
  });
}
