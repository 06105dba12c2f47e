/** One entry in the list: when, who did what about whom, under which rule; the whole of it is one tap away. */

import { Checkbox } from "@mantine/core";
import { memo } from "react";
import { Icon, Pill, PurposeChip, TimeText, type IconName } from "~/components";
import { pathOf } from "~/router";
import { numberText } from "~/strings";
import type { Row } from "../shapes";
import { canChoose } from "../taking/basket";
import { useAuditorStrings } from "../strings";
import { useSpeech } from "../words";
import styles from "./log.module.css";

interface Props {
  row: Row;
  chosen: boolean;
  onChoose: (row: Row, chosen: boolean) => void;
}

export const LogRow = memo(function LogRow({ row, chosen, onChoose }: Props) {
  const t = useAuditorStrings().log;
  const { who, did, why } = useSpeech();
  const { icon, tone } = signOf(row);
  const other = row.subject !== null && row.subject.id !== row.actor.id ? row.subject : null;
  return (
    <li className={styles.row}>
      <span className={styles.check}>
        {canChoose(row) && (
          <Checkbox
            aria-label={t.choose(row.position)}
            checked={chosen}
            onChange={(event) => onChoose(row, event.currentTarget.checked)}
          />
        )}
      </span>
      <span className={styles.sign} data-tone={tone}>
        <Icon name={icon} size={18} />
      </span>
      <a className={styles.what} href={`#${pathOf("auditor", "entries", String(row.position))}`}>
        <span className={styles.line}>
          <strong>{who(row.actor)}</strong> {did(row)}
          {other !== null && (
            <>
              {" "}
              <span className={styles.quiet}>{t.about}</span> <strong>{who(other)}</strong>
            </>
          )}
        </span>
        {row.outcome !== null && <span className={styles.why}>{why(row)}</span>}
      </a>
      <span className={styles.chips}>
        {row.outcome === "deny" && (
          <Pill icon="cross" tone="wait">
            {t.forbidden}
          </Pill>
        )}
        {row.purpose !== null && <PurposeChip purpose={row.purpose} />}
      </span>
      <span className={styles.when}>
        <TimeText at={row.at} style="moment" />
        <span className={styles.position}>#{numberText(row.position, 0)}</span>
      </span>
    </li>
  );
});

const SIGNS: readonly [RegExp, IconName][] = [
  [/^(actor|person|invitation)\./, "person"],
  [/^group\./, "people"],
  [/^(token|dataset)\./, "token"],
  [/^(policy|access-log|audit|share|ledger|interchain)\b/, "shield"],
  [/^(passkey|session|issuer|credential|presentation|status-list)\b/, "key"],
  [/^(device|maker|firmware|reading)\./, "device"],
  [/^(contract|effect|trigger)\./, "code"],
  [/^alert\./, "bell"],
  [/^(visit|consent)\./, "visit"],
  [/^(thread|message)\./, "chat"],
  [/^monitor\./, "eye"],
  [/^object\./, "document"],
  [/^node\./, "server"],
];

/** The sign of an entry; alarm is for emergencies alone. */
export function signOf(row: Pick<Row, "type" | "outcome" | "break_glass" | "purpose">): {
  icon: IconName;
  tone: "alarm" | "refused" | "plain";
} {
  if (row.break_glass !== null || row.purpose === "emergency" || row.type.startsWith("break-glass."))
    return { icon: "emergency", tone: "alarm" };
  if (row.outcome === "deny") return { icon: "lock", tone: "refused" };
  if (row.outcome === "allow") return { icon: "eye", tone: "plain" };
  return { icon: SIGNS.find(([form]) => form.test(row.type))?.[1] ?? "circle", tone: "plain" };
}
