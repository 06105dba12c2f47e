/** My proofs: of each closed visit, of who saw my record, and a way to check one that I have. */

import { Button } from "@mantine/core";
import { Await, Icon, Page, TimeText } from "~/components";
import { go } from "~/router";
import { useMe, useView } from "~/session";
import { leadName } from "../people";
import { PrivacyTabs } from "../seen/SeenPlace";
import { useSeen } from "../seen/useSeen";
import type { VisitList } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { ProofActions } from "../visits/After";
import { logProof, visitProof } from "./proofs";

/** One bundle of decisions with their documents: some hundred kilobytes. */
const LINES = 50;

export function Proofs() {
  const all = usePatientStrings();
  const words = all.proofs;
  const past = useView<VisitList>("/v1/app/visits", {
    query: { which: "past", limit: 10 },
    topics: ["visit/*"],
  });
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text">
      <PrivacyTabs />
      <section className={styles.section}>
        <h2>{words.visits}</h2>
        <Await
          view={past}
          shape="cards"
          isEmpty={({ visits }) => visits.every(({ phase }) => phase !== "closed")}
          empty={<p className={styles.quiet}>{words.noVisits}</p>}
        >
          {({ visits }) => (
            <div className={styles.stack}>
              {visits
                .filter(({ phase }) => phase === "closed")
                .map((visit) => (
                  <article key={visit.visit} className={styles.card}>
                    <div>
                      <h3>{all.visits.visitWith(leadName(visit, all))}</h3>
                      <p className={styles.quiet}>
                        <TimeText at={visit.starts_at ?? visit.opened_at} />
                        {" · "}
                        {all.after.steps(visit.entries)}
                      </p>
                    </div>
                    <ProofActions make={() => visitProof(visit.visit)} name={`visit-${visit.visit}.zip`} />
                  </article>
                ))}
            </div>
          )}
        </Await>
      </section>
      <LogProof />
      <section className={styles.section}>
        <h2>{words.check}</h2>
        <p>{words.checkText}</p>
        <Button variant="default" leftSection={<Icon name="proof" size={20} />} onClick={() => go("/verify")}>
          {words.openVerify}
        </Button>
      </section>
    </Page>
  );
}

function LogProof() {
  const words = usePatientStrings().proofs;
  const { actor: me, session } = useMe();
  const list = useSeen({ count: LINES });
  return (
    <section className={styles.section}>
      <h2>{words.log}</h2>
      <Await view={list} shape="text" empty={<p className={styles.quiet}>{words.logNone}</p>}>
        {(rows) => {
          const positions = rows.slice(0, LINES).map(({ position }) => position);
          return (
            <>
              <p>{words.logText(positions.length)}</p>
              <ProofActions make={() => logProof(positions, { me, session })} name="who-saw-my-record.zip" />
            </>
          );
        }}
      </Await>
    </section>
  );
}
