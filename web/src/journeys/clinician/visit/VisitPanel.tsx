/** One visit as its clinician lives it: before (checks, admit), in the room, after (summary, close, proof). */

import { useCallback, useEffect, useMemo, useState } from "react";
import { Await, Empty, NoPermission } from "~/components";
import { useHeldStream } from "~/room";
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
  const { stream, keep } = useHeldStream();
  const [isEntered, setEntered] = useState(false);
  const { reload } = view;
  const enter = useCallback(
    (opened: MediaStream | null) => {
      keep(opened);
      setEntered(true);
    },
    [keep],
  );
  const out = useCallback(() => {
    keep(null);
    setEntered(false);
    reload();
  }, [keep, reload]);
  // The node shows nothing of the visit to a colleague who was taken out of it, and says why.
  const isOut = view.error?.code === "participant-removed";
  const isOver = isOut || (view.data !== null && !isLive(view.data.visit));
  useEffect(() => {
    if (isOver) keep(null);
  }, [isOver, keep]);
  if (isOut) return <Empty icon="leave" title={words.removed} />;
  return (
    <Await view={view} shape="record">
      {({ visit: shown }) => {
        if (shown.mine === null) return <NoPermission />;
        const isIn = isEntered && shown.mine.state === "admitted" && isLive(shown);
        if (isIn) return <InRoom visit={shown} stream={stream} onOut={out} />;
        if (!isLive(shown)) return <After visit={shown} onChange={reload} />;
        const props = { visit: shown, stream, onStream: keep, onEnter: enter };
        if (shown.mine.role !== "clinician") return <Guest {...props} />;
        return <Prepare {...props} onChange={reload} />;
      }}
    </Await>
  );
}
