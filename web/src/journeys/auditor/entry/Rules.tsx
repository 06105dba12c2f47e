/** The rules that decided: in words, and on request as they are written. */

import { Accordion } from "@mantine/core";
import { Pill } from "~/components";
import type { Decision, PolicyText } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useSpeech } from "../words";
import styles from "./entry.module.css";

export function Rules({ decision }: { decision: Decision }) {
  const t = useAuditorStrings().entry;
  const { policies, failed, standing, row } = decision;
  return (
    <section aria-labelledby="rules">
      <h2 id="rules">{policies.length > 1 ? t.rules : t.rule}</h2>
      {policies.length === 0 && row.reasons.length === 0 && <p className={styles.quiet}>{t.noRule}</p>}
      {policies.map((policy) => (
        <Rule key={policy.id} policy={policy} />
      ))}
      {failed.length > 0 && (
        <p className={styles.alarm}>
          {t.failed(failed.length)} {failed.join(", ")}
        </p>
      )}
      {standing && <p className={styles.quiet}>{t.standing}</p>}
    </section>
  );
}

export function Rule({ policy }: { policy: PolicyText }) {
  const t = useAuditorStrings().entry;
  const { rule } = useSpeech();
  return (
    <div className={styles.rule}>
      <div className={styles.ruleHead}>
        <Pill
          icon={policy.effect === "permit" ? "check" : "cross"}
          tone={policy.effect === "permit" ? "accent" : "wait"}
        >
          {policy.effect === "permit" ? t.permit : t.forbid}
        </Pill>
        <span>{rule(policy.id, policy.words)}</span>
        <code className={styles.mono}>{policy.id}</code>
      </div>
      <Accordion variant="contained">
        <Accordion.Item value="text">
          <Accordion.Control>{t.showText}</Accordion.Control>
          <Accordion.Panel>
            <pre className={styles.code} tabIndex={0}>
              {policy.text}
            </pre>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </div>
  );
}
