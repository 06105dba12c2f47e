/** One visit as its clinician lives it: before (checks, admit), in the room, after (summary, close, proof). */

import { useCallback, useMemo, useState } from "react";
import { Await, Empty, NoPermission } from "~/components";
import { useView } from "~/session";
import { isLive, type VisitShown } from "../shapes";
import { useClinicianStrings } from "../strings";
import { After } from "./After";
import { Guest } from "./Guest";
import { InRoom } from "./InRoom";
import { Prepare } from "./Prepare";

export type Outcome = "left" | "lobby" | "removed" | "ended" | "replaced" | "unknown";

export function VisitPanel({ visit }: { visit: string }) {
  const words = useClinicianStrings().guest;
  const topics = useMemo(() => [`visit/${visit}`], [visit]);
  const view = useView<VisitShown>(`/v1/app/visits/${visit}`, { topics });
  const [room, setRoom] = useState<{ stream: MediaStream | null } | null>(null);
  const { reload } = view;
  const enter = useCallback((stream: MediaStream | null) => setRoom({ stream }), []);
  const out = useCallback(() => {
    setRoom((now) => {
      now?.stream?.getTracks().forEach((track) => track.stop());
      return null;
    });
    reload();
  }, [reload]);
  // The node shows nothing of the visit to a colleague who was taken out of it, and says why.
  if (view.error?.code === "participant-removed") return <Empty icon="leave" title={words.removed} />;
  return (
    <Await view={view} shape="record">
      {({ visit: shown }) => {
        if (shown.mine === null) return <NoPermission />;
        const isIn = room !== null && shown.mine.state === "admitted" && isLive(shown);
        if (isIn) return <InRoom visit={shown} stream={room.stream} onOut={out} />;
        if (!isLive(shown)) return <After visit={shown} onChange={reload} />;
        if (shown.mine.role !== "clinician") return <Guest visit={shown} onEnter={enter} />;
        return <Prepare visit={shown} onEnter={enter} onChange={reload} />;
      }}
    </Await>
  );
}
