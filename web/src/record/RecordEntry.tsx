/** One piece of a record in a list: what it is, when, its seal and its why line; opened below by a tap. */

import { useEffect, useId, useState } from "react";
import { Icon, Seal, TimeText, WhyLine } from "~/components";
import { useMe } from "~/session";
import { useLanguage } from "~/strings";
import { OpenedView } from "./OpenedView";
import { describe } from "./fhir";
import { iconOf, personName, titleOf, whyOf } from "./naming";
import { useOpened, type OpenAsk } from "./opening";
import { factsOf } from "./proof";
import { useRecordStrings } from "./strings";
import type { RecordItem } from "./types";
import styles from "./record.module.css";

interface Props extends OpenAsk {
  item: RecordItem;
  /** Open it at once, so that its own title is shown; each opening is an access that is noted. */
  auto?: boolean;
  /** Show what is in it from the beginning. */
  initiallyShown?: boolean;
  level?: 2 | 3;
}

/** Entries of a record have kilobytes; what is larger waits for a tap. */
const AUTO_BYTES_MAX = 256 * 1024;

export function RecordEntry({
  item,
  purpose,
  visit,
  auto = false,
  initiallyShown = false,
  level = 3,
}: Props) {
  const words = useRecordStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const id = useId();
  const [shown, setShown] = useState(initiallyShown);
  const [opened, open] = useOpened(item, { purpose, visit });
  const content = opened.state === "open" ? opened.content : undefined;
  const title = titleOf(item, words, language, content);
  const wanted =
    shown || (auto && item.media_type === "application/fhir+json" && item.size <= AUTO_BYTES_MAX);
  useEffect(() => {
    if (wanted && opened.state === "closed") open();
  }, [wanted, opened.state, open]);
  const Heading = `h${level}` as const;
  const told =
    content?.kind === "fhir" && item.reading === null ? describe(content.resource, language) : null;
  return (
    <article className={styles.entry}>
      <div className={styles.head}>
        <span className={styles.emblem}>
          <Icon name={iconOf(item)} size={20} />
        </span>
        <div className={styles.words}>
          <Heading className={styles.title}>
            <button
              type="button"
              className={styles.toggle}
              aria-expanded={shown}
              aria-controls={id}
              onClick={() => setShown(!shown)}
            >
              <span>{title}</span>
              <Icon name={shown ? "up" : "down"} size={18} />
            </button>
          </Heading>
          <p className={styles.about}>
            {told !== null && told.title !== told.kind && <span>{told.kind}</span>}
            {told?.value != null && !shown && <strong>{told.value}</strong>}
            <TimeText
              at={told?.at ?? item.reading?.to ?? item.at}
              style={told?.at != null ? "date" : "moment"}
            />
            <span>
              {item.reading === null
                ? words.writtenBy(personName(item.owner, words, actor))
                : words.measuredBy(personName(item.reading.device, words, actor))}
            </span>
          </p>
        </div>
        <Seal level={item.level} facts={factsOf(item, title, words, actor)} size="s" />
      </div>
      <div id={id} className={styles.body} hidden={!shown}>
        {shown && <OpenedView item={item} opened={opened} onOpen={open} title={title} />}
      </div>
      <WhyLine>{whyOf(item, { words, language, me: actor })}</WhyLine>
    </article>
  );
}
