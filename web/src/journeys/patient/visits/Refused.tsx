/** One line that says why a step was not taken. */

import { Icon } from "~/components";
import type { ApiError } from "~/session";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";

export function Refused({ error }: { error: ApiError | null }) {
  const words = usePatientStrings().join;
  if (error === null) return null;
  return (
    <p className={styles.refused} role="alert">
      <Icon name="alarm" size={18} />
      <span>
        {words.failed} {error.detail === "" ? error.title : `(${error.detail})`}
      </span>
    </p>
  );
}
