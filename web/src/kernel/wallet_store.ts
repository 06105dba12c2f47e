/**
 * The wallets of this browser, in IndexedDB.
 *
 * What is kept are WebCrypto's own key objects, which the browser stores without giving their bytes to any page, and, for
 * keys that `@noble/post-quantum` works, seeds sealed under such an object. Nothing here is protected from code that runs
 * in this page's own origin: it could sign, though not take the keys away (noble's: it could).
 *
 * INVARIANT: a wallet with a private key that can be exported is neither kept nor given out.
 */
import { type Bytes, equal } from "./bytes";
import { type Clock, formatInstant, systemClock } from "./clock";
import type { KeptPair, PrivateRecord } from "./engines";
import { type Kind, type Said, TelesphorError } from "./errors";
import { type ActorId, parseId } from "./ids";
import { KeptKey } from "./keypair";
import { KeptRecipient } from "./recipient";
import { ACTOR_KINDS, type ActorKind, type Engine, engineOf, type KeptWallet, type Wallet } from "./wallet";

/** Pairs that an actor had before: what was sealed to them still opens. */
export const FORMER_KEYS_MAX = 16;
/** A label is a name on a button. */
export const LABEL_CHARS_MAX = 200;

const DATABASE = "telesphor-wallets";
const VERSION = 1;
const STORE = "wallets";
const FORMAT = "telesphor-browser-wallet/1";

/** A wallet cannot be kept or read. */
export class WalletRefused extends TelesphorError {
  constructor(message: string, said?: Said, code = "wallet-refused", kind: Kind = "storage") {
    super(code, kind, message, said);
  }
}

/** This browser has no wallet of the actor. */
export class WalletMissing extends WalletRefused {
  constructor() {
    const hint = "join by a new invitation, or recover the actor's keys";
    super("this browser has no keys of that actor", { hint }, "wallet-missing", "not-found");
  }
}

/** What is shown of a wallet before it is used. */
export interface WalletSummary {
  readonly actor: ActorId;
  readonly kind: ActorKind;
  /** The node's origin. */
  readonly origin: string;
  /** For this browser's eyes only; never sent. */
  readonly label: string;
  readonly savedAt: string;
  readonly engine: Engine;
}

/** What is kept beside the keys. */
export interface WalletNote {
  readonly origin: string;
  readonly label: string;
}

/** Where wallets are kept, and by which clock. */
export interface WalletPlace {
  readonly databaseName?: string;
  readonly factory?: IDBFactory;
  readonly clock?: Clock;
}

interface KeyRecord {
  readonly signing: { readonly ed25519: KeptPair; readonly mldsa: KeptPair };
  readonly kem: { readonly mlkem: KeptPair; readonly x25519: KeptPair };
}

interface WalletRecord extends WalletSummary, KeyRecord {
  readonly format: string;
  /** The last one first. */
  readonly former: readonly KeyRecord[];
}

/** The wallets of one browser; close it after use. */
export class WalletStore {
  readonly #database: IDBDatabase;
  readonly #clock: Clock;

  private constructor(database: IDBDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    // Another tab with a newer version of this program must not wait for this one.
    database.onversionchange = () => {
      database.close();
    };
  }

