/**
 * What tests that have Python on the other side ask of the kernel, in Node.js (`judge.ts`) or in a page (`page.ts`).
 *
 * What is asked is `{do, ...}`, the answer `{value}`, or `{code, status}` of the error that was thrown. Bytes are base64url.
 * Wallets stay here: `wallet` and `seeds` answer the handle under which later questions name them.
 */
import { shake128 } from "@noble/hashes/sha3.js";
import * as kernel from "../../src/kernel";
import { type AskedFactors, factorActions } from "./factors";

/** A line in: each action has members of these, and the test gives it what it needs. */
export interface Asked extends kernel.SealInfo, AskedFactors {
  readonly do: string;
  readonly handle: number;
  readonly kind: kernel.ActorKind;
  readonly engine?: "noble";
  readonly actor: string;
  readonly ed25519: string;
  readonly mldsa: string;
  readonly kem: string;
  readonly url: string;
  readonly node: string;
  readonly commands: readonly kernel.Command[];
  readonly faults?: readonly Fault[];
  readonly ahead_ms?: number;
  readonly jws: string;
  readonly jwks: unknown;
  readonly to: string;
  readonly recipients: readonly (readonly [string, string])[];
  readonly secret: string;
  readonly sealed: string;
  readonly message: string;
  readonly envelope: string;
  readonly key: string;
  readonly context: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly size: number;
  readonly type: string;
  readonly readers: readonly string[];
  readonly spans: readonly (readonly [number, number])[];
}
type Fault = { readonly method: string; readonly nth: number; readonly how: "unsent" | "unheard" };

const { base64url, utf8, utf8Text } = kernel;
const wallets: kernel.Wallet[] = [];
const clock = { nowMs: () => Date.now() };
const ids = new kernel.IdSource(clock);

const ACTIONS: Record<string, (asked: Asked) => unknown> = {
  ...factorActions<Asked>((asked) => client(asked)),

  engines: async () => ({
    mldsa: await kernel.isNative("ML-DSA-65"),
    mlkem: await kernel.isNative("ML-KEM-768"),
  }),

  async wallet({ kind, node, engine }) {
    const wallet = await kernel.createWallet({ kind, ids, engine });
    const body = await kernel.registrationOf(wallet, { node });
    return { handle: wallets.push(wallet) - 1, actor: wallet.actor, body };
  },

  async seeds({ actor, kind, ed25519, mldsa, kem, engine }) {
    const halves = { ed25519: base64url.decode(ed25519), mldsa: base64url.decode(mldsa) };
    const signingKey = await kernel.signingKeyFromSeeds({ suite: "ACTOR", ...halves }, { engine });
    const kemKey = await kernel.recipientKeyFromSeed(base64url.decode(kem), { engine });
    return wallets.push({ actor, kind, signingKey, kemKey }) - 1;
  },

  async keep({ handle, node }) {
    const store = await kernel.WalletStore.open();
    await store.save(walletOf(handle), { origin: node, label: "kept" });
    return (await store.list()).map(({ actor, engine }) => [actor, engine]);
  },

  async load({ actor }) {
    const store = await kernel.WalletStore.open();
    return wallets.push(await store.load(actor)) - 1;
  },

  async sign({ handle, node, commands }) {
    return utf8Text(await kernel.signRequest(walletOf(handle), { node, commands, clock, ids }));
  },

  verify: ({ jws, jwks }) => kernel.verifyJws(utf8(jws), kernel.VerifyKey.fromJwks(jwks)),

  async seal({ to, secret, purpose, object, role }) {
    const recipient = kernel.RecipientPublic.fromText(to);
    const info = { purpose, object, role, recipient: recipient.thumbprint() };
    return base64url.encode(await kernel.seal(base64url.decode(secret), { recipient, info }));
  },

  async unseal({ handle, sealed, purpose, object, role }) {
    const key = walletOf(handle).kemKey;
    const info = { purpose, object, role, recipient: key.public.thumbprint() };
    return base64url.encode(await kernel.unseal(base64url.decode(sealed), { key, info }));
  },

  async envelope({ recipients, message, purpose, object }) {
    const named = recipients.map(([text, role]) => ({ key: kernel.RecipientPublic.fromText(text), role }));
    return utf8Text(
      await kernel.sealEnvelope(base64url.decode(message), { recipients: named, purpose, object }),
    );
  },

  async open({ handle, envelope, purpose, object }) {
    const key = walletOf(handle).kemKey;
    return base64url.encode(await kernel.openEnvelope(utf8(envelope), { key, purpose, object }));
  },

  async encrypt({ key, context, plaintext }) {
    const secrets = { key: base64url.decode(key), context: utf8(context) };
    return base64url.encode(await through(base64url.decode(plaintext), kernel.encryptStream(secrets)));
  },

  async decrypt({ key, context, ciphertext }) {
    const secrets = { key: base64url.decode(key), context: utf8(context) };
    return base64url.encode(await through(base64url.decode(ciphertext), kernel.decryptStream(secrets)));
  },

  send: (asked) => client(asked).send(...asked.commands),

  async rotate(asked) {
    const node = client(asked);
    wallets[asked.handle] = await node.rotateKey();
    return (await node.send(...asked.commands)).entries.length;
  },

  async put(asked) {
    const progress: number[] = [];
    const about = {
      mediaType: asked.type,
      readers: asked.readers,
      progress: (kept: number) => progress.push(kept),
    };
    const { receipt, ...sealed } = await kernel.putObject(
      client(asked),
      new Blob([contentOf(asked.size)]),
      about,
    );
    return { ...sealed, heard: receipt !== null, progress };
  },

  async grow(asked) {
    const writer = await kernel.ObjectWriter.begin(client(asked), {
      mediaType: asked.type,
      readers: asked.readers,
    });
    const content = contentOf(asked.size);
    for (let at = 0; at < content.length; at += 300_007)
      await writer.write(content.subarray(at, at + 300_007));
    const { receipt, ...sealed } = await writer.finish();
    return { ...sealed, heard: receipt !== null };
  },

  async read(asked) {
    const reader = await kernel.ObjectReader.open(client(asked), asked.object, { purpose: "treatment" });
    const { size, mediaType, digest } = reader;
    const spans = await Promise.all(asked.spans.map(([at, length]) => reader.read(at, length)));
    const blob = await reader.blob(size);
    await reader.checkDigest();
    const whole = kernel.digestOf(new Uint8Array(await blob.arrayBuffer()));
    return { size, mediaType, digest, spans: spans.map(base64url.encode), whole, shown: blob.type };
  },
};

