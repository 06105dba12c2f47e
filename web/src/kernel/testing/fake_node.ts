/**
 * A node that answers as it is told: for what a real one does not do in a test's time, and what a hostile one might.
 */
import * as base64url from "../base64url";
import { type Bytes, concat, randomBytes, utf8, utf8Text } from "../bytes";
import { encryptAll, HEADER, SEALED_CHUNK } from "../chunked";
import { formatDigest } from "../digest";
import { IdSource } from "../ids";
import { NodeClient } from "../node_client";
import { PART_BYTES } from "../object_writer";
import type { Command } from "../requests";
import { seal } from "../sealing";
import { readJws } from "../signing";
import { GrowingTree, leafHash } from "../tree";
import { createWallet, type KeptWallet } from "../wallet";

const CLOCK = { nowMs: () => 1_790_000_000_000 };
export const IDS = new IdSource(CLOCK);
export const OBJECT = IDS.next();

/** What is asked of the node, and how it answers; a test replaces what it needs. */
export class FakeNode {
  readonly asked: Request[] = [];
  readonly slept: number[] = [];
  readonly wallet: KeptWallet;
  readonly client: NodeClient;
  onCommand: (command: Command, attempt: number) => Response | Promise<Response>;
  onTransfer: (request: Request) => Response | Promise<Response> = () => problem(404, "no-such-resource");
  #commands = 0;

  constructor(wallet: KeptWallet) {
    this.wallet = wallet;
    this.onCommand = () => receipt({ ticket: "t" });
    const fetch = (input: unknown, init?: RequestInit) => this.#answer(new Request(input as string, init));
    const sleep = async (ms: number) => {
      this.slept.push(ms);
    };
    this.client = new NodeClient({
      ...{
        baseUrl: "https://node.example/",
        origin: "node.example/log",
        wallet,
        clock: CLOCK,
        ids: IDS,
        sleep,
      },
      fetch: fetch as typeof globalThis.fetch,
    });
  }

  static async make(): Promise<FakeNode> {
    return new FakeNode(await createWallet({ kind: "person", ids: IDS }));
  }

  async #answer(request: Request): Promise<Response> {
    this.asked.push(request);
    if (new URL(request.url).pathname !== "/v1/commands") return this.onTransfer(request);
    const data = new Uint8Array(await request.clone().arrayBuffer());
    const { commands } = readJws(data).payload as unknown as { commands: Command[] };
    return this.onCommand(commands[0] as Command, ++this.#commands);
  }
}

/** A problem document, at the node's own time when it tells it. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json(
    { type: `urn:${code}`, title: code, status, code, detail: `refused: ${code}` },
    { status, headers },
  );
}

/** A receipt of one command with this result. */
export function receipt(result: unknown): Response {
  return Response.json({ at: "2026-09-21T14:13:20.000Z", entries: [], results: [result] });
}

/** An object as a node holds it, which serves ranges of its ciphertext to a reader who may open it. */
export class FakeObject {
  sealed: Bytes;
  digest = "";
  readonly size: number;
  wrap = "";

  private constructor(sealed: Bytes, size: number) {
    this.sealed = sealed;
    this.size = size;
  }

  static async make(node: FakeNode, plaintext: Bytes): Promise<FakeObject> {
    const key = randomBytes(32);
    const made = new FakeObject(
      await encryptAll(plaintext, { key, context: utf8(`telesphor-object/1 ${OBJECT}`) }),
      plaintext.length,
    );
    const recipient = node.wallet.kemKey.public;
    const info = { purpose: "object-key", object: OBJECT, recipient: recipient.thumbprint(), role: "reader" };
    made.wrap = base64url.encode(await seal(key, { recipient, info }));
    const tree = new GrowingTree();
    for (let at = 0, end = HEADER; at < made.sealed.length; at = end) {
      end += (PART_BYTES / 16_384) * SEALED_CHUNK;
      tree.append(await leafHash(made.sealed.subarray(at, end)));
    }
    made.digest = formatDigest(tree.root());
    node.onCommand = () => receipt(made.granted);
    node.onTransfer = (request) => made.serve(request);
    return made;
  }

  get granted(): Record<string, string | number> {
    const { size, digest, wrap } = this;
    return { object: OBJECT, ticket: "t", size, media_type: "text/html", digest, role: "reader", wrap };
  }

  serve(request: Request): Response {
    const [, first = "", last = ""] =
      /^bytes=([0-9]+)-([0-9]+)$/.exec(request.headers.get("range") ?? "") ?? [];
    return new Response(this.sealed.slice(Number(first), Number(last) + 1), { status: 206 });
  }
}

/** The plaintext that a page was given. */
export async function textOf(blob: Blob): Promise<string> {
  return utf8Text(concat(new Uint8Array(await blob.arrayBuffer())));
}
