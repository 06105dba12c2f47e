/**
 * Refusals: the one way in which anything here says no.
 *
 * Each has the stable code of `docs/spec/verification.md` and a sentence for people; a refusal that is about one
 * entry says at which position. INVARIANT: no key, commitment or value of a record is ever put into a message.
 */

export class Refusal extends Error {
  readonly code: string;
  readonly position: number | null;

  constructor(code: string, message: string, position: number | null = null) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.position = position;
  }
}

/** Refuses; a function, so that it can stand in an expression. */
export function refuse(code: string, message: string, position: number | null = null): never {
  throw new Refusal(code, message, position);
}

/** Refuses unless `holds`. */
export function demand(holds: boolean, code: string, message: string): asserts holds {
  if (!holds) throw new Refusal(code, message);
}

/** What `run` returns; a refusal within it of one of these codes (or of any) becomes one of `code`. */
export function recast<T>(code: string, message: string, run: () => T, only?: readonly string[]): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Refusal) || (only !== undefined && !only.includes(error.code))) throw error;
    throw new Refusal(code, `${message}: ${error.message}`, error.position);
  }
}

/** `1 entry`, `2 entries`; the plural is `one` with an s unless it is given. */
export function counted(number: number, one: string, many = ""): string {
  return `${number} ${number === 1 ? one : many || `${one}s`}`;
}
