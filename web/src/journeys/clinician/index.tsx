/** The clinician's journey: today's queue, the room, records as far as they were opened to one, messages. */

import { defineJourney } from "~/app/journey";
import { Glass } from "~/components";
import { Messages, useUnread } from "~/messages";
import { useView } from "~/session";
import { useStrings } from "~/strings";
import { endGlass, useGlass } from "./glass";
import { PatientsPage } from "./patients/PatientsPage";
import { RecordPage } from "./patients/RecordPage";
import { DayPage } from "./queue/DayPage";
import type { Queue } from "./shapes";
import { useClinicianStrings } from "./strings";

const QUEUE_TOPICS = ["queue"];

export default defineJourney({
  useMenu: () => {
    const words = useClinicianStrings().menu;
    const unread = useUnread();
    const waiting = useView<Queue>("/v1/app/queue", { topics: QUEUE_TOPICS }).data?.waiting.length ?? 0;
    return [
      { to: "/clinician", label: words.today, icon: "calendar", badge: waiting },
      { to: "/clinician/patients", label: words.patients, icon: "people" },
      { to: "/clinician/messages", label: words.messages, icon: "chat", badge: unread },
    ];
  },
  Page: function Clinician({ path }) {
    const glass = useGlass();
    const { reasons } = useStrings().glass;
    return (
      <>
        {glass !== null && (
          <Glass
            key={glass.id}
            until={glass.until}
            officers={glass.officers}
            reason={reasons[glass.reason]}
            onEnd={endGlass}
          />
        )}
        <Place path={path} />
      </>
    );
  },
});

function Place({ path }: { path: readonly string[] }) {
  const [where, id] = path;
  if (where === "messages")
    return <Messages base="/clinician/messages" path={path.slice(1)} role="clinician" />;
  if (where === "patients" && id !== undefined) return <RecordPage key={id} person={id} />;
  if (where === "patients") return <PatientsPage />;
  return <DayPage chosen={where === "visits" ? id : undefined} />;
}
