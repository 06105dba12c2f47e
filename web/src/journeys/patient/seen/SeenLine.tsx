/** One line of who saw what: a sentence, when, what for, its proof, and the permission that can be taken back from here. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, PurposeChip, Seal, TimeText, saveBlob, type ProofFacts } from "~/components";
import { api, command, useMe } from "~/session";
import { useLanguage } from "~/strings";
import { whoText } from "../people";
import { confirmedBy, logProof, useBlocks, verifyBundle } from "../proof/proofs";
import { usePatientStrings, type PatientWords } from "../strings";
import styles from "../patient.module.css";
import { sentenceOf, whyText, type SeenGroup } from "./sentences";
import type { Names } from "./useNames";
import { underWatch } from "./useSeen";

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
  const { actor: me, session } = useMe();
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
      <Seal
        level={blocks.levelOf(row.position)}
        size="s"
        onProof={() =>
          underWatch(me, session, (watch) =>
            api.json<DecisionAnswer>("GET", `/v1/app/audit/decisions/${row.position}`, { query: { watch } }),
          )
            .catch(() => null)
            .then((decision) =>
              factsOf({
                group,
                sentence,
                decision,
                words,
                me,
                session,
                language,
                blocks,
                names,
              }),
            )
        }
      />
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

interface DecisionAnswer {
  decision: string;
  policies: { id: string; effect: string; words: string }[];
}

interface Facts {
  group: SeenGroup;
  sentence: string;
  decision: DecisionAnswer | null;
  words: PatientWords;
  me: string;
  session: string;
  language: "en" | "es";
  blocks: ReturnType<typeof useBlocks>;
  names: Names;
}

/** All that a line says, with what stands behind it; the bundle holds every entry of the group. */
function factsOf({
  group,
  sentence,
  decision,
  words,
  me,
  session,
  language,
  blocks,
  names,
}: Facts): ProofFacts {
  const row = group.rows[0] as SeenGroup["rows"][number];
  const make = () =>
    logProof(
      group.rows.map(({ position }) => position),
      { me, session },
    );
  const rule = whyText(row, { words, language, me, ...names });
  return {
    what: sentence,
    who: whoText(row.who, words, me),
    when: row.at,
    ...(rule === "" ? {} : { rule: rule.charAt(0).toUpperCase() + rule.slice(1) }),
    ...confirmedBy(blocks.blockOf(row.position)),
    position: row.position,
    onDownload: async () => saveBlob(await make(), `access-${row.position}.zip`),
    onVerify: () => verifyBundle(make),
    technical: {
      ...(decision === null ? {} : { [words.facts.decision]: decision.decision }),
      ...(decision === null ? {} : { [words.facts.rule]: decision.policies.map(({ id }) => id).join(", ") }),
      [words.facts.resource]: row.resource,
      ...(row.token === null ? {} : { [words.facts.token]: row.token }),
      [words.facts.organisation]: row.organisation,
    },
  };
}
