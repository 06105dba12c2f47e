/** The seal of one line of who saw what: all that the line says, with the rule and the entries that stand behind it. */

import { useState } from "react";
import { Seal, saveBlob, type ProofFacts } from "~/components";
import { api, useMe } from "~/session";
import { useLanguage } from "~/strings";
import { whoText } from "../people";
import { confirmedBy, logProof, verifyBundle, type useBlocks } from "../proof/proofs";
import { usePatientStrings } from "../strings";
import { whyText, type SeenGroup } from "./sentences";
import type { Names } from "./useNames";
import { underWatch } from "./useSeen";

interface Decision {
  decision: string;
  policies: { id: string; effect: string; words: string }[];
}

interface Props {
  group: SeenGroup;
  sentence: string;
  names: Names;
  blocks: ReturnType<typeof useBlocks>;
}

export function AccessSeal({ group, sentence, names, blocks }: Props) {
  const words = usePatientStrings();
  const { language } = useLanguage();
  const { actor: me, session } = useMe();
  const [decision, setDecision] = useState<Decision | null>(null);
  const row = group.rows[0] as SeenGroup["rows"][number];
  const rule = whyText(row, { words, language, me, ...names });
  const make = () =>
    logProof(
      group.rows.map(({ position }) => position),
      { me, session },
    );
  const facts: ProofFacts = {
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
  const ask = () => {
    if (decision !== null) return;
    underWatch(me, session, (watch) =>
      api.json<Decision>("GET", `/v1/app/audit/decisions/${row.position}`, { query: { watch } }),
    ).then(setDecision, () => undefined); // The line says it in words without it.
  };
  return <Seal level={blocks.levelOf(row.position)} size="s" facts={facts} onOpen={ask} />;
}
