/**
 * One visit, from getting ready to its proof. What is shown follows from what the node says of it, so that a reload, a second
 * tab or a broken line leads to the same place.
 */

import { useEffect } from "react";
import { Await, Empty } from "~/components";
import { useHeldStream } from "~/room";
import { useView } from "~/session";
import { isOver } from "../people";
import type { VisitShown } from "../shapes";
import { usePatientStrings } from "../strings";
import { After } from "./After";
import { InRoom } from "./InRoom";
import { Join } from "./Join";
import { Waiting } from "./Waiting";

/** News come live; this is for a line that lost one. */
const LOOK_MS = 20_000;

export function VisitPlace({ visit }: { visit: string }) {
  const view = useView<VisitShown>(`/v1/app/visits/${encodeURIComponent(visit)}`, {
    topics: [`visit/${visit}`],
    every_ms: LOOK_MS,
  });
  const { stream, keep } = useHeldStream();
  // The node shows nothing of the visit to whom it was taken from, and says why.
  const isOut = view.error?.code === "participant-removed";
  const isDone = isOut || (view.data !== null && isOver(view.data.visit));
  useEffect(() => {
    if (isDone) keep(null);
  }, [isDone, keep]);
  if (isOut) return <TakenOut />;
  return (
    <Await view={view} shape="cards">
      {({ visit: shown, now }) => {
        const props = { visit: shown, now, reload: view.reload, stream, onStream: keep };
        const state = shown.mine?.state;
        if (isOver(shown)) return <After visit={shown} />;
        if (state === "removed" || shown.mine === null) return <TakenOut />;
        if (state === "admitted") return <InRoom {...props} />;
        if (state === "waiting") return <Waiting {...props} />;
        return <Join {...props} />;
      }}
    </Await>
  );
}

function TakenOut() {
  const words = usePatientStrings().join;
  return <Empty icon="leave" title={`${words.removed}. ${words.removedText}`} />;
}
