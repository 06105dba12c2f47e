/** My factors: who asks, what is offered, what is held here and whether it holds. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Failure, Loading } from "~/components";
import { wallet } from "~/session";
import { useFactorStrings } from "../strings";
import { CredentialCard } from "./CredentialCard";
import { OfferCard } from "./OfferCard";
import { RequestCard } from "./RequestCard";
import styles from "./factors.module.css";
import { issuerText } from "./saying";
import type { OwnCredential, OwnFactors } from "./shapes";
import { saidOf, useFactors, withFactors, type Factors } from "./useFactors";

export default function MyFactors() {
  const factors = useFactors();
  const [said, setSaid] = useState("");
  return (
    <Await view={factors.view} shape="cards">
      {(view) => <Shown factors={factors} view={view} said={said} onSaid={setSaid} />}
    </Await>
  );
}

interface Props {
  factors: Factors;
  view: OwnFactors;
  said: string;
  onSaid: (text: string) => void;
}

function Shown({ factors, view, said, onSaid }: Props) {
  const words = useFactorStrings();
  const { kept, error, reload } = factors;
  if (kept === null)
    return error === null ? <Loading shape="cards" /> : <Failure error={error} retry={reload} />;
  const nowMs = Date.parse(view.now);
  const isHere = ({ digest }: OwnCredential) =>
    kept.held.some(({ credential }) => credential.digest === digest);
  const offered = view.credentials.filter((one) => one.waits && !isHere(one));
  const elsewhere = view.credentials.filter(
    (one) => one.state === "active" && !one.waits && !isHere(one) && !kept.lost.includes(one.digest),
  );
  const nothing = kept.held.length + offered.length + view.requests.length === 0;
  const tell = (text: string) => {
    onSaid(text);
    reload();
  };
  return (
    <div className={styles.stack}>
      <p role="status" className={`${styles.quiet} ${styles.said}`}>
        {said}
      </p>
      {view.requests.length > 0 && (
        <section className={styles.stack} aria-label={words.asked}>
          <h2>{words.asked}</h2>
          {view.requests.map((asked) => (
            <RequestCard
              key={asked.presentation}
              asked={asked}
              book={kept.held}
              onDone={(what) => tell(words[what])}
            />
          ))}
        </section>
      )}
      {offered.length > 0 && (
        <section className={styles.stack} aria-label={words.offered}>
          <h2>{words.offered}</h2>
          {offered.map((one) => (
            <OfferCard key={one.credential} offered={one} onAccepted={() => tell(words.accepted)} />
          ))}
        </section>
      )}
      {kept.held.map((held) => (
        <CredentialCard
          key={held.credential.digest}
          held={held}
          said={saidOf(held, view.credentials)}
          nowMs={nowMs}
          onChanged={reload}
        />
      ))}
      {nothing && <Empty icon="proof" title={`${words.none} ${words.noneHint}`} />}
      <Lost lost={kept.lost} onChanged={reload} />
      <Elsewhere credentials={elsewhere} />
    </div>
  );
}

/** Credentials for keys of before: nothing opens them, and new ones have to be asked for. */
function Lost({ lost, onChanged }: { lost: readonly string[]; onChanged: () => void }) {
  const words = useFactorStrings();
  if (lost.length === 0) return null;
  const letGo = async () => {
    const { actor } = wallet();
    await withFactors(async (store) => {
      for (const digest of lost) await store.remove(actor, digest);
    });
    onChanged();
  };
  return (
    <section className={styles.card} data-over="true">
      <p>
        {words.lost(lost.length)} {words.lostHint}
      </p>
      <div>
        <Button variant="default" onClick={() => void letGo()}>
          {words.letGo}
        </Button>
      </div>
    </section>
  );
}

function Elsewhere({ credentials }: { credentials: readonly OwnCredential[] }) {
  const words = useFactorStrings();
  if (credentials.length === 0) return null;
  return (
    <section className={styles.section}>
      <h2>{words.elsewhere}</h2>
      <p className={styles.quiet}>{words.elsewhereText}</p>
      <ul>
        {credentials.map(({ credential, group, did, issuer }) => (
          <li key={credential}>
            {words.groups[group]}
            {", "}
            <bdi>{issuerText(did, issuer)}</bdi>
          </li>
        ))}
      </ul>
    </section>
  );
}