/** Do what is asked; never throws. */
export async function answerTo(
  asked: Asked,
): Promise<{ value: unknown } | { code: string; status: number | undefined }> {
  try {
    return { value: (await ACTIONS[asked.do]?.(asked)) ?? null };
  } catch (error) {
    const { code, status } = error as { code?: string; status?: number };
    return { code: code ?? String((error as Error).stack), status };
  }
}

function walletOf(handle: number): kernel.Wallet {
  const wallet = wallets[handle];
  if (wallet === undefined) throw new Error("there is no such wallet");
  return wallet;
}

function client({ handle, url, node, faults, ahead_ms: aheadMs }: Asked): kernel.NodeClient {
  return new kernel.NodeClient({
    baseUrl: url,
    origin: node,
    wallet: walletOf(handle),
    clock: { nowMs: () => Date.now() + (aheadMs ?? 0) },
    fetch: faulty(faults ?? []),
    sleep: (ms) => kernel.sleep(Math.min(ms, 20)),
  });
}

/** A line that breaks before a request is sent, or after it was sent and before its answer is heard. */
function faulty(faults: readonly Fault[]): typeof fetch {
  const count = new Map<string, number>();
  return async (input, init) => {
    const method = init?.method ?? "GET";
    const nth = (count.get(method) ?? 0) + 1;
    count.set(method, nth);
    const fault = faults.find((one) => one.method === method && one.nth === nth);
    if (fault?.how === "unsent") throw new TypeError("the line broke");
    const response = await fetch(input, init);
    if (fault === undefined) return response;
    await response.arrayBuffer();
    throw new TypeError("the line broke");
  };
}

/** What an object of so many bytes holds: both sides know it. */
function contentOf(size: number): kernel.Bytes {
  return new Uint8Array(shake128(utf8(`content ${size}`), { dkLen: size }));
}

async function through(
  data: kernel.Bytes,
  transform: TransformStream<Uint8Array, kernel.Bytes>,
): Promise<kernel.Bytes> {
  return new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(transform)).arrayBuffer());
}
