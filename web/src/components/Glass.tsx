/** Break-glass: a red frame round the window, a countdown, and who has been told. Nothing is shown once it is over. */

import { Button } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import { countdown, useStrings } from "~/strings";
import { Icon } from "./icons";
import { useNow } from "./TimeText";
import { Revoked } from "./states";
import styles from "./Glass.module.css";

interface Props {
  /** ISO 8601: the first instant at which it is over. */
  until: string;
  /** How many privacy officers have been told, besides the patient. */
  officers: number;
  reason?: string;
  onEnd?: () => void;
  children?: ReactNode;
}

export function Glass({ until, officers, reason, onEnd, children }: Props) {
  const words = useStrings().glass;
  const left = (Date.parse(until) - useNow(1000)) / 1000;
  const over = !(left > 0);
  useEffect(() => {
    if (over) onEnd?.();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- told once, when it is over
  }, [over]);
  if (over) return <Revoked />;
  return (
    <>
      <div className={styles.frame} aria-hidden />
      <div className={styles.bar} role="region" aria-label={words.title}>
        <Icon name="emergency" size={28} />
        <div className={styles.words}>
          <strong>{officers > 0 ? words.told : words.toldPatient}</strong>
          {reason}
        </div>
        <span className={styles.left} role="timer" aria-label={words.left}>
          {countdown(left)}
        </span>
        {onEnd !== undefined && (
          <Button variant="white" color="red" c="#b91c1c" onClick={onEnd}>
            {words.end}
          </Button>
        )}
      </div>
      {children}
    </>
  );
}
