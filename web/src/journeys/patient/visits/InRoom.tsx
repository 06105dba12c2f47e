/** In the room: the picture, live vitals of one's own devices, consents at hand. After a reload one opens the camera first. */

import { useMemo, useRef, useState } from "react";
import { Page } from "~/components";
import { useVitals } from "~/record";
import { DeviceTest, Room, roomPorts } from "~/room";
import { command, live } from "~/session";
import { leadName, seatName } from "../people";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { Consents } from "./Consents";
import type { VisitProps } from "./parts";

export function InRoom(props: VisitProps) {
  const { visit, stream, onStream } = props;
  const all = usePatientStrings();
  const [entered, setEntered] = useState(stream !== null);
  if (entered) return <Inside {...props} />;
  return (
    <Page width="text" title={all.join.admitted(leadName(visit, all))} subtitle={all.join.admittedText}>
      <DeviceTest
        link={live}
        readyLabel={all.join.goIn}
        onReady={({ stream: opened }) => {
          onStream(opened);
          setEntered(true);
        }}
      />
      <button type="button" className={styles.textButton} onClick={() => setEntered(true)}>
        {all.join.skip}
      </button>
    </Page>
  );
}

function Inside({ visit, reload, stream, onStream }: VisitProps) {
  const all = usePatientStrings();
  const names = useRef(new Map<string, string>());
  names.current = new Map(visit.seats.map((seat) => [seat.actor, seatName(seat, all)]));
  const ports = useMemo(
    () => roomPorts({ visit: visit.visit, nameOf: (actor) => names.current.get(actor) ?? "…" }),
    [visit.visit],
  );
  const patient = visit.seats.find(({ role }) => role === "patient");
  const isPatient = visit.mine?.role === "patient";
  const vitals = useVitals({ person: isPatient ? (patient?.actor ?? null) : null, visit: visit.visit });
  const readers = useMemo(() => {
    const all = visit.seats.filter(({ state }) => state !== "removed");
    const own = all.filter(({ role }) => role !== "interpreter" && role !== "caregiver");
    return { files: all.map(({ actor }) => actor), recording: own.map(({ actor }) => actor) };
  }, [visit.seats]);
  const { permitted, running, lacking } = visit.recording;
  return (
    <Room
      visit={visit.visit}
      ports={ports}
      stream={stream}
      readers={readers}
      vitals={vitals}
      recording={{ permitted, running, mayStart: false, lacking }}
      panel={{
        label: all.join.consentsButton,
        icon: "hand",
        content: (
          <div className={styles.panel}>
            <h2>{all.join.consents}</h2>
            <Consents visit={visit} reload={reload} />
          </div>
        ),
      }}
      onOut={(why) => {
        onStream(null);
        // Who left by their own will says so on the ledger too; everything else the node knows already.
        if (why === "left")
          void command("visit.leave/1", { visit: visit.visit })
            .catch(() => undefined)
            .finally(reload);
        else reload();
      }}
    />
  );
}
