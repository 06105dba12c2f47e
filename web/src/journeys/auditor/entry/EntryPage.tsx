/**
 * One entry: what it says in words, and of a decision its rule, its inputs and the same decision made again.
 *
 * Each part that is asked of the node leaves an entry, so that nothing is asked before somebody opens this page, and
 * the replay only when it is wanted.
 */

import { Anchor, Button } from "@mantine/core";
import { useState } from "react";
import { Await, Icon, Page, PurposeChip, Seal, TimeText, saveBlob, type ProofFacts } from "~/components";
import { verifyNow } from "~/journeys/verify/handoff";
import { Link } from "~/router";
import { api } from "~/session";
import { numberText } from "~/strings";
import { useChainName } from "~/strings/chains";
import { isDecision, type Block, type Decision, type Entry, type Row } from "../shapes";
import { useAuditorStrings } from "../strings";
import { canChoose, choose, leave, useChosen } from "../taking/basket";
import { takeAlong } from "../taking/taking";
import { useWatched } from "../watch/useWatch";
import { shortId, useSpeech } from "../words";
import { placeOf } from "../log/filter";
import { Inputs } from "./Inputs";
import { Replaying } from "./Replaying";
import { Rules } from "./Rules";
import { Whole } from "./Whole";
import styles from "./entry.module.css";

export function EntryPage({ position }: { position: number | null }) {
  const t = useAuditorStrings().entry;
  const path = position === null ? null : `/v1/app/audit/entries/${position}`;
  const entry = useWatched<Entry>("log", path);
  return (
    <Page
      title={t.title(position === null ? "?" : numberText(position, 0))}
      actions={
        <Link to="/auditor" className={styles.back ?? ""}>
          <Icon name="back" size={18} />
          {t.back}
        </Link>
      }
    >
      <Await view={entry} shape="record">
        {(shown) => <Shown entry={shown} />}
      </Await>
    </Page>
  );
}

function Shown({ entry }: { entry: Entry }) {
  const { row, block } = entry;
  return (
    <div className={styles.page}>
      <Facts row={row} entry={entry} block={block} />
      {isDecision(row.type) && <DecisionParts row={row} />}
      <More row={row} />
      <Whole entry={entry} />
    </div>
  );
}

