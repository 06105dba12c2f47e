/** One credential that is held here: what it says, who vouches for it, and whether it still holds. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, Pill, TimeText, type IconName } from "~/components";
import { wallet } from "~/session";
import type { HeldCredential } from "../book";
import { useFactorStrings } from "../strings";
import { FactorFacts } from "./FactorFacts";
import styles from "./factors.module.css";
import { hostIn, issuerText } from "./saying";
import type { OwnCredential } from "./shapes";
import { withFactors } from "./useFactors";

export const GROUP_ICONS: Record<string, IconName> = {
  identity: "person",
  licence: "proof",
  insurance: "shield",
  employment: "people",
  device: "device",
};

interface Props {
  held: HeldCredential;
  said: OwnCredential | undefined;
  nowMs: number;
  onChanged: () => void;
}

export function CredentialCard({ held, said, nowMs, onChanged }: Props) {
  const words = useFactorStrings();
  const [removing, setRemoving] = useState(false);
  const { credential } = held;
  const state =
    credential.expiresMs <= nowMs && said?.state !== "revoked" ? "expired" : (said?.state ?? "unknown");
  const issuer = issuerText(credential.issuer, said?.issuer ?? null);
  const headed = `credential-${credential.digest.slice(-12)}`;
  return (
    <article className={styles.card} data-over={state !== "active" || undefined} aria-labelledby={headed}>
      <div className={styles.head}>
        <span className={styles.emblem}>
          <Icon name={GROUP_ICONS[credential.group] ?? "proof"} size={22} />
        </span>
        <div className={styles.grow}>
          <h3 id={headed}>{words.groups[credential.group]}</h3>
          <p className={styles.quiet}>
            <bdi>{words.from(issuer)}</bdi>
          </p>
        </div>
        <Pill icon={state === "active" ? "check" : "minus"} tone={state === "active" ? "accent" : "wait"}>
          {words.standings[state]}
        </Pill>
      </div>
      {state !== "active" && <p>{words.standingTexts[state]}</p>}
      <FactorFacts
        facts={credential.factors}
        nameOf={(did) => (did === credential.issuer ? issuer : hostIn(did))}
      />
      <p className={`${styles.quiet} ${styles.small}`}>
        {state === "expired" ? words.ended : words.until} <TimeText at={credential.expiresMs} style="date" />
      </p>
      <div>
        <Button
          variant="subtle"
          color="gray"
          className={styles.inline ?? ""}
          leftSection={<Icon name="trash" size={18} />}
          onClick={() => setRemoving(true)}
        >
          {words.remove}
        </Button>
      </div>
      <Confirm
        opened={removing}
        title={words.removeTitle}
        confirm={words.remove}
        danger
        onConfirm={async () => {
          await withFactors((store) => store.remove(wallet().actor, credential.digest));
          onChanged();
        }}
        onClose={() => setRemoving(false)}
      >
        {words.removeText}
      </Confirm>
    </article>
  );
}
