/** The numbered steps: those that are done, the one at hand, and those that wait or were never come to. */

import { Icon, type IconName } from "~/components";
import type { Report, Step } from "~/verify/report";
import { isFailed } from "~/verify/report";
import type { Language } from "~/verify/words";
import { STEP_WORDS, shownText, stepTitle, stepWords } from "~/verify/words";
import type { PageWords } from "./strings";
import styles from "./verify.module.css";

interface Props {
  readonly words: PageWords;
  readonly language: Language;
  /** Of all steps there are, in their order. */
  readonly names: readonly string[];
  readonly steps: readonly Step[];
  readonly report: Report | null;
}

type State = "done" | "failed" | "running" | "todo";

const SIGNS: Record<State, IconName> = { done: "check", failed: "cross", running: "waiting", todo: "minus" };

export function Steps({ words, language, names, steps, report }: Props) {
  return (
    <ol className={styles.steps}>
      {names.map((name, index) => {
        const step = steps[index];
        if (step !== undefined) return <Done key={name} {...{ words, language, step, report }} />;
        const running = report === null && index === steps.length;
        const label = running ? words.running : report === null ? words.waits : words.notRun;
        return (
          <li key={name} className={styles.step} data-state="todo">
            <Sign state={running ? "running" : "todo"} label={label} />
            <span className={styles.quiet}>{stepTitle(name, language)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function Done({ words, language, step, report }: Omit<Props, "steps" | "names"> & { step: Step }) {
  const failed = isFailed(step);
  const said = stepWords(step, { subject: report?.subject ?? "" }, STEP_WORDS[language]);
  return (
    <li className={styles.step} data-state={failed ? "failed" : "done"}>
      <Sign state={failed ? "failed" : "done"} label={failed ? words.fails : words.holds} />
      <details className={styles.detail} open={failed}>
        <summary>
          <strong>{said.title}</strong>
          <span className={styles.sentence}>{said.sentence}</span>
        </summary>
        <div className={styles.exact}>
          <span className={styles.quiet}>{words.exactly}</span>
          <p lang="en">{shownText(failed ? step.failure : step.proved)}</p>
          {failed && (
            <p>
              {words.code}: <code>{step.code}</code>
            </p>
          )}
        </div>
      </details>
    </li>
  );
}

function Sign({ state, label }: { state: State; label: string }) {
  return (
    <span className={styles.sign} data-state={state}>
      <Icon name={SIGNS[state]} size={16} label={label} />
    </span>
  );
}
