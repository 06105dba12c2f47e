/** One room session for as long as the component is shown. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { FramesUnsupported } from "../media/frames";
import type { Device } from "../mesh/local";
import { RoomSession } from "../mesh/session";
import { EMPTY_ROOM, type RoomState } from "../mesh/state";
import type { RoomPorts } from "../ports";

export interface HeldRoom {
  readonly session: RoomSession | null;
  readonly state: RoomState;
  readonly unsupported: boolean;
}

const nothing = () => () => undefined;
const empty = () => EMPTY_ROOM;

/** `turn` makes a new session when it changes: somebody wants to come back in. `ports` must stay the same meanwhile. */
export function useRoom(visit: string, ports: RoomPorts, stream: MediaStream | null, turn: number): HeldRoom {
  const [session, setSession] = useState<RoomSession | null>(null);
  const [unsupported, setUnsupported] = useState(false);
  const had = useRef<readonly Device[]>([]);
  useEffect(() => {
    let made: RoomSession;
    try {
      made = new RoomSession(visit, ports);
    } catch (error) {
      if (!(error instanceof FramesUnsupported)) throw error;
      setUnsupported(true);
      return;
    }
    made.join(stream?.active === true ? stream : null);
    // A stream that was ended by a former turn gives no tracks: whoever comes back has on what was on before.
    // Where the browser refuses that, the controls show it as off.
    if (turn > 0) for (const device of had.current) void made.turn(device, true).catch(() => undefined);
    setSession(made);
    return () => {
      setSession(null);
      void made.leave().finally(() => made.dispose());
      had.current = made.local.had;
    };
  }, [visit, ports, stream, turn]);
  const state = useSyncExternalStore(session?.subscribe ?? nothing, session?.getSnapshot ?? empty);
  return useMemo(() => ({ session, state, unsupported }), [session, state, unsupported]);
}
