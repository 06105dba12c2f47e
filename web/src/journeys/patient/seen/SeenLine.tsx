/** One line of who saw what: a sentence, when, what for, its proof, and the permission that can be taken back from here. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, PurposeChip, TimeText } from "~/components";
import { command, useMe } from "~/session";
import { useLanguage } from "~/strings";
import { whoText } from "../people";
import type { useBlocks } from "../proof/proofs";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { AccessSeal } from "./AccessSeal";
import { sentenceOf, type SeenGroup } from "./sentences";
import type { Names } from "./useNames";

interface Props {
  group: SeenGroup;
  names: Names;
  blocks: ReturnType<typeof useBlocks>;
  /** Short, as on the start page: no chip and no button. */
  short?: boolean;
  onChanged?: () => void;
}

export function SeenLine({ group, names, blocks, short = false, onChanged }: Props) {
  const words = usePatientStrings();
  const { language } = useLanguage();
  const { actor: me } = useMe();
  const [taking, setTaking] = useState(false);
  const [row] = group.rows;
  if (row === undefined) return null;
  const sentence = sentenceOf(group, { words, language, me, ...names });
  const mine = row.token !== null && row.grantor?.id === me;
  const oldest = group.rows.at(-1);
  const pieces = new Set(group.rows.map(({ resource }) => resource)).size;
  return (
    <li className={styles.seen} data-tone={row.emergency ? "alarm" : row.allowed ? undefined : "quiet"}>
      <span className={styles.emblem} data-tone={row.emergency ? "alarm" : undefined}>
        <Icon name={row.emergency ? "emergency" : row.allowed ? "eye" : "lock"} size={20} />
      </span>
      <div className={styles.grow}>
        <p className={styles.sentence}>{sentence}</p>
        <p className={styles.seenMeta}>
          <TimeText at={row.at} />
          {group.rows.length > pieces && oldest !== undefined && (
            <span>{words.seen.times(group.rows.length)}</span>
          )}
          {!short && row.purpose !== null && <PurposeChip purpose={row.purpose} />}
        </p>
        {row.emergency && !short && <p className={styles.alarmText}>{words.seen.emergencyNote}</p>}
        {mine && !short && (
          <Button
            variant="subtle"
            size="compact-md"
            className={styles.inlineButton ?? ""}
            onClick={() => setTaking(true)}
          >
            {words.seen.takeBack}
          </Button>
        )}
      </div>
      <AccessSeal group={group} sentence={sentence} names={names} blocks={blocks} />
      <Confirm
        opened={taking}
        title={words.permissions.takeBackTitle(whoText(row.who, words, me))}
        confirm={words.permissions.takeBack}
        danger
        onConfirm={async () => {
          await command("token.revoke/1", { token: row.token });
          onChanged?.();
        }}
        onClose={() => setTaking(false)}
      >
        {words.permissions.takeBackText}
      </Confirm>
    </li>
  );
}
