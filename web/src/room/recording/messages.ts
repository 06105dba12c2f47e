/** What the page and the recording worker say to each other. */

export interface BeginRecording {
  readonly do: "begin";
  readonly actor: string;
  /** The node's name, to which signed requests are bound. */
  readonly origin: string;
  readonly visit: string;
  readonly codecs: string;
  /** Actors that may read the object, and the keys to which its own key is sealed. */
  readonly readers: readonly string[];
  readonly recipients: readonly string[];
}

export type ToRecorder =
  | BeginRecording
  | { readonly do: "piece"; readonly piece: ArrayBuffer }
  | { readonly do: "finish" }
  | { readonly do: "forget" };

export type FromRecorder =
  | { readonly say: "begun"; readonly object: string }
  | { readonly say: "tick" }
  | { readonly say: "kept"; readonly bytes: number; readonly waiting: number; readonly guarded: boolean }
  | { readonly say: "full" }
  | { readonly say: "finished"; readonly object: string; readonly size: number; readonly durationMs: number }
  | { readonly say: "failed"; readonly code: string };
