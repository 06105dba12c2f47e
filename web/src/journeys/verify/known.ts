/** What the reader knows from elsewhere, and the keys of it that this browser may keep. Public keys only. */

export interface Known {
  /** One vkey on each line. */
  readonly keys: string;
  readonly policy: File | null;
  readonly levels: File | null;
  /** For the proof of one entry: its exact bytes, and cards of those who signed. */
  readonly entry: File | null;
  readonly cards: readonly File[];
  readonly require: number;
  readonly remember: boolean;
}

const PLACE = "telesphor-verify-keys";
/** More than this is no list of keys. */
const KEPT_CHARS_MAX = 64 * 1024;

export function loadKnown(): Known {
  const keys = stored() ?? "";
  return { keys, policy: null, levels: null, entry: null, cards: [], require: 1, remember: keys !== "" };
}

/** Keeps the keys, or forgets them; a browser that keeps nothing is no fault. */
export function keepKnown({ keys, remember }: Known): void {
  try {
    if (remember && keys.trim() !== "" && keys.length <= KEPT_CHARS_MAX) localStorage.setItem(PLACE, keys);
    else localStorage.removeItem(PLACE);
  } catch {
    return;
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(PLACE);
  } catch {
    return null;
  }
}
