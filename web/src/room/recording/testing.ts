/** A WebM as a browser's recorder writes it, for tests. */
import { concat, type Bytes } from "../../kernel/bytes";

export interface Made {
  readonly data: Bytes;
  /** Where each cluster begins. */
  readonly offsets: readonly number[];
}

/** So many clusters of two seconds, of unknown size, the third without a whole picture. */
export function makeWebm({ clusters, blockBytes }: { clusters: number; blockBytes: number }): Made {
  const track = (number: number, type: number) =>
    element([0xae], concat(element([0xd7], bytes(number)), element([0x83], bytes(type))));
  const parts: Uint8Array[] = [
    element([0x1a, 0x45, 0xdf, 0xa3], bytes(1, 2, 3)),
    unknown([0x18, 0x53, 0x80, 0x67]),
    element([0x16, 0x54, 0xae, 0x6b], concat(track(1, 2), track(2, 1))),
  ];
  let size = parts.reduce((total, part) => total + part.length, 0);
  const offsets: number[] = [];
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    offsets.push(size);
    const timeMs = cluster * 2_000;
    const picture = new Uint8Array(blockBytes).fill(cluster);
    picture.set([0x82, 0, 40, cluster === 2 ? 0 : 0x80]);
    const added = [
      unknown([0x1f, 0x43, 0xb6, 0x75]),
      element([0xe7], bytes(timeMs >> 16, timeMs >> 8, timeMs)),
      element([0xa3], bytes(0x81, 0, 10, 0x80, 9)),
      element([0xa3], picture),
    ];
    size += added.reduce((total, part) => total + part.length, 0);
    parts.push(...added);
  }
  return { data: concat(...parts), offsets };
}

function element(id: number[], body: Uint8Array): Bytes {
  const { length } = body;
  return concat(new Uint8Array([...id, 0x10 | (length >> 24), length >> 16, length >> 8, length]), body);
}

function unknown(id: number[]): Bytes {
  return new Uint8Array([...id, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
}

function bytes(...values: number[]): Bytes {
  return new Uint8Array(values);
}
