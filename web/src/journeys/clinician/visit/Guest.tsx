/** Somebody else's visit to which one was asked, as colleague or interpreter: test, wait, and be let in. */

import { useEffect, useState } from "react";
import { Failure } from "~/components";
import { DeviceTest, Lobby, type Checks } from "~/room";
import { asApiError, commands, live, type ApiError } from "~/session";
import styles from "../clinician.module.css";
import { patientOf, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";

interface Props {
  visit: Visit;
  /** What the test has opened: held by the visit's page, so that it is let go with it. */
  stream: MediaStream | null;
  onStream: (stream: MediaStream | null) => void;
  onEnter: (stream: MediaStream | null) => void;
}

export function Guest({ visit, stream, onStream, onEnter }: Props) {
  const words = useClinicianStrings();
  const [fault, setFault] = useState<ApiError | null>(null);
  const state = visit.mine?.state;
  useEffect(() => {
    if (state === "admitted") onEnter(stream);
  }, [state, stream, onEnter]);
  const arrive = async (checks: Checks) => {
    setFault(null);
    const { camera, microphone, speaker, network } = checks;
    try {
      await commands(
        {
          type: "visit.check-in/1",
          body: { visit: visit.visit, camera, microphone, speaker, network },
        },
        { type: "visit.wait/1", body: { visit: visit.visit } },
      );
    } catch (error) {
      setFault(asApiError(error));
    }
  };
  const lead = visit.seats.find(({ role }) => role === "clinician");
  return (
    <div className={styles.panel}>
      <h2>{words.guest.title(patientOf(visit)?.name ?? words.unnamed)}</h2>
      {state === "waiting" ? (
        <Lobby position={null} clinician={lead?.name ?? null} />
      ) : (
        <DeviceTest
          link={live}
          readyLabel={words.guest.ready}
          onReady={({ stream: opened, checks }) => {
            onStream(opened);
            void arrive(checks);
          }}
        />
      )}
      {fault !== null && <Failure error={fault} />}
    </div>
  );
}