  /** Open the wallets; throws `WalletRefused` where the browser keeps nothing. */
  static async open({
    databaseName = DATABASE,
    factory,
    clock = systemClock,
  }: WalletPlace = {}): Promise<WalletStore> {
    try {
      const request = (factory ?? indexedDB).open(databaseName, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE, { keyPath: "actor" });
      };
      return new WalletStore(await answerOf(request), clock);
    } catch (cause) {
      throw new WalletRefused("this browser keeps no keys here", {
        hint: "leave private browsing, or allow storage",
        cause,
      });
    }
  }

  /** What wallets there are, the last saved first. */
  async list(): Promise<WalletSummary[]> {
    const records = await this.#run("readonly", (store) => store.getAll() as IDBRequest<WalletRecord[]>);
    return records
      .map(({ actor, kind, origin, label, savedAt, engine }) => ({
        actor,
        kind,
        origin,
        label,
        savedAt,
        engine,
      }))
      .sort((one, other) => (one.savedAt < other.savedAt ? 1 : -1));
  }

  /**
   * Keep a wallet. The keys that the actor had before stay beside it: what was sealed to them still opens, and should the
   * node not take the new ones, `revert` goes back. Throws `WalletRefused`.
   */
  async save(wallet: Wallet, { origin, label }: WalletNote): Promise<void> {
    const { signingKey, kemKey, actor, kind } = wallet;
    if (!(signingKey instanceof KeptKey) || !(kemKey instanceof KeptRecipient)) {
      throw new WalletRefused("the wallet's keys are held elsewhere");
    }
    const savedAt = formatInstant(this.#clock.nowMs());
    const old = await this.#lookUp(actor);
    const record: WalletRecord = {
      ...{ format: FORMAT, actor, kind, origin, label: checkLabel(label), savedAt, engine: engineOf(wallet) },
      signing: { ed25519: signingKey.kept.ed25519, mldsa: signingKey.kept.mldsa },
      kem: kemKey.kept,
      former: [],
    };
    readRecord(record);
    const isOther = old !== undefined && !equal(old.signing.mldsa.publicBytes, signingKey.public.mldsaPub);
    const former = isOther ? [{ signing: old.signing, kem: old.kem }, ...old.former] : (old?.former ?? []);
    await this.#put({ ...record, former: former.slice(0, FORMER_KEYS_MAX) });
  }

  /** A wallet that was kept; throws `WalletMissing`, `WalletRefused`. */
  async load(actor: ActorId): Promise<KeptWallet> {
    return readRecord(await this.#find(actor));
  }

  /** The wallets that the actor had before, the last one first: for opening what was sealed to them. */
  async loadFormer(actor: ActorId): Promise<KeptWallet[]> {
    const record = await this.#find(actor);
    return record.former.map((keys) => readRecord({ ...record, ...keys }));
  }

  /** Go back to the keys before these, when the node did not take the new ones; throws `WalletMissing`. */
  async revert(actor: ActorId): Promise<KeptWallet> {
    const { former, ...record } = await this.#find(actor);
    const [last, ...rest] = former;
    if (last === undefined) throw new WalletMissing();
    const reverted = { ...record, ...last, former: rest };
    const wallet = readRecord(reverted);
    await this.#put({ ...reverted, engine: engineOf(wallet) });
    return wallet;
  }

  /** Give a wallet another label; throws `WalletMissing`. */
  async relabel(actor: ActorId, label: string): Promise<void> {
    await this.#put({ ...(await this.#find(actor)), label: checkLabel(label) });
  }

  /** Forget a wallet: its keys are gone for good. */
  async remove(actor: ActorId): Promise<void> {
    await this.#run("readwrite", (store) => store.delete(actor));
  }

  /** Ask the browser not to clear these keys when it is short of space; whether it agreed. */
  async keep(): Promise<boolean> {
    const storage = (globalThis as { navigator?: { storage?: StorageManager } }).navigator?.storage;
    return (await storage?.persist?.()) ?? false;
  }

  close(): void {
    this.#database.close();
  }

  async #find(actor: ActorId): Promise<WalletRecord> {
    const record = await this.#lookUp(actor);
    if (record === undefined) throw new WalletMissing();
    return record;
  }

  #lookUp(actor: ActorId): Promise<WalletRecord | undefined> {
    return this.#run("readonly", (store) => store.get(actor) as IDBRequest<WalletRecord | undefined>);
  }

  async #put(record: WalletRecord): Promise<void> {
    await this.#run("readwrite", (store) => store.put(record));
  }

  /** One transaction; what was put is durable when this returns. */
  async #run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    try {
      // The last word on keys must not be lost with the power.
      const transaction = this.#database.transaction(STORE, mode, { durability: "strict" });
      const ended = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => {
          resolve();
        };
        transaction.onabort = () => {
          reject(transaction.error ?? new Error("the transaction was aborted"));
        };
      });
      const [result] = await Promise.all([answerOf(work(transaction.objectStore(STORE))), ended]);
      return result;
    } catch (cause) {
      const hint = "free some space, or leave private browsing";
      throw new WalletRefused("this browser could not read or keep the keys", { hint, cause });
    }
  }
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("the request failed"));
    };
    if ("onblocked" in request) {
      request.onblocked = () => {
        reject(new Error("another tab holds an older version"));
      };
    }
  });
}

function checkLabel(label: string): string {
  if (label.length > LABEL_CHARS_MAX)
    throw new WalletRefused(`a label has at most ${LABEL_CHARS_MAX} characters`);
  return label;
}

/** What was kept is not trusted: it may be of another version of this program. */
function readRecord(record: WalletRecord): KeptWallet {
  if (record.format !== FORMAT || !ACTOR_KINDS.includes(record.kind)) {
    throw new WalletRefused("the keys were kept by another version of this program");
  }
  const { signing, kem } = record;
  for (const { record: kept } of [signing.ed25519, signing.mldsa, kem.mlkem, kem.x25519]) checkKept(kept);
  return {
    actor: parseId(record.actor),
    kind: record.kind,
    signingKey: new KeptKey({
      suite: "ACTOR",
      ed25519: readPair(signing.ed25519),
      mldsa: readPair(signing.mldsa),
    }),
    kemKey: new KeptRecipient({ mlkem: readPair(kem.mlkem), x25519: readPair(kem.x25519) }),
  };
}

function readPair({ publicBytes, record }: KeptPair): KeptPair {
  return { publicBytes: new Uint8Array(publicBytes) satisfies Bytes, record };
}

/** INVARIANT: no key that can be exported. */
function checkKept(record: PrivateRecord): void {
  const key = record.engine === "webcrypto" ? record.key : record.wrap;
  if (key.extractable) throw new WalletRefused("a private key could be exported");
}
