/** Recordings that this browser could finish: which they are, finishing and discarding one, as the app has them. */
import { api, nodeClient, wallet, withWallets } from "~/session";
import { claimed } from "../recording/claim";
import type { VisitNow } from "../recording/finish";
import { KEPT_MS, RecordingJournal, type Unfinished } from "../recording/journal";

export interface UnfinishedPorts {
  /** Those that no page works on, the newest first. */
  readonly list: () => Promise<readonly Unfinished[]>;
  readonly finish: (object: string, progress: (ratio: number) => void) => Promise<void>;
  readonly discard: (recording: Unfinished) => Promise<void>;
}

/** Of the person who is signed in; nothing where the browser keeps no journal. */
export const unfinishedHere: UnfinishedPorts = {
  list: () => withJournal((journal) => listUnclaimed(journal, nodeClient().clock.nowMs())),

  finish: (object, progress) =>
    withJournal(async (journal) => {
      // The kernel's cryptography is loaded when it is needed and not before.
      const { finishRecording } = await import("../recording/finish");
      const own = wallet();
      const former = await withWallets((store) => store.loadFormer(own.actor));
      const keys = [own, ...former].map(({ kemKey }) => kemKey);
      await finishRecording(object, { journal, node: nodeClient(), keys, visitNow, progress });
    }),

  discard: (recording) =>
    withJournal(async (journal) => {
      await stopOnVisit(recording).catch(() => undefined); // Whoever is in the room can stop it, too.
      await journal.remove(recording.object);
    }),
};

async function listUnclaimed(journal: RecordingJournal, nowMs: number): Promise<Unfinished[]> {
  await journal.removeOlder(nowMs - KEPT_MS);
  const before = await claimed();
  const all = await journal.list(wallet().actor, nodeClient().origin);
  // Looked at twice: one that was finished between the two was claimed at the first.
  const after = await claimed();
  const lost = all.filter(({ object }) => !before.has(object) && !after.has(object));
  const isWorthIt = (one: Unfinished) => one.durationMs > 0;
  for (const one of lost) if (!isWorthIt(one)) await journal.remove(one.object);
  return lost.filter(isWorthIt);
}

async function stopOnVisit({ visit, object }: Unfinished): Promise<void> {
  const { recording } = await visitNow(visit);
  if (!recording.running || recording.object !== object) return;
  await nodeClient().send({ type: "visit.stop-recording/1", body: { visit } });
}

async function visitNow(visit: string): Promise<VisitNow> {
  return (await api.json<{ visit: VisitNow }>("GET", `/v1/app/visits/${visit}`)).visit;
}

async function withJournal<T>(work: (journal: RecordingJournal) => Promise<T>): Promise<T> {
  const journal = await RecordingJournal.open();
  try {
    return await work(journal);
  } finally {
    journal.close();
  }
}
