/** The button below a list that has more, and what went wrong when it was pressed. */

import { Button } from "@mantine/core";
import type { ApiError } from "~/session";
import styles from "./parts.module.css";

interface Props {
  more: { after: string; busy: boolean; error: ApiError | null; load: () => void };
  label: string;
}

export function MoreButton({ more, label }: Props) {
  return (
    <>
      {more.error !== null && <p role="alert">{more.error.message}</p>}
      {more.after !== "" && (
        <Button className={styles.more ?? ""} variant="default" loading={more.busy} onClick={more.load}>
          {label}
        </Button>
      )}
    </>
  );
}
