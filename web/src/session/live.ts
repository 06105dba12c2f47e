/**
 * The live connection: one WebSocket per tab, opened with the session and opened again when it breaks.
 *
 * Guarantees: after each new opening the topics that somebody follows are asked for again; waits between tries grow
 * to a bound and vary, so that a node that comes back is not stormed; an ended session is not tried again.
 */

import { api } from "./api";
import { endSession } from "./store";

export interface LiveMessage {
  topic: string;
  [member: string]: unknown;
}
type Listener = (message: LiveMessage) => void;

/** What the connection needs of the world; tests give a socket of their own. */
export interface LiveWorld {
  connect: (session: string) => WebSocket;
  wait: (run: () => void, ms: number) => number;
  random: () => number;
  /** Ask whether the session still lives: a browser does not tell why a handshake was refused. */
  check: () => void;
}

const WAIT_MS = 500;
const WAIT_MS_MAX = 15_000;
/** The node's way to say that the session is over. */
const SESSION_OVER = 4401;

export class Live {
  readonly #world: LiveWorld;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #states = new Set<(open: boolean) => void>();
  readonly #followed = new Map<string, number>();
  #session: string | null = null;
  #socket: WebSocket | null = null;
  #tries = 0;
  #open = false;

  constructor(world: LiveWorld = browser) {
    this.#world = world;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Connect for `session`; null closes for good. */
  begin(session: string | null): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#tries = 0;
    this.#socket?.close(1000);
    this.#socket = null;
    this.#setOpen(false);
    if (session !== null) this.#connect();
  }

  /** Hear a topic; `prefix/*` hears all below. */
  on(topic: string, listener: Listener): () => void {
    const known = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, known.add(listener));
    return () => {
      known.delete(listener);
      if (known.size === 0 && this.#listeners.get(topic) === known) this.#listeners.delete(topic);
    };
  }

  /** Subscribe to a topic of the hub's that is not told unasked. */
  follow(topic: string): () => void {
    const followers = this.#followed.get(topic) ?? 0;
    this.#followed.set(topic, followers + 1);
    if (followers === 0) this.send({ topic: "hub", kind: "subscribe", to: topic });
    return () => {
      const left = (this.#followed.get(topic) ?? 1) - 1;
      if (left > 0) this.#followed.set(topic, left);
      else {
        this.#followed.delete(topic);
        this.send({ topic: "hub", kind: "unsubscribe", to: topic });
      }
    };
  }

  /** Send now; false while there is no connection (what must not be lost goes as a command instead). */
  send(message: object): boolean {
    if (!this.#open || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  onState(listener: (open: boolean) => void): () => void {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  /** Try at once: the browser says that it has a line again. */
  retryNow(): void {
    if (this.#session === null || this.#socket !== null) return;
    this.#tries = 0;
    this.#connect();
  }

  #connect(): void {
    if (this.#session === null || this.#socket !== null) return;
    const socket = this.#world.connect(this.#session);
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(event.data);
    socket.onopen = () => this.#opened(socket);
    socket.onclose = (event) => this.#closed(socket, event.code);
  }

  #opened(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#tries = 0;
    this.#setOpen(true);
    for (const topic of this.#followed.keys()) this.send({ topic: "hub", kind: "subscribe", to: topic });
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.#open;
    this.#socket = null;
    this.#setOpen(false);
    if (code === SESSION_OVER) {
      this.#session = null;
      endSession("expired");
      return;
    }
    if (!wasOpen) this.#world.check();
    this.#world.wait(() => this.#connect(), this.#nextWait());
  }

  #nextWait(): number {
    const wait = Math.min(WAIT_MS_MAX, WAIT_MS * 2 ** this.#tries);
    this.#tries = Math.min(this.#tries + 1, 10);
    return wait * (0.5 + this.#world.random() / 2);
  }

  #take(data: unknown): void {
    const message = parsed(data);
    if (message === null) return;
    this.#listeners.get(message.topic)?.forEach((listener) => listener(message));
    for (let at = message.topic.indexOf("/"); at >= 0; at = message.topic.indexOf("/", at + 1)) {
      this.#listeners.get(`${message.topic.slice(0, at)}/*`)?.forEach((listener) => listener(message));
    }
  }

  #setOpen(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    this.#states.forEach((listener) => listener(open));
  }
}

function parsed(data: unknown): LiveMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    const sound =
      typeof value === "object" && value !== null && typeof (value as LiveMessage).topic === "string";
    return sound ? (value as LiveMessage) : null;
  } catch {
    return null;
  }
}

const browser: LiveWorld = {
  connect: (session) => new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/live?session=${session}`),
  wait: (run, ms) => window.setTimeout(run, ms),
  random: Math.random,
  check: () => void api.json("GET", "/v1/session", { background: true }).catch(() => undefined),
};

export const live = new Live();
