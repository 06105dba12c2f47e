/** The entry as it stands on the ledger: ids and words of ours, for whoever wants to hold it against a proof. */

import { Accordion } from "@mantine/core";
import { CopyText } from "~/components";
import { bytesText, numberText } from "~/strings";
import type { Entry } from "../shapes";
import { useAuditorStrings } from "../strings";
import { Json } from "./Inputs";
import styles from "./entry.module.css";

export function Whole({ entry }: { entry: Entry }) {
  const t = useAuditorStrings().entry;
  const { row, id, salt, evidence, body, documents } = entry;
  return (
    <Accordion variant="contained">
      <Accordion.Item value="whole">
        <Accordion.Control>{t.whole}</Accordion.Control>
        <Accordion.Panel>
          <dl className={styles.list}>
            <dt>{t.id}</dt>
            <dd>
              <CopyText value={id} label={t.id} />
            </dd>
            <dt>{t.stream}</dt>
            <dd>
              <CopyText value={row.stream} label={t.stream} />
            </dd>
            <dt>{t.number}</dt>
            <dd>{numberText(row.n, 0)}</dd>
            <dt>{t.evidence}</dt>
            <dd>{evidence === null ? t.nodesWord : <CopyText value={evidence} label={t.evidence} />}</dd>
            <dt>{t.salt}</dt>
            <dd>
              <CopyText value={salt} label={t.salt} />
            </dd>
            {documents.length > 0 && (
              <>
                <dt>{t.rawDocuments}</dt>
                <dd>
                  {documents.map(({ digest, bytes }) => (
                    <div key={digest}>
                      <CopyText value={digest} label={t.rawDocuments} />{" "}
                      <span className={styles.quiet}>{bytes === null ? t.gone : bytesText(bytes)}</span>
                    </div>
                  ))}
                </dd>
              </>
            )}
          </dl>
          <Json value={{ type: row.type, body }} />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
