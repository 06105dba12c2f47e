/** The verdict at the top, in words; the level with what the next one lacks; what it rests on; what it is about. */

import { useEffect, useRef } from "react";
import { Icon, Seal, TimeText, safeName, type Level } from "~/components";
import type { Report } from "~/verify/report";
import type { Language, LevelWords, VerdictWords } from "~/verify/words";
import { shownText, wordsOf } from "~/verify/words";
import type { PageWords } from "./strings";
import styles from "./verify.module.css";

interface Props {
  readonly words: PageWords;
  readonly language: Language;
  readonly report: Report;
  readonly file: Blob;
}

export function Verdict({ words, language, report, file }: Props) {
  const said = wordsOf(report, language);
  return (
    <section className={styles.verdict} data-tone={toneOf(said)}>
      <Headline said={said} level={levelOf(report)} />
      {said.notes.map((note) => (
        <p key={note}>{shownText(note)}</p>
      ))}
      {said.good && <Levels words={words} report={report} levels={said.levels} />}
      <About words={words} language={language} report={report} file={file} />
    </section>
  );
}

function Headline({ said, level }: { said: VerdictWords; level: Level | null }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The verdict is what one waited for: readers of the screen are taken to it.
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className={styles.headline}>
      <Icon name={said.good ? "proof" : "cross"} size={32} />
      <h2 ref={heading} tabIndex={-1}>
        {said.verdict}
      </h2>
      {level !== null && <Seal level={level} />}
    </div>
  );
}

function Levels({
  words,
  report,
  levels,
}: {
  words: PageWords;
  report: Report;
  levels: readonly LevelWords[];
}) {
  const reached = levels.filter(({ met }) => met).at(-1);
  const next = levels.find(({ met }) => !met);
  const exact = report.levels.find(({ met }) => !met);
  return (
    <div className={styles.levels}>
      <h3>{words.level}</h3>
      {reached !== undefined && (
        <p>
          {words.reached(`${reached.level}, ${reached.title.toLowerCase()} ${reached.means}`)}
          {reached.at !== null && (
            <>
              , {words.since} <TimeText at={reached.at} />
            </>
          )}
          .
        </p>
      )}
      {next !== undefined && (
        <>
          <p>
            {words.next(`${next.level} (${next.title.toLowerCase()} ${next.means})`)}: {next.lacks}
          </p>
          <details className={styles.small}>
            <summary>{words.exactly}</summary>
            <p lang="en">{shownText(exact?.missing ?? "")}</p>
          </details>
        </>
      )}
      {report.assumptions.length > 0 && (
        <details className={styles.small}>
          <summary>{words.restsOn}</summary>
          <ul lang="en">
            {report.assumptions.map((assumption) => (
              <li key={assumption}>{shownText(assumption)}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function About({ words, language, report, file }: Props) {
  const name = file instanceof File ? safeName(file.name) : null;
  const size = words.bytes(new Intl.NumberFormat(language).format(file.size));
  const rows: [string, string][] = [
    [words.file, name === null ? size : `${name} · ${size}`],
    ...(report.origin === "" ? [] : [[words.ledger, report.origin] as [string, string]]),
    ...(report.subject === "" ? [] : [[words.subject, report.subject] as [string, string]]),
  ];
  return (
    <dl className={styles.about} aria-label={words.about}>
      {rows.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{shownText(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function toneOf({ good, sure }: VerdictWords): "good" | "self" | "bad" {
  if (!good) return "bad";
  return sure ? "good" : "self";
}

function levelOf(report: Report): Level | null {
  const number = Number(report.level?.slice(1));
  return number >= 1 && number <= 5 ? (number as Level) : null;
}
