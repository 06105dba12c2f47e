/**
 * The consents, each a plain text with yes or no. Also shown in the waiting room and in the room, where what was given can be
 * taken back at once.
 */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Check, Empty, TimeText } from "~/components";
import { useView } from "~/session";
import { useLanguage } from "~/strings";
import { withThird } from "../people";
import type { ConsentKind, ConsentText, Visit } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { Refused } from "./Refused";
import { useSteps, type Steps } from "./parts";

/** What this participant is asked: the visit and the sharing are the patient's, the recording is everybody's. */
export function asked(visit: Visit): ConsentKind[] {
  if (visit.mine?.role !== "patient") return ["recording"];
  return withThird(visit) ? ["visit", "recording", "sharing"] : ["visit", "recording"];
}

export type Said = Partial<Record<ConsentKind, boolean>>;

interface Props {
  visit: Visit;
  reload: () => void;
  /** What was said no to, which is no entry: nothing was given. */
  said?: Said;
  onSaid?: (said: Said) => void;
}

export function Consents({ visit, reload, said: saidBefore = {}, onSaid }: Props) {
  const words = usePatientStrings().join;
  const { language } = useLanguage();
  const view = useView<{ texts: ConsentText[] }>("/v1/app/consent-texts", { query: { language } });
  const steps = useSteps(visit.visit, reload);
  const [own, setOwn] = useState<Said>(saidBefore);
  const note = (kind: ConsentKind, yes: boolean) => {
    const next = { ...own, [kind]: yes };
    setOwn(next);
    onSaid?.(next);
  };
  return (
    <Await
      view={view}
      shape="cards"
      isEmpty={({ texts }) => texts.length === 0}
      empty={<Empty icon="document" title={words.noTexts} />}
    >
      {({ texts }) => (
        <div className={styles.stack}>
          {asked(visit).flatMap((kind) => {
            const text = texts.find((one) => one.kind === kind);
            return text === undefined
              ? []
              : [
                  <One
                    key={kind}
                    text={text}
                    visit={visit}
                    steps={steps}
                    said={own[kind]}
                    onSaid={(yes) => note(kind, yes)}
                  />,
                ];
          })}
          <Refused error={steps.error} />
        </div>
      )}
    </Await>
  );
}

interface OneProps {
  text: ConsentText;
  visit: Visit;
  steps: Steps;
  said: boolean | undefined;
  onSaid: (yes: boolean) => void;
}

function One({ text, visit, steps, said, onSaid }: OneProps) {
  const words = usePatientStrings().join;
  const { kind } = text;
  const given = visit.mine?.consents[kind] ?? null;
  const refused = given === null && said === false;
  const give = async () => {
    const body = { consent: kind, text: text.digest, language: text.language };
    if (await steps.sign(["give-consent", body])) onSaid(true);
  };
  const refuse = async () => {
    if (given === null || (await steps.sign(["withdraw-consent", { consent: kind }]))) onSaid(false);
  };
  return (
    <section className={styles.card} aria-labelledby={`consent-${kind}`}>
      <h3 id={`consent-${kind}`}>{words.kinds[kind]}</h3>
      <p className={styles.consentText} lang={text.language}>
        {text.text}
      </p>
      <div role="status">
        {given !== null && <Check state="done" label={words.given} detail={<TimeText at={given.at} />} />}
        {refused && (
          <Check
            state={kind === "visit" ? "failed" : "todo"}
            label={words.refusedIt}
            detail={kind === "visit" ? words.needed : words.optional}
          />
        )}
      </div>
      <div className={styles.row}>
        {given === null && (
          <Button onClick={() => void give()} disabled={steps.busy} aria-describedby={`consent-${kind}`}>
            {words.yes}
          </Button>
        )}
        {(given !== null || !refused) && (
          <Button
            variant="default"
            onClick={() => void refuse()}
            disabled={steps.busy}
            aria-describedby={`consent-${kind}`}
          >
            {given === null ? words.no : words.takeBack}
          </Button>
        )}
      </div>
    </section>
  );
}
