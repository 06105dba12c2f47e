/**
 * The vectors that the Python node is held to, for the tests of this kernel.
 */
import { readFileSync } from "node:fs";

/** The vectors of one format, such as `sealing`. */
export function readVectors<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../../../tests/vectors/${name}.json`, import.meta.url), "utf8"),
  ) as T;
}

/** The code of the error that work ends with, or nothing where it ends well. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "";
}
