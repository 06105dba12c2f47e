/** Getting into a visit: camera and sound, consents one by one, identity, and then the waiting room. */

import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { Check, Icon, Page, TimeText } from "~/components";
import { ShowIdentity } from "~/factors/ui/lazily";
import { live } from "~/session";
import { DeviceTest, type Checks } from "~/room";
import { leadName } from "../people";
import { usePatientStrings } from "../strings";
import { useFreshTop } from "../useFreshTop";
import styles from "../patient.module.css";
import { CancelVisit } from "./CancelVisit";
import { Consents, asked, type Said } from "./Consents";
import { Refused } from "./Refused";
import { JOIN_STEPS, firstStep, mayGoOn, type JoinStep } from "./joining";
import { useSteps, type VisitProps } from "./parts";

const UNTESTED: Checks = {
  camera: "untested",
  microphone: "untested",
  speaker: "untested",
  network: "untested",
};
/** Before that one is early. */
const EARLY_MS = 30 * 60 * 1000;

export function Join(props: VisitProps) {
  const { visit, now } = props;
  const words = usePatientStrings();
  const [step, setStep] = useState<JoinStep>(() => firstStep(visit));
  const [said, setSaid] = useState<Said>({});
  useFreshTop(step);
  const early = Date.parse(visit.starts_at ?? "") - Date.parse(now) > EARLY_MS;
  return (
    <Page
      width="text"
      title={words.visits.visitWith(leadName(visit, words))}
      subtitle={visit.starts_at === null ? undefined : <TimeText at={visit.starts_at} />}
    >
      {visit.mine?.state !== "left" && <Progress step={step} />}
      {early && step === "test" && (
        <p className={styles.notice}>
          <Icon name="clock" size={18} />
          <span>{words.join.early}</span>
        </p>
      )}
      {visit.mine?.state === "left" ? (
        <ComeBack {...props} />
      ) : (
        <>
          {step === "test" && <TestStep {...props} onDone={() => setStep("consents")} />}
          {step === "consents" && (
            <ConsentStep
              {...props}
              said={said}
              onSaid={setSaid}
              onDone={() => setStep("identity")}
              onBack={() => setStep("test")}
            />
          )}
          {(step === "identity" || step === "wait") && (
            <IdentityStep {...props} onBack={() => setStep("consents")} />
          )}
        </>
      )}
      {visit.mine?.role === "patient" && visit.phase !== "underway" && (
        <CancelVisit visit={visit.visit} reload={props.reload} />
      )}
    </Page>
  );
}

function Progress({ step }: { step: JoinStep }) {
  const words = usePatientStrings().join;
  const at = JOIN_STEPS.indexOf(step);
  return (
    <ol className={styles.progress} aria-label={words.step(at + 1, JOIN_STEPS.length)}>
      {JOIN_STEPS.map((name, index) => {
        const state = index < at ? "done" : index === at ? "current" : "todo";
        return (
          <li key={name} data-state={state} aria-current={state === "current" ? "step" : undefined}>
            <span className={styles.dot}>
              {state === "done" ? <Icon name="check" size={14} label={words.done} /> : index + 1}
            </span>
            <span className={styles.stepName}>{words.steps[name]}</span>
          </li>
        );
      })}
    </ol>
  );
}

function TestStep({ visit, reload, onStream, onDone }: VisitProps & { onDone: () => void }) {
  const words = usePatientStrings().join;
  const steps = useSteps(visit.visit, reload);
  const checkIn = async (checks: Checks) => {
    if (await steps.sign(["check-in", { ...checks }])) onDone();
  };
  return (
    <section className={styles.stack}>
      <div>
        <h2>{words.test}</h2>
        <p className={styles.quiet}>{words.testText}</p>
      </div>
      <DeviceTest
        link={live}
        readyLabel={words.testReady}
        onReady={({ stream, checks }) => {
          onStream(stream);
          void checkIn(checks);
        }}
      />
      <Refused error={steps.error} />
      <div>
        <Button variant="subtle" loading={steps.busy} onClick={() => void checkIn(UNTESTED)}>
          {words.skip}
        </Button>
      </div>
    </section>
  );
}

interface ConsentProps extends VisitProps {
  said: Said;
  onSaid: (said: Said) => void;
  onDone: () => void;
  onBack: () => void;
}

function ConsentStep({ visit, reload, said, onSaid, onDone, onBack }: ConsentProps) {
  const words = usePatientStrings().join;
  const ready = mayGoOn(visit, asked(visit), said);
  return (
    <section className={styles.stack}>
      <div>
        <h2>{words.consents}</h2>
        <p className={styles.quiet}>{words.consentsText}</p>
      </div>
      <Consents visit={visit} reload={reload} said={said} onSaid={onSaid} />
      <div className={styles.row}>
        <Button onClick={onDone} disabled={!ready}>
          {words.next}
        </Button>
        <Button variant="default" onClick={onBack}>
          {words.back}
        </Button>
      </div>
      {!ready && <p className={styles.quiet}>{words.answerAll}</p>}
    </section>
  );
}

function IdentityStep({ visit, reload, onBack }: VisitProps & { onBack: () => void }) {
  const all = usePatientStrings();
  const words = all.join;
  const steps = useSteps(visit.visit, reload);
  const identity = visit.mine?.identity ?? null;
  const name = leadName(visit, all);
  return (
    <section className={styles.stack}>
      <div>
        <h2>{words.identity}</h2>
        {identity === null && <p className={styles.quiet}>{words.identityText(name)}</p>}
      </div>
      {identity === null ? (
        <ul className={styles.chips}>
          {words.identifiers.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      ) : (
        <Check
          state="done"
          label={identity === "presented" ? words.identityDone.presented : words.identityDone.confirmed(name)}
        />
      )}
      {identity === null && (
        <ShowIdentity visit={visit.visit} who={name} place="/patient/factors" onShown={reload} />
      )}
      <Refused error={steps.error} />
      <div className={styles.row}>
        <Button loading={steps.busy} onClick={() => void steps.sign(["wait"])}>
          {words.enter}
        </Button>
        <Button variant="default" onClick={onBack}>
          {words.back}
        </Button>
      </div>
    </section>
  );
}

/** One was in line or in the room, and left. The test of before still holds. */
function ComeBack({ visit, reload }: VisitProps) {
  const words = usePatientStrings().join;
  const steps = useSteps(visit.visit, reload);
  const checks = visit.mine?.checks ?? UNTESTED;
  // Read out at once by readers of the screen: the page changed under them.
  const [told, setTold] = useState("");
  useEffect(() => setTold(words.notWaiting), [words.notWaiting]);
  return (
    <section className={styles.stack}>
      <p role="status">{told}</p>
      <Refused error={steps.error} />
      <div>
        <Button loading={steps.busy} onClick={() => void steps.sign(["check-in", { ...checks }], ["wait"])}>
          {words.comeBack}
        </Button>
      </div>
    </section>
  );
}
