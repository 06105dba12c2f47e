/**
 * The vectors that the Python node is held to, and credentials made for tests.
 */
import { canonical, utf8, type VerifyKey } from "~/kernel";
import { readVectors } from "~/kernel/testing/vectors";

/** One document that is refused, as a change of the good one or whole. */
export interface Vector {
  readonly code: string;
  readonly name: string;
  readonly data?: string;
  readonly remove?: readonly string[];
  readonly set?: Readonly<Record<string, unknown>>;
  readonly issuer?: unknown;
  readonly now_ms?: number;
}

interface Documents {
  readonly data: string;
  readonly factors: Readonly<Record<string, unknown>>;
  readonly bad: readonly Vector[];
}

export const VECTORS = readVectors<{
  readonly issuer: unknown;
  readonly holder: ReturnType<VerifyKey["jwks"]>;
  readonly now_ms: number;
  readonly credential: Documents & { readonly digest: string };
  readonly presentation: Documents;
}>("credential");

type Place = Record<string, unknown>;

/** The bytes of a vector of a credential. */
export function dataOf(vector: Partial<Vector>) {
  if (vector.data !== undefined) return utf8(vector.data);
  const document = JSON.parse(VECTORS.credential.data) as Place;
  for (const pointer of vector.remove ?? []) {
    const [place, name] = find(document, pointer);
    if (Array.isArray(place)) place.splice(Number(name), 1);
    else Reflect.deleteProperty(place, name);
  }
  for (const [pointer, value] of Object.entries(vector.set ?? {})) {
    const [place, name] = find(document, pointer);
    place[name] = value;
  }
  return canonical.encode(document);
}

function find(document: Place, pointer: string): [Place, string] {
  const steps = pointer.slice(1).split("/");
  const last = steps.pop() ?? "";
  return [steps.reduce((place, step) => place[step] as Place, document), last];
}
