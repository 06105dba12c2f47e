/** One line that says why something was not done, and what to do. */

import { Icon } from "~/components";
import type { ApiError } from "~/session";
import { useFactorStrings } from "../strings";
import styles from "./factors.module.css";
import { failureText } from "./saying";

export function Failed({ error }: { error: ApiError | null }) {
  const words = useFactorStrings();
  if (error === null) return null;
  const text = failureText(error.code, words);
  return (
    <p className={styles.refused} role="alert">
      <Icon name="alarm" size={18} />
      <span>
        {text}
        {text === words.failed && ` ${error.detail === "" ? error.title : `(${error.detail})`}`}
      </span>
    </p>
  );
}
