/** The waiting room: the place in line, one's own picture, consents that can still be changed, and the way out. */

import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { Confirm, Icon, Page, TimeText } from "~/components";
import { Lobby } from "~/room";
import { stayAwake } from "~/session";
import { leadName } from "../people";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { Consents } from "./Consents";
import { Refused } from "./Refused";
import { SelfView } from "./SelfView";
import { useSteps, type VisitProps } from "./parts";

export function Waiting({ visit, reload, stream }: VisitProps) {
  const all = usePatientStrings();
  const words = all.join;
  const steps = useSteps(visit.visit, reload);
  const [leaving, setLeaving] = useState(false);
  useEffect(() => stayAwake(), []); // Whoever waits is there, and is not signed out for it.
  return (
    <Page
      width="text"
      title={words.waitingTitle}
      subtitle={
        <>
          {all.visits.visitWith(leadName(visit, all))}
          {visit.starts_at !== null && (
            <>
              {" · "}
              <TimeText at={visit.starts_at} />
            </>
          )}
        </>
      }
    >
      <div className={styles.stack}>
        <div className={styles.waiting}>
          <Lobby position={visit.position} clinician={leadName(visit, all)} />
          {stream !== null && <SelfView stream={stream} label={words.seeYourself} />}
        </div>
        <details className={styles.details}>
          <summary>
            <Icon name="hand" size={18} />
            {words.consentsButton}
          </summary>
          <Consents visit={visit} reload={reload} />
        </details>
        <Refused error={steps.error} />
        <div>
          <Button
            variant="default"
            leftSection={<Icon name="leave" size={18} />}
            onClick={() => setLeaving(true)}
          >
            {words.leaveLine}
          </Button>
        </div>
      </div>
      <Confirm
        opened={leaving}
        title={`${words.leaveLine}?`}
        confirm={words.leaveLine}
        onConfirm={() => steps.sign(["leave"])}
        onClose={() => setLeaving(false)}
      >
        {words.leaveLineText}
      </Confirm>
    </Page>
  );
}
