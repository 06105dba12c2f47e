/** The room's ports as the app has them: its live connection, its wallet, its client of the node. */
import { commands, live, nodeClient, wallet } from "~/session";
import { ObjectReader, type Purpose } from "../kernel/object_reader";
import { putObject } from "../kernel/object_writer";
import type { RangeReader } from "./playback/recording";
import type { KeepOptions, RoomFiles, RoomPorts } from "./ports";

/** Make them once per visit (`useMemo`): the room begins anew when they change. */
export function roomPorts({
  visit,
  nameOf,
}: {
  visit: string;
  nameOf: (actor: string) => string;
}): RoomPorts {
  const own = wallet();
  return {
    me: own.actor,
    origin: nodeClient().origin,
    link: {
      get open() {
        return live.open;
      },
      send: (message) => live.send(message),
      on: (topic, listener) => live.on(topic, listener),
      onState: (listener) => live.onState(listener),
    },
    nowMs: () => nodeClient().clock.nowMs(),
    wallet: own,
    nameOf,
    files: filesOf(visit),
    command: (list) => commands(...list),
  };
}

/** Opens a recording for `Player`: within its visit where one has a part in it. */
export function openRecording(visit: string, purpose: Purpose): (object: string) => Promise<RangeReader> {
  return async (object) => {
    try {
      return await ObjectReader.open(nodeClient(), object, { purpose, visit });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "visit-closed") throw error;
      // Nothing is added to a closed visit: from then on a read stands by itself.
      return ObjectReader.open(nodeClient(), object, { purpose });
    }
  };
}

function filesOf(visit: string): RoomFiles {
  return {
    keep: async (file: Blob, { mediaType, readers, progress, signal }: KeepOptions) => {
      const others = readers.filter((reader) => reader !== wallet().actor);
      const { object } = await putObject(nodeClient(), file, {
        mediaType,
        readers: others,
        visit,
        ...(progress === undefined
          ? {}
          : { progress: (kept: number) => progress(file.size === 0 ? 1 : kept / file.size) }),
        ...(signal === undefined ? {} : { signal }),
      });
      await commands({ type: "visit.add-object/1", body: { visit, object, role: "record" } });
      return object;
    },
    fetch: async (object, limit) => {
      const reader = await openOfVisit(object, visit);
      return reader.blob(limit);
    },
  };
}

/** Interpreters and caregivers read what was given to them as readers, not as the visit's. */
async function openOfVisit(object: string, visit: string): Promise<ObjectReader> {
  const purpose = "treatment";
  try {
    return await ObjectReader.open(nodeClient(), object, { purpose, visit });
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== "not-a-participant") throw error;
    return ObjectReader.open(nodeClient(), object, { purpose });
  }
}