function Facts({ row, entry, block }: { row: Row; entry: Entry; block: Block | null }) {
  const t = useAuditorStrings().entry;
  const { who, did, why, thing } = useSpeech();
  const proof = useProof(row, entry);
  return (
    <section className={styles.facts}>
      <p className={styles.said}>
        <strong>{who(row.actor)}</strong> {did(row)}
        {row.subject !== null && row.subject.id !== row.actor.id && (
          <>
            {" "}
            <span className={styles.quiet}>{t.whom.toLowerCase()}</span> <strong>{who(row.subject)}</strong>
          </>
        )}
        .
      </p>
      <div className={styles.seals}>
        <Seal level={block?.level ?? null} facts={proof} />
        <span className={styles.quiet}>
          {block === null
            ? t.notInBlock
            : t.inBlock(numberText(block.first, 0), numberText(block.size - 1, 0))}
        </span>
      </div>
      <dl className={styles.list}>
        {row.outcome !== null && (
          <Fact name={t.outcome}>
            <span className={styles.outcome} data-outcome={row.outcome}>
              <Icon name={row.outcome === "allow" ? "check" : "cross"} size={18} />
              {row.outcome === "allow" ? t.allowed : t.refused}
            </span>
          </Fact>
        )}
        {row.outcome !== null && <Fact name={t.why}>{why(row)}</Fact>}
        {row.purpose !== null && (
          <Fact name={t.purpose}>
            <PurposeChip purpose={row.purpose} />
          </Fact>
        )}
        <Fact name={t.when}>
          <TimeText at={row.at} />
        </Fact>
        {row.resource !== null && (
          <Fact name={t.thing}>
            {thing(row.resource)} <span className={styles.mono}>{shortId(row.resource)}</span>
          </Fact>
        )}
        {row.done !== null && <Fact name={t.done}>{t.doneWith(row.done, row.recipient ?? "")}</Fact>}
      </dl>
      <Actions row={row} proof={proof} />
    </section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** What the proof drawer says, and how it is verified: one entry as a file of its own, signed for. */
function useProof(row: Row, entry: Entry): ProofFacts {
  const t = useAuditorStrings();
  const { who, did, why } = useSpeech();
  const called = useChainName();
  const { block } = entry;
  const wish = {
    positions: [row.position],
    purpose: t.take.purposeDefault,
    withDocuments: false,
    wholeRequests: false,
  };
  const makeFile = async () => (await takeAlong(wish)).file;
  return {
    what: `${who(row.actor)} ${did(row)}`,
    who: who(row.actor),
    when: row.at,
    ...(row.outcome === null ? {} : { rule: why(row) }),
    level: block?.level ?? null,
    entry: entry.id,
    stream: row.stream,
    position: row.position,
    cosigned: block?.cosigned_by ?? [],
    technical: {
      [t.entry.evidence]: entry.evidence ?? t.entry.nodesWord,
      ...(block !== null && block.anchored_in.length > 0
        ? { [t.blocks.anchored]: block.anchored_in.map(called).join(", ") }
        : {}),
    },
    ...(canChoose(row) && block !== null
      ? { onDownload: makeFile, onVerify: async () => verifyNow(await makeFile()) }
      : {}),
  };
}

function Actions({ row, proof }: { row: Row; proof: ProofFacts }) {
  const t = useAuditorStrings().entry;
  const isChosen = useChosen().has(row.position);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState("");
  const verify = async () => {
    setBusy(true);
    setRefused("");
    try {
      await proof.onVerify?.();
    } catch (error) {
      setRefused(error instanceof Error ? error.message : "");
      setBusy(false);
    }
  };
  if (!canChoose(row)) return null;
  return (
    <div>
      <div className={styles.actions}>
        {proof.onVerify !== undefined && (
          <Button loading={busy} onClick={() => void verify()} leftSection={<Icon name="proof" size={18} />}>
            {t.verify}
          </Button>
        )}
        <Button
          variant="default"
          onClick={() => (isChosen ? leave([row.position]) : choose([row]))}
          leftSection={<Icon name={isChosen ? "check" : "plus"} size={18} />}
          aria-pressed={isChosen}
        >
          {isChosen ? t.taken : t.take}
        </Button>
        <Anchor
          className={styles.textProof ?? ""}
          onClick={() => void saveTextProof(row.position)}
          component="button"
        >
          <Icon name="download" size={18} />
          .tlog-proof
        </Anchor>
      </div>
      {refused !== "" && (
        <p role="alert" className={styles.alarm}>
          {refused}
        </p>
      )}
    </div>
  );
}

async function saveTextProof(position: number): Promise<void> {
  saveBlob(await api.blob(`/v1/proofs/${position}`), `${position}.tlog-proof`);
}

function DecisionParts({ row }: { row: Row }) {
  const decision = useWatched<Decision>("log", `/v1/app/audit/decisions/${row.position}`);
  return (
    <>
      <Await view={decision} shape="text">
        {(shown) => <Rules decision={shown} />}
      </Await>
      <Replaying position={row.position} />
      {decision.data !== null && <Inputs decision={decision.data} />}
    </>
  );
}

function More({ row }: { row: Row }) {
  const t = useAuditorStrings().entry;
  const visit = row.visit ?? (row.stream.startsWith("visit/") ? row.stream.slice("visit/".length) : null);
  const all = { last: "all" } as const;
  return (
    <section aria-labelledby="more">
      <h2 id="more">{t.more}</h2>
      <ul className={styles.links}>
        {row.subject !== null && (
          <li>
            <Link to={placeOf({ subject: row.subject.id, ...all })}>{t.allAbout}</Link>
          </li>
        )}
        <li>
          <Link to={placeOf({ person: row.actor.id, ...all })}>{t.allBy}</Link>
        </li>
        {visit !== null && (
          <li>
            <Link to={placeOf({ visit, ...all })}>{t.allOfVisit}</Link>
          </li>
        )}
      </ul>
    </section>
  );
}
