/** Who may see my record: one card for each permission, offers first; ended ones folded away. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Icon, Page } from "~/components";
import { go } from "~/router";
import { useView } from "~/session";
import { PrivacyTabs } from "../seen/SeenPlace";
import type { MyToken, MyTokens } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { PermissionCard, type Side } from "./PermissionCard";

export function useTokens(which: "granted" | "held" | "offered" | "about") {
  return useView<MyTokens>("/v1/app/my/tokens", { query: { which }, every_ms: 30_000 });
}

const HAS_NOT_ENDED = new Set(["lives", "offered", "not-begun"]);

export function Permissions() {
  const words = usePatientStrings().permissions;
  const granted = useTokens("granted");
  const offered = useTokens("offered");
  const give = (
    <Button leftSection={<Icon name="plus" size={18} />} onClick={() => go("/patient/permissions/new")}>
      {words.give}
    </Button>
  );
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text" actions={give}>
      <PrivacyTabs />
      {offered.data !== null && offered.data.tokens.length > 0 && (
        <section className={styles.section}>
          <h2>{words.offered}</h2>
          <Cards tokens={offered.data.tokens} side="offered" onChanged={offered.reload} />
        </section>
      )}
      <Await
        view={granted}
        shape="cards"
        isEmpty={({ tokens }) => tokens.length === 0}
        empty={<Empty icon="token" title={words.none} action={<p>{words.noneHint}</p>} />}
      >
        {({ tokens }) => <Granted tokens={tokens} onChanged={granted.reload} />}
      </Await>
      <About />
      <Held />
    </Page>
  );
}

function Granted({ tokens, onChanged }: { tokens: readonly MyToken[]; onChanged: () => void }) {
  const words = usePatientStrings().permissions;
  const [shown, setShown] = useState(false);
  const newest = [...tokens].reverse();
  const living = newest.filter(({ standing }) => HAS_NOT_ENDED.has(standing));
  const ended = newest.filter(({ standing }) => !HAS_NOT_ENDED.has(standing));
  return (
    <>
      {living.length === 0 && <p className={styles.quiet}>{words.none}</p>}
      <Cards tokens={living} side="granted" onChanged={onChanged} />
      {ended.length > 0 && (
        <section className={styles.section}>
          <Button
            variant="subtle"
            aria-expanded={shown}
            leftSection={<Icon name={shown ? "up" : "down"} size={18} />}
            onClick={() => setShown(!shown)}
          >
            {shown ? words.hideEnded : words.showEnded(ended.length)}
          </Button>
          {shown && <Cards tokens={ended} side="granted" onChanged={onChanged} />}
        </section>
      )}
    </>
  );
}

/** What the clinic permitted its own people about me: to be seen, and not mine to take back. */
function About() {
  const words = usePatientStrings().permissions;
  const about = useTokens("about");
  const tokens = about.data?.tokens ?? [];
  if (tokens.length === 0) return null;
  return (
    <section className={styles.section}>
      <h2>{words.about}</h2>
      <p className={styles.quiet}>{words.aboutText}</p>
      <Cards tokens={tokens} side="about" onChanged={about.reload} />
    </section>
  );
}

function Held() {
  const words = usePatientStrings().permissions;
  const held = useTokens("held");
  // A device of one's own is held by a token too: it stands among the devices.
  const tokens = (held.data?.tokens ?? []).filter(
    ({ lives, things, role }) =>
      lives && role === null && things.some((thing) => !thing.startsWith("device/")),
  );
  if (tokens.length === 0) return null;
  return (
    <section className={styles.section}>
      <h2>{words.held}</h2>
      <Cards tokens={tokens} side="held" onChanged={held.reload} />
    </section>
  );
}

function Cards({
  tokens,
  side,
  onChanged,
}: {
  tokens: readonly MyToken[];
  side: Side;
  onChanged: () => void;
}) {
  return (
    <div className={styles.stack}>
      {tokens.map((token) => (
        <PermissionCard key={token.token} token={token} side={side} onChanged={onChanged} />
      ))}
    </div>
  );
}
