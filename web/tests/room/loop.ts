/** A recording of hours out of a few real seconds: its clusters again and again, each time under a later time. */

const CLUSTER = 0x1f43b675;
const SEGMENT = 0x18538067;
const TIMESTAMP = 0xe7;

interface Cluster {
  /** Behind its time. */
  readonly bytes: Uint8Array;
  readonly timeMs: number;
}

export class Loop {
  /** What comes before the first cluster. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly #clusters: Cluster[] = [];

  /** `lengthMs`: how long one round is. */
  constructor(
    webm: Uint8Array<ArrayBuffer>,
    readonly lengthMs: number,
  ) {
    let [first, begun, timeMs] = [0, 0, 0];
    for (let at = 0; at < webm.length;) {
      const id = readId(webm, at);
      const size = readSize(webm, at + id.length);
      const body = at + id.length + size.length;
      if (id.value === CLUSTER) {
        if (begun === 0) first = at;
        else this.#clusters.push({ bytes: webm.subarray(begun, at), timeMs });
      }
      if (id.value === TIMESTAMP) {
        timeMs = uintOf(webm.subarray(body, body + size.value));
        begun = body + size.value;
      }
      at = id.value === CLUSTER || id.value === SEGMENT ? body : body + size.value;
    }
    this.#clusters.push({ bytes: webm.subarray(begun), timeMs });
    this.head = webm.slice(0, first);
  }

  /** The round of this number, whole. */
  round(number: number): Uint8Array<ArrayBuffer> {
    const parts = this.#clusters.flatMap(({ bytes, timeMs }) => [
      clusterHead(timeMs + number * this.lengthMs),
      bytes,
    ]);
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** A cluster without a size, and its time in eight bytes. */
function clusterHead(timeMs: number): Uint8Array {
  const head = new Uint8Array(22);
  head.set([0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, TIMESTAMP, 0x88]);
  new DataView(head.buffer).setBigUint64(14, BigInt(timeMs));
  return head;
}

function readId(data: Uint8Array, at: number): { value: number; length: number } {
  const length = Math.clz32(data[at] ?? 0) - 23;
  return { value: uintOf(data.subarray(at, at + length)), length };
}

function readSize(data: Uint8Array, at: number): { value: number; length: number } {
  const length = Math.clz32(data[at] ?? 0) - 23;
  const value = uintOf(data.subarray(at, at + length)) - 2 ** (7 * length);
  return { value, length };
}

function uintOf(data: Uint8Array): number {
  let value = 0;
  for (const byte of data) value = value * 256 + byte;
  return value;
}
