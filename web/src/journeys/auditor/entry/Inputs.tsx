/** What a decision was made from: the question, the things the rules looked at, and all documents by digest. */

import { Accordion } from "@mantine/core";
import { CopyText } from "~/components";
import { bytesText } from "~/strings";
import type { Decision } from "../shapes";
import { useAuditorStrings } from "../strings";
import styles from "./entry.module.css";

export function Inputs({ decision: { inputs, documents } }: { decision: Decision }) {
  const t = useAuditorStrings().entry;
  const entities = Array.isArray(inputs?.entities) ? inputs.entities : [];
  return (
    <section aria-labelledby="inputs">
      <h2 id="inputs">{t.inputs}</h2>
      {inputs === null ? (
        <p className={styles.quiet}>{t.inputsGone}</p>
      ) : (
        <Accordion variant="contained" multiple>
          <Accordion.Item value="request">
            <Accordion.Control>{t.request}</Accordion.Control>
            <Accordion.Panel>
              <Json value={inputs.request} />
            </Accordion.Panel>
          </Accordion.Item>
          <Accordion.Item value="entities">
            <Accordion.Control>{t.entities(entities.length)}</Accordion.Control>
            <Accordion.Panel>
              <Json value={inputs.entities} />
            </Accordion.Panel>
          </Accordion.Item>
          <Accordion.Item value="documents">
            <Accordion.Control>{t.documents}</Accordion.Control>
            <Accordion.Panel>
              <ul className={styles.documents}>
                {documents.map(({ what, digest, bytes }, at) => (
                  <li key={at}>
                    <span>{what}</span>
                    <CopyText value={digest} label={what} />
                    <span className={styles.quiet}>{bytes === null ? t.gone : bytesText(bytes)}</span>
                  </li>
                ))}
              </ul>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      )}
    </section>
  );
}

export function Json({ value }: { value: unknown }) {
  return (
    <pre className={styles.code} tabIndex={0}>
      {JSON.stringify(value, null, 2)}
    </pre>
  );
}
