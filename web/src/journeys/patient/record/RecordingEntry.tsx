/** A recording of a visit in a list: played in place, decrypted as it is watched. */

import { Button } from "@mantine/core";
import { lazy, Suspense, useMemo, useState } from "react";
import { Icon, Loading, Seal, TimeText, WhyLine } from "~/components";
import { factsOf, useRecordStrings, whyOf, type RecordItem } from "~/record";
import { useMe, wallet } from "~/session";
import { useLanguage } from "~/strings";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";

const Player = lazy(async () => ({ default: (await import("~/room")).Player }));

export function RecordingEntry({ item }: { item: RecordItem }) {
  const words = usePatientStrings().after;
  const recordWords = useRecordStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const [shown, setShown] = useState(false);
  const { visit } = item;
  const open = useMemo(
    () => async (object: string) =>
      visit === null
        ? Promise.reject(new Error("a recording belongs to a visit"))
        : (await import("~/room")).openRecording(visit, "patient-request")(object),
    [visit],
  );
  const title = recordWords.roles.recording;
  return (
    <article className={styles.recording}>
      <div className={styles.cardHead}>
        <span className={styles.emblem}>
          <Icon name="record" size={20} />
        </span>
        <div className={styles.grow}>
          <h3>{title}</h3>
          <p className={styles.quiet}>
            <TimeText at={item.at} />
          </p>
        </div>
        <Seal level={item.level} facts={factsOf(item, title, recordWords, actor)} size="s" />
      </div>
      {shown ? (
        <Suspense fallback={<Loading shape="cards" />}>
          <Player object={item.object} title={title} open={open} kemKey={wallet().kemKey} />
        </Suspense>
      ) : (
        <Button variant="default" leftSection={<Icon name="play" size={18} />} onClick={() => setShown(true)}>
          {words.showRecording}
        </Button>
      )}
      <WhyLine>{whyOf(item, { words: recordWords, language, me: actor })}</WhyLine>
    </article>
  );
}
