/**
 * The verifier's page: drop a bundle, watch the steps, read the verdict. No session, no network; the file never leaves the
 * browser, and is judged in a worker, so that a large one stops nothing.
 */

import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Icon, Page } from "~/components";
import { isProof } from "~/verify";
import type { Language } from "~/verify/words";
import { stepTitle } from "~/verify/words";
import { DropArea } from "./DropArea";
import { KnownFields } from "./KnownFields";
import { Steps } from "./Steps";
import { Verdict } from "./Verdict";
import { takeWaiting } from "./handoff";
import { keepKnown, loadKnown, type Known } from "./known";
import { pageWords, type PageWords } from "./strings";
import { useJudgement, type Judgement } from "./useJudgement";
import styles from "./verify.module.css";

interface Props {
  /** A bundle to judge at once. */
  readonly initial?: Blob;
  readonly language?: Language;
}

export function VerifyPage({ initial, language = "en" }: Props) {
  const words = pageWords(language);
  const [known, setKnown] = useState<Known>(loadKnown);
  const { judgement, start, clear } = useJudgement();
  const first = useRef(initial ?? takeWaiting());
  useEffect(() => {
    if (first.current !== null) start(first.current, loadKnown());
    first.current = null;
  }, [start]);
  /** An entry belongs to its proof: another one judged by it would be said to be false. */
  const another = () => {
    setKnown({ ...known, entry: null });
    clear();
  };
  const change = (next: Known) => {
    setKnown(next);
    keepKnown(next);
    // What the reader knows decides the verdict: one that is shown is reached anew.
    if (judgement !== null) start(judgement.file, next);
  };
  /** A proof of one entry may come with its entry. */
  const take = async (files: readonly File[]) => {
    const { file, entry } = await sortFiles(files);
    if (file === undefined) return;
    const next = { ...known, entry: entry ?? known.entry };
    setKnown(next);
    start(file, next);
  };
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text">
      <div className={styles.page}>
        {judgement === null ? (
          <DropArea words={words} onFiles={(files) => void take(files)} />
        ) : (
          <Found {...{ words, language, judgement }} onClear={another} />
        )}
        <KnownFields
          {...{ words, language, known }}
          needs={judgement?.refused?.code ?? ""}
          onChange={change}
        />
        <details className={styles.more}>
          <summary>
            <Icon name="info" size={18} />
            {words.limits}
          </summary>
          <ul>
            {words.limitsList.map((limit) => (
              <li key={limit}>{limit}</li>
            ))}
          </ul>
        </details>
      </div>
    </Page>
  );
}

/** Which of the files that came together is the proof, and which the entry. */
async function sortFiles(files: readonly File[]): Promise<{ file?: File; entry?: File }> {
  const [first, second] = files;
  if (first === undefined) return {};
  if (second === undefined) return { file: first };
  const isFirst = await startsAsProof(first);
  if (!isFirst && !(await startsAsProof(second))) return { file: first };
  return isFirst ? { file: first, entry: second } : { file: second, entry: first };
}

async function startsAsProof(file: File): Promise<boolean> {
  const head = await file
    .slice(0, HEAD_BYTES)
    .arrayBuffer()
    .catch(() => new ArrayBuffer(0)); // Whoever judges it says that it cannot be read.
  return isProof(new Uint8Array(head));
}

/** More than the first line of a proof. */
const HEAD_BYTES = 64;

interface FoundProps {
  readonly words: PageWords;
  readonly language: Language;
  readonly judgement: Judgement;
  readonly onClear: () => void;
}

function Found({ words, language, judgement, onClear }: FoundProps) {
  const { file, names, steps, report, refused } = judgement;
  const at = Math.min(steps.length, names.length - 1);
  const working = words.working(at + 1, names.length, stepTitle(names[at] ?? "", language));
  const isNeeded = refused !== null && Object.hasOwn(words.needed, refused.code);
  return (
    <>
      {report !== null && <Verdict {...{ words, language, report, file }} />}
      {refused !== null && (
        <section className={styles.verdict} data-tone={isNeeded ? "plain" : "bad"} role="alert">
          <h2>{refusalWords(refused.code, words)}</h2>
          {!isNeeded && <p lang="en">{refused.message}</p>}
        </section>
      )}
      {report === null && refused === null && (
        <p className={styles.working} role="status">
          {working}
        </p>
      )}
      <div className={styles.actions}>
        <Button
          variant="default"
          leftSection={<Icon name={report === null ? "stop" : "upload"} />}
          onClick={onClear}
        >
          {report === null && refused === null ? words.stop : words.another}
        </Button>
      </div>
      {refused === null && (
        <section>
          <h2>{words.steps}</h2>
          <Steps {...{ words, language, names, steps, report }} />
        </section>
      )}
    </>
  );
}

function refusalWords(code: string, words: PageWords): string {
  const needed = Object.hasOwn(words.needed, code) ? words.needed[code] : undefined;
  if (needed !== undefined) return needed;
  return (Object.hasOwn(words.refused, code) ? words.refused[code] : undefined) ?? words.unreadable;
}
