/** The recorder of whoever leads the visit: started and stopped by hand, and stopped at once when the node says so. */
import { useCallback, useEffect, useRef, useState } from "react";
import { NOT_RECORDED, Recorder } from "../recording/recorder";
import type { Seen } from "../recording/stage";
import type { RoomState } from "../mesh/state";
import type { RoomPorts } from "../ports";

interface Plan {
  readonly ports: RoomPorts;
  readonly visit: string;
  readonly readers: readonly string[];
  readonly state: RoomState;
  /** Whether the node says that a recording runs. */
  readonly running: boolean;
  readonly onRefused: (error: unknown) => void;
}

export function useRecorder({ ports, visit, readers, state, running, onRefused }: Plan) {
  const [recorded, setRecorded] = useState(NOT_RECORDED);
  const recorder = useRef<Recorder | null>(null);
  const seen = useSeen(state, ports);

  useEffect(() => recorder.current?.show(seen), [seen]);

  // The node's word ends it: consent was taken back, or somebody else pressed stop.
  const wasRunning = useRef(false);
  useEffect(() => {
    if (wasRunning.current && !running) void recorder.current?.stop({ told: true });
    wasRunning.current = running;
  }, [running]);

  useEffect(() => () => void recorder.current?.stop({ told: false }), []);

  const toggle = useCallback(() => {
    if (recorder.current !== null && recorded.phase === "recording")
      return void recorder.current.stop({ told: false });
    // It was begun by another page of this person's, or by a colleague.
    if (running)
      return void ports.command?.([{ type: "visit.stop-recording/1", body: { visit } }]).catch(onRefused);
    const { origin } = ports;
    if (origin === undefined) return;
    // Only who may read the object gets its key: patient and clinicians, as far as they are here.
    const recipients = [ports.me, ...readers.filter((actor) => actor !== ports.me)].flatMap(
      (actor) => state.kems[actor] ?? [],
    );
    recorder.current = new Recorder({ ports: { ...ports, origin }, visit, readers, recipients }, setRecorded);
    recorder.current.start(seen).catch(() => undefined); // Its state says why.
  }, [ports, visit, readers, state.kems, seen, recorded.phase, running, onRefused]);

  return { recorded, toggle };
}

function useSeen(state: RoomState, ports: RoomPorts): readonly Seen[] {
  const [seen, setSeen] = useState<readonly Seen[]>([]);
  const { mine, others } = state;
  useEffect(() => {
    const me = {
      name: ports.nameOf(ports.me),
      picture: mine.camera,
      screen: mine.screen,
      voice: mine.microphone,
    };
    const people = others.map(({ actor, state: shown, streams }) => ({
      name: ports.nameOf(actor),
      picture: shown.camera ? trackOf(streams.camera) : null,
      screen: shown.screen ? trackOf(streams.screen) : null,
      voice: trackOf(streams.microphone),
    }));
    setSeen([...people, me]);
  }, [mine, others, ports]);
  return seen;
}

function trackOf(stream: MediaStream): MediaStreamTrack | null {
  return stream.getTracks()[0] ?? null;
}
