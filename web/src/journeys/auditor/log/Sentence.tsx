/** The filter as a sentence that one reads, and whose words one changes. */

import { Button } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import { go } from "~/router";
import { languageNow, timeText, useStrings } from "~/strings";
import type { Row, Words } from "../shapes";
import { useAuditorStrings, type AuditorStrings } from "../strings";
import { shortId, useSpeech } from "../words";
import { Choice, Options } from "./Choice";
import { PersonChoice } from "./PersonChoice";
import { TimeChoice } from "./TimeChoice";
import { WhatChoice } from "./WhatChoice";
import { NO_FILTER, placeOf, readFilter, type LogFilter } from "./filter";
import { labelOf } from "./people";
import styles from "./log.module.css";

interface Props {
  filter: LogFilter;
  words: Words | null;
  /** What is listed now, for the people in it. */
  rows: readonly Row[];
}

export function Sentence({ filter, words, rows }: Props) {
  const t = useAuditorStrings().log;
  const change = (part: Partial<LogFilter>) => go(placeOf({ ...filter, ...part }), { replace: true });
  const aboutAccesses = filter.type === "access.decided/1";
  const parts: Record<string, ReactNode> = {
    what: <WhatChoice filter={filter} words={words} change={change} />,
    who: <Who filter={filter} rows={rows} change={change} />,
    whom: <Whom filter={filter} rows={rows} change={change} />,
    when: <When filter={filter} change={change} />,
    purpose: <Purpose filter={filter} words={words} change={change} />,
    outcome: <Outcome filter={filter} change={change} />,
  };
  const isUsual = placeOf(filter) === placeOf(NO_FILTER);
  return (
    <div className={styles.sentence}>
      {filled(aboutAccesses ? t.sentenceOfAccesses : t.sentence, parts)}{" "}
      {!isUsual && (
        <Button variant="subtle" size="compact-md" onClick={() => change(readFilter(new URLSearchParams()))}>
          {t.clear}
        </Button>
      )}
    </div>
  );
}

/** `Show {what} by {who}` with parts in their places. */
export function filled(template: string, parts: Record<string, ReactNode>): ReactNode[] {
  return template
    .split(/\{(\w+)\}/)
    .map((piece, at) => <Fragment key={at}>{at % 2 === 1 ? parts[piece] : piece}</Fragment>);
}

export type Change = (part: Partial<LogFilter>) => void;

function Who({ filter, rows, change }: { filter: LogFilter; rows: readonly Row[]; change: Change }) {
  const t = useAuditorStrings().log;
  const { who } = useSpeech();
  const shown = filter.person === null ? t.anyone : labelOf(filter.person, rows, who);
  return (
    <Choice label={t.parts.who} shown={shown} isSet={filter.person !== null}>
      {(close) => (
        <PersonChoice
          chosen={filter.person}
          people={rows.map((row) => row.actor)}
          onPick={(person) => {
            change({ person });
            close();
          }}
        />
      )}
    </Choice>
  );
}

function Whom({ filter, rows, change }: { filter: LogFilter; rows: readonly Row[]; change: Change }) {
  const t = useAuditorStrings().log;
  const { who } = useSpeech();
  const { subject, visit } = filter;
  const shown =
    subject !== null ? labelOf(subject, rows, who) : visit !== null ? t.theVisit(shortId(visit)) : t.anyone;
  return (
    <Choice label={t.parts.whom} shown={shown} isSet={subject !== null || visit !== null}>
      {(close) => (
        <PersonChoice
          chosen={subject}
          people={rows.flatMap((row) => row.subject ?? [])}
          onPick={(picked) => {
            change({ subject: picked, visit: null });
            close();
          }}
          onVisit={(picked) => {
            change({ visit: picked, subject: null });
            close();
          }}
        />
      )}
    </Choice>
  );
}

function When({ filter, change }: { filter: LogFilter; change: Change }) {
  const t = useAuditorStrings().log;
  const isSet = filter.since !== null || filter.until !== null || filter.last !== NO_FILTER.last;
  return (
    <Choice label={t.parts.when} shown={whenText(filter, t)} isSet={isSet}>
      {(close) => (
        <TimeChoice
          filter={filter}
          onPick={(part) => {
            change(part);
            close();
          }}
        />
      )}
    </Choice>
  );
}

function whenText({ since, until, last }: LogFilter, t: AuditorStrings["log"]): string {
  const moment = (at: string) =>
    timeText(Date.parse(at), "moment", { nowMs: Date.now(), language: languageNow() });
  if (since !== null && until !== null) return t.between(moment(since), moment(until));
  if (since !== null) return t.after(moment(since));
  if (until !== null) return t.before(moment(until));
  return t.spans[last];
}

interface PurposeProps {
  filter: LogFilter;
  words: Words | null;
  change: Change;
}

function Purpose({ filter, words, change }: PurposeProps) {
  const t = useAuditorStrings().log;
  const names: Record<string, string> = useStrings().purposes;
  const label = (purpose: string) => (names[purpose] ?? purpose).toLowerCase();
  const options = [
    { value: null, label: t.anyPurpose },
    ...(words?.purposes ?? []).map((value) => ({ value, label: label(value) })),
  ];
  return (
    <Choice
      label={t.parts.purpose}
      shown={filter.purpose === null ? t.anyPurpose : label(filter.purpose)}
      isSet={filter.purpose !== null}
    >
      {(close) => (
        <Options<string | null>
          options={options}
          chosen={filter.purpose}
          onPick={(purpose) => {
            change({ purpose });
            close();
          }}
        />
      )}
    </Choice>
  );
}

function Outcome({ filter, change }: { filter: LogFilter; change: Change }) {
  const t = useAuditorStrings().log;
  const options: { value: LogFilter["outcome"]; label: string }[] = [
    { value: null, label: t.eitherOutcome },
    { value: "allow", label: t.outcomes.allow },
    { value: "deny", label: t.outcomes.deny },
  ];
  const shown = filter.outcome === null ? t.eitherOutcome : t.outcomes[filter.outcome];
  return (
    <Choice label={t.parts.outcome} shown={shown} isSet={filter.outcome !== null}>
      {(close) => (
        <Options<LogFilter["outcome"]>
          options={options}
          chosen={filter.outcome}
          onPick={(outcome) => {
            change({ outcome });
            close();
          }}
        />
      )}
    </Choice>
  );
}
