/**
 * The credentials of this browser's people, in IndexedDB, each sealed to its holder's own key.
 *
 * A record opens with the holder's private key alone, which no page can read. So whoever signs in after another on a
 * shared device reads nothing of theirs, nor does a copy of the profile's files without its keys. What is kept is verified
 * again when it is opened. Bytes: `docs/spec/browser-wallet.md`. Start at `FactorStore`.
 */
import {
  type ActorId,
  type Bytes,
  canonical,
  openEnvelope,
  sealEnvelope,
  type Said,
  TelesphorError,
  utf8,
  utf8Text,
  VerifyKey,
  type Wallet,
} from "~/kernel";
import type { HeldCredential } from "./book";
import { verifyCredential } from "./credential";
import { readDocument } from "./document";
import { CREDENTIAL_BYTES_MAX } from "./model";

/** Credentials of one person in one browser: a card for each of some groups, with room. */
export const HELD_MAX = 32;

const DATABASE = "telesphor-factors";
const VERSION = 1;
const STORE = "credentials";
const FORMAT = "telesphor-browser-credential/1";
const PURPOSE = "credential";
const ROLE = "holder";
const SECRET_BYTES_MAX = 2 * CREDENTIAL_BYTES_MAX + 16 * 1024;

/** The browser does not keep credentials, or no more of them. */
export class CredentialsRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("credentials-refused", "storage", message, said);
  }
}

interface CredentialRecord {
  readonly format: string;
  readonly actor: ActorId;
  readonly digest: string;
  /** Sealed to the holder's key. */
  readonly envelope: Bytes;
}

/** What of a person's credentials opened, and the digests of those that did not: they are for keys of before. */
export interface Kept {
  readonly held: readonly HeldCredential[];
  readonly lost: readonly string[];
}

/** Where credentials are kept. */
export interface FactorPlace {
  readonly databaseName?: string;
  readonly factory?: IDBFactory;
}

/** The credentials of one browser; close it after use. */
export class FactorStore {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    // Another tab with a newer version of this program must not wait for this one.
    database.onversionchange = () => {
      database.close();
    };
  }

  /** Open the credentials; throws `CredentialsRefused` where the browser keeps nothing. */
  static async open({ databaseName = DATABASE, factory }: FactorPlace = {}): Promise<FactorStore> {
    try {
      const request = (factory ?? indexedDB).open(databaseName, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE, { keyPath: ["actor", "digest"] });
      };
      return new FactorStore(await answerOf(request));
    } catch (cause) {
      const hint = "leave private browsing, or allow storage";
      throw new CredentialsRefused("this browser keeps no credentials here", { hint, cause });
    }
  }

  /** Keep a credential for its holder. */
  async save(wallet: Wallet, { serialized, issuer, credential }: HeldCredential): Promise<void> {
    const known = await this.#records(wallet.actor);
    if (known.length >= HELD_MAX && !known.some(({ digest }) => digest === credential.digest))
      throw new CredentialsRefused("more credentials than one person keeps here", {
        hint: "remove those that have expired",
      });
    const secret = canonical.encode({ credential: utf8Text(serialized), issuer: issuer.jwks() });
    const envelope = await sealEnvelope(secret, {
      recipients: [{ key: wallet.kemKey.public, role: ROLE }],
      purpose: PURPOSE,
      object: wallet.actor,
    });
    const record = { format: FORMAT, actor: wallet.actor, digest: credential.digest, envelope };
    await this.#run("readwrite", (store) => store.put(record));
  }

  /** All that this person's keys open. */
  async load(wallet: Wallet): Promise<Kept> {
    const held: HeldCredential[] = [];
    const lost: string[] = [];
    for (const record of await this.#records(wallet.actor)) {
      try {
        held.push(await openRecord(record, wallet));
      } catch (error) {
        if (!(error instanceof TelesphorError)) throw error;
        lost.push(record.digest);
      }
    }
    return { held, lost };
  }

  /** Let one credential go. */
  async remove(actor: ActorId, digest: string): Promise<void> {
    await this.#run("readwrite", (store) => store.delete([actor, digest]));
  }

  /** Let all credentials of a person go: their keys leave this browser. */
  async forget(actor: ActorId): Promise<void> {
    await this.#run("readwrite", (store) => store.delete(IDBKeyRange.bound([actor], [actor, []])));
  }

  close(): void {
    this.#database.close();
  }

  #records(actor: ActorId): Promise<CredentialRecord[]> {
    const range = () => IDBKeyRange.bound([actor], [actor, []]);
    return this.#run("readonly", (store) => store.getAll(range()) as IDBRequest<CredentialRecord[]>);
  }

  async #run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    try {
      // The node forgets a credential once it was collected, so this may be the only copy.
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
      throw new CredentialsRefused("this browser could not read or keep the credentials", { hint, cause });
    }
  }
}

/** What was kept is verified again, at the time at which it began: one that has expired since is still listed. */
async function openRecord(record: CredentialRecord, wallet: Wallet): Promise<HeldCredential> {
  if (record.format !== FORMAT || record.actor !== wallet.actor)
    throw new CredentialsRefused("the credential was kept by another version of this program");
  const opened = await openEnvelope(new Uint8Array(record.envelope), {
    key: wallet.kemKey,
    purpose: PURPOSE,
    object: wallet.actor,
  });
  const secret = canonical.decodeObject(opened, { limit: SECRET_BYTES_MAX });
  const serialized = utf8(String(secret.credential));
  const issuer = VerifyKey.fromJwks(secret.issuer);
  const { nbf, iat } = readDocument(serialized).payload;
  const credential = await verifyCredential(serialized, { issuer, nowMs: Math.max(nbf, iat) * 1000 });
  if (credential.digest !== record.digest)
    throw new CredentialsRefused("another credential was kept under this name");
  return { serialized, issuer, credential };
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("the request failed"));
    };
  });
}
