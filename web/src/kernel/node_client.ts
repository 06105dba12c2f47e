/**
 * A node as its clients see it: sign commands, send them, register actors, ask views.
 *
 * `NodeClient` speaks for one actor, whose wallet signs everything that it asks. Whatever the node refuses is thrown as
 * `ClientRefused` with the node's own code. Objects are moved by `object_writer` and `object_reader`.
 */
import { type Bytes, utf8Text } from "./bytes";
import type { Json } from "./canonical";
import { AnswerRefused, ClientRefused, NodeUnreachable } from "./client_errors";
import { type Clock, systemClock } from "./clock";
import { ANSWER_BYTES_MAX, Http } from "./http";
import { IdSource } from "./ids";
import { pauseAfter, type Sleep, sleep } from "./patience";
import { type Command, registerCommand, rotateCommand, signRequest } from "./requests";
import { type KeptWallet, renewWallet, type Wallet } from "./wallet";

/** Attempts for a request that the node is too busy to take. */
const SENDS_MAX = 5;
/** A clock that is set to another zone or day is corrected; one that is further off should be set right by its owner. */
const SKEW_MS_MAX = 26 * 60 * 60 * 1000;

const COMMANDS_PATH = "/v1/commands";
const BUSY: readonly string[] = ["queue-full", "edge-full"];
const WRONG_TIME: readonly string[] = ["request-expired", "request-from-future"];

/** Where one entry of a request stands. */
export interface ReceiptLine {
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly n: number;
}

/** What a caller gets once its entries are durable: their places, in order, and each command's result. */
export interface Receipt {
  readonly at: string;
  readonly entries: readonly ReceiptLine[];
  readonly results: readonly Json[];
}

/** One actor at one node. */
export interface NodeOptions {
  /** Empty for the node that served this page. */
  readonly baseUrl: string;
  /** The node's name; every request is bound to it. */
  readonly origin: string;
  readonly wallet: Wallet;
  readonly clock?: Clock;
  readonly ids?: IdSource;
  readonly fetch?: typeof fetch;
  readonly sleep?: Sleep;
}

/** Speaks for one actor to one node. */
export class NodeClient {
  wallet: Wallet;
  readonly origin: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly http: Http;
  readonly sleep: Sleep;
  #aheadMs = 0;

  constructor(options: NodeOptions) {
    const own = options.clock ?? systemClock;
    this.clock = { nowMs: () => own.nowMs() + this.#aheadMs };
    this.ids = options.ids ?? new IdSource(this.clock);
    this.wallet = options.wallet;
    this.origin = options.origin;
    this.http = new Http(options.baseUrl, options.fetch);
    this.sleep = options.sleep ?? sleep;
  }

  /**
   * Sign commands, all or nothing, and return their receipt once they are durable.
   *
   * Where this machine's clock is wrong by less than a day, they are signed once more by the node's. A broken connection
   * leaves open whether they were taken: `NodeUnreachable` has the signed bytes, which `sendSigned` may send again.
   */
  async send(...commands: readonly Command[]): Promise<Receipt> {
    try {
      return await this.sendSigned(await this.sign(commands));
    } catch (error) {
      if (!this.#setClock(error)) throw error;
      return this.sendSigned(await this.sign(commands));
    }
  }

  /** The signed request of these commands, for whoever sends it itself. */
  sign(commands: readonly Command[]): Promise<Bytes> {
    return signRequest(this.wallet, { node: this.origin, commands, clock: this.clock, ids: this.ids });
  }

  /** Send a signed request; a node that is too busy is asked again with the same bytes. */
  async sendSigned(request: Bytes): Promise<Receipt> {
    for (let attempt = 1; ; attempt++) {
      try {
        return readReceipt(await this.http.fetch("POST", COMMANDS_PATH, { body: request, headers: JOSE }));
      } catch (error) {
        if (error instanceof NodeUnreachable) throw new NodeUnreachable({ cause: error, request });
        if (!(error instanceof ClientRefused) || !BUSY.includes(error.code) || attempt === SENDS_MAX)
          throw error;
      }
      await this.sleep(pauseAfter(attempt));
    }
  }

  /** Register another actor; takes a wallet of an organisation or the node. */
  async register(wallet: Wallet): Promise<Receipt> {
    return this.send(await registerCommand(wallet, { node: this.origin }));
  }

  /**
   * Replace this actor's keys by fresh ones, and go on with them.
   *
   * @param keep called with the fresh wallet before the node hears of it, so that the only copy cannot be lost.
   */
  async rotateKey(keep: (renewed: KeptWallet) => Promise<void> = async () => {}): Promise<KeptWallet> {
    const renewed = await renewWallet(this.wallet);
    await keep(renewed);
    await this.send(await rotateCommand(renewed, { node: this.origin }));
    this.wallet = renewed;
    return renewed;
  }

  /** A plain GET. */
  get(
    path: string,
    asked: { readonly headers?: Record<string, string>; readonly limit?: number } = {},
  ): Promise<Bytes> {
    return this.http.fetch("GET", path, asked);
  }

  /** The same for JSON; throws `AnswerRefused` where it is none. */
  async getJson(path: string): Promise<Json> {
    return readJson(await this.get(path, { limit: ANSWER_BYTES_MAX }));
  }

  /** Whether a refusal was for the time alone, and the clock now goes by the node's. */
  #setClock(error: unknown): boolean {
    if (!(error instanceof ClientRefused) || !WRONG_TIME.includes(error.code) || error.nodeMs === undefined)
      return false;
    const ahead = this.#aheadMs + error.nodeMs - this.clock.nowMs();
    if (Math.abs(ahead) > SKEW_MS_MAX) return false;
    this.#aheadMs = ahead;
    return true;
  }
}

/** The first result of a receipt, when it has these members as text or numbers; throws `AnswerRefused`. */
export function resultOf<Shape extends Readonly<Record<string, "string" | "number">>>(
  receipt: Receipt,
  shape: Shape,
): { readonly [Name in keyof Shape]: Shape[Name] extends "string" ? string : number } {
  const result = receipt.results[0] as Record<string, unknown> | null | undefined;
  if (
    typeof result !== "object" ||
    result === null ||
    Object.entries(shape).some(([name, type]) => typeof result[name] !== type)
  ) {
    throw new AnswerRefused("the node's receipt lacks what was asked for");
  }
  return result as ReturnType<typeof resultOf<Shape>>;
}

const JOSE = { "content-type": "application/jose+json" };

function readReceipt(data: Bytes): Receipt {
  const value = readJson(data) as Partial<Receipt> | null;
  if (typeof value?.at !== "string" || !Array.isArray(value.entries) || !Array.isArray(value.results)) {
    throw new AnswerRefused("the node's answer is no receipt");
  }
  return value as Receipt;
}

function readJson(data: Bytes): Json {
  try {
    return JSON.parse(utf8Text(data)) as Json;
  } catch (cause) {
    throw new AnswerRefused("the node's answer is not what was asked for", { cause });
  }
}
