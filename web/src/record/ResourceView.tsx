/** An opened resource as one reads it: its value large, then names and values, then its text. */

import { TimeText } from "~/components";
import { useLanguage } from "~/strings";
import { describe, type Fhir } from "./fhir";
import styles from "./record.module.css";

export function ResourceView({ resource }: { resource: Fhir }) {
  const { language } = useLanguage();
  const told = describe(resource, language);
  return (
    <div className={styles.resource}>
      {told.value !== null && <p className={styles.value}>{told.value}</p>}
      {(told.rows.length > 0 || told.at !== null) && (
        <dl className={styles.rows}>
          {told.rows.map(({ name, value }, at) => (
            <div key={`${name} ${at}`}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {told.sections.map((section, at) => (
        <section key={`${section.title} ${at}`}>
          {section.title !== "" && <h3>{section.title}</h3>}
          <p className={styles.narrative}>{section.text}</p>
        </section>
      ))}
      {told.at !== null && (
        <p className={styles.when}>
          <TimeText at={told.at} style="date" />
        </p>
      )}
    </div>
  );
}
