/** Small lines of words with a sign beside them: who may see this, for which purpose, done or not, an id to copy. */

import type { ReactNode } from "react";
import { useStrings } from "~/strings";
import { ByHand, useCopy } from "./copying";
import { Icon, type IconName } from "./icons";
import { Pill } from "./Pill";
import styles from "./words.module.css";

/** Under every piece of patient data: one grey line that says who can see this, and why. */
export function WhyLine({ children }: { children: ReactNode }) {
  return (
    <p className={styles.why}>
      <Icon name="eye" size={16} />
      <span>{children}</span>
    </p>
  );
}

const PURPOSES: Record<string, { icon: IconName; tone?: "accent" | "alarm" }> = {
  treatment: { icon: "heart", tone: "accent" },
  payment: { icon: "table" },
  operations: { icon: "settings" },
  "patient-request": { icon: "person" },
  emergency: { icon: "emergency", tone: "alarm" },
};

/** What an access was for. A purpose that we have no word for is shown as it is. */
export function PurposeChip({ purpose }: { purpose: string }) {
  const words: Record<string, string> = useStrings().purposes;
  const { icon, tone } = PURPOSES[purpose] ?? { icon: "info" as const };
  return (
    <Pill icon={icon} tone={tone}>
      {words[purpose] ?? purpose}
    </Pill>
  );
}

export type CheckState = "done" | "waiting" | "failed" | "todo";

const SIGNS: Record<CheckState, IconName> = {
  done: "check",
  waiting: "waiting",
  failed: "cross",
  todo: "minus",
};

/** One line of a checklist: the sign, what it is about, and its state in a word for those who do not see the sign. */
export function Check({ state, label, detail }: { state: CheckState; label: ReactNode; detail?: ReactNode }) {
  const words = useStrings().checks;
  return (
    <div className={styles.check}>
      <span className={styles.sign} data-state={state}>
        <Icon name={SIGNS[state]} size={16} label={words[state]} />
      </span>
      <div>
        <div>{label}</div>
        {detail !== undefined && <div className={styles.detail}>{detail}</div>}
      </div>
    </div>
  );
}

/** An id in one tap: shown shortened, copied whole. */
export function CopyText({ value, label }: { value: string; label: string }) {
  const { state, copy } = useCopy(value);
  const words = useStrings().copy;
  const isCopied = state === "copied";
  return (
    <>
      <button
        type="button"
        className={styles.copy}
        onClick={copy}
        title={value}
        aria-label={`${words.copy(label)}: ${value}`}
      >
        <span>{value}</span>
        <Icon name={isCopied ? "check" : "copy"} size={16} />
        {isCopied && (
          <span role="status" className="t-hidden">
            {words.copied}
          </span>
        )}
      </button>
      {state === "refused" && <ByHand value={value} label={label} />}
    </>
  );
}
