/** What a room is given from outside: who one is, the live connection, keys, files, names. The journeys hand it in. */
import type { SigningKey } from "../kernel/keypair";
import type { RecipientKey } from "../kernel/recipient";

export interface LiveLink {
  readonly open: boolean;
  /** False while there is no connection. */
  send(message: object): boolean;
  on(topic: string, listener: (message: Record<string, unknown>) => void): () => void;
  onState(listener: (open: boolean) => void): () => void;
}

/** Files of the room: sealed objects of the visit that everybody in it may read. */
export interface RoomFiles {
  /** Seal and upload; answers the object's id. */
  keep(file: Blob, options: KeepOptions): Promise<string>;
  /** Read and open; `limit` in bytes. */
  fetch(object: string, limit: number): Promise<Blob>;
}

export interface KeepOptions {
  readonly mediaType: string;
  /** Actors that may read it. */
  readonly readers: readonly string[];
  readonly progress?: (ratio: number) => void;
  readonly signal?: AbortSignal;
}

export interface RoomPorts {
  readonly me: string;
  /** The node's name, to which what one signs is bound; needed to record. */
  readonly origin?: string;
  readonly link: LiveLink;
  /** The node's time, in ms: what is written is dated by it, whatever this machine's clock says. */
  readonly nowMs?: () => number;
  readonly wallet: { readonly signingKey: SigningKey; readonly kemKey: RecipientKey };
  readonly nameOf: (actor: string) => string;
  readonly files?: RoomFiles;
  /** Sign and send commands of one request, in their order. */
  readonly command?: (commands: readonly { type: string; body: object }[]) => Promise<unknown>;
}
