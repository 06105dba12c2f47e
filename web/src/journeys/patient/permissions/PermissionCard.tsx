/** One permission as a thing: who, what, why, until when; taken back in two taps. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, Pill, PurposeChip, TimeText } from "~/components";
import { describe, useOpenings } from "~/record";
import { command } from "~/session";
import { useLanguage } from "~/strings";
import { roleText } from "../people";
import type { MyToken, Person } from "../shapes";
import { usePatientStrings, type PatientWords } from "../strings";
import styles from "../patient.module.css";
import { countThings } from "./tokens";

/** From where one looks at it: what one gave, holds, is offered, or what others gave about oneself. */
export type Side = "granted" | "held" | "offered" | "about";

interface Props {
  token: MyToken;
  side: Side;
  onChanged: () => void;
}

const NAMED = 3;

export function PermissionCard({ token, side, onChanged }: Props) {
  const all = usePatientStrings();
  const words = all.permissions;
  const [taking, setTaking] = useState(false);
  const name =
    side === "granted" || side === "about" ? holderName(token, all) : personText(token.grantor, all);
  const over = !token.lives && token.standing !== "offered" && token.standing !== "not-begun";
  return (
    <article className={styles.card} data-over={over || undefined}>
      <div className={styles.cardHead}>
        <span className={styles.emblem}>
          <Icon name={token.recipient.kind === "group" ? "people" : "person"} size={22} />
        </span>
        <div className={styles.grow}>
          <h3>{name}</h3>
          {side === "about" && (
            <p className={styles.quiet}>{words.givenBy(personText(token.grantor, all))}</p>
          )}
          {token.role !== null && <p className={styles.quiet}>{roleText(token.role, all)}</p>}
        </div>
        <Pill
          icon={token.lives ? "check" : over ? "minus" : "waiting"}
          tone={token.lives ? "accent" : over ? undefined : "wait"}
        >
          {(words.standings as Record<string, string>)[token.standing] ?? token.standing}
        </Pill>
      </div>
      <dl className={styles.facts}>
        {token.actions.length > 0 && (
          <div>
            <dt>{words.may}</dt>
            <dd>
              {token.actions
                .map((action) => (words.actions as Record<string, string>)[action] ?? action)
                .join(", ")}
            </dd>
          </div>
        )}
        {token.things.length > 0 && (
          <div>
            <dt>{words.what}</dt>
            <dd>
              <Things things={token.things} />
            </dd>
          </div>
        )}
        {token.purposes.length > 0 && (
          <div>
            <dt>{words.why}</dt>
            <dd className={styles.row}>
              {token.purposes.map((purpose) => (
                <PurposeChip key={purpose} purpose={purpose} />
              ))}
            </dd>
          </div>
        )}
        <div>
          <dt>{words.until}</dt>
          <dd>
            <TimeText at={token.not_after} style="date" />
          </dd>
        </div>
      </dl>
      {token.delegated > 0 && <p className={styles.quiet}>{words.delegated(token.delegated)}</p>}
      {side === "granted" && token.may_revoke && (
        <div>
          <Button
            variant="default"
            leftSection={<Icon name="cross" size={18} />}
            onClick={() => setTaking(true)}
          >
            {words.takeBack}
          </Button>
        </div>
      )}
      {side === "granted" && !token.revocable && !over && (
        <p className={styles.quiet}>{words.notRevocable}</p>
      )}
      {side === "offered" && <Offer token={token} onChanged={onChanged} />}
      <Confirm
        opened={taking}
        title={words.takeBackTitle(name)}
        confirm={words.takeBack}
        danger
        onConfirm={async () => {
          await command("token.revoke/1", { token: token.token });
          onChanged();
        }}
        onClose={() => setTaking(false)}
      >
        {words.takeBackText}
      </Confirm>
    </article>
  );
}

function Offer({ token, onChanged }: { token: MyToken; onChanged: () => void }) {
  const words = usePatientStrings();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const answer = async (type: string) => {
    setBusy(true);
    setFailed(false);
    try {
      await command(type, { token: token.token });
      onChanged();
    } catch {
      setFailed(true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <div className={styles.row}>
        <Button disabled={busy} onClick={() => void answer("token.accept/1")}>
          {words.permissions.accept}
        </Button>
        <Button variant="default" disabled={busy} onClick={() => void answer("token.renounce/1")}>
          {words.permissions.decline}
        </Button>
      </div>
      {failed && (
        <p className={styles.refused} role="alert">
          {words.join.failed}
        </p>
      )}
    </>
  );
}

/** How many of each kind; those that were opened in this session by their titles. */
function Things({ things }: { things: readonly string[] }) {
  const words = usePatientStrings().permissions;
  const { language } = useLanguage();
  const openings = useOpenings();
  const count = countThings(things);
  const titles = things.flatMap((thing) => {
    const opened = openings.get(thing.replace(/^object\//, ""));
    return opened?.state === "open" && opened.content.kind === "fhir"
      ? [describe(opened.content.resource, language).title]
      : [];
  });
  const counted = [
    count.object > 0 ? words.documents(count.object) : "",
    count.visit > 0 ? words.visits(count.visit) : "",
    count.device > 0 ? words.devices(count.device) : "",
  ].filter(Boolean);
  const named = [...new Set(titles)].slice(0, NAMED);
  const rest = things.length - named.length;
  return (
    <>
      {counted.join(", ")}
      {named.length > 0 && (
        <span className={styles.quiet}>
          {": "}
          {named.join(", ")}
          {rest > 0 && ` ${words.andMore(rest)}`}
        </span>
      )}
    </>
  );
}

function holderName({ recipient }: MyToken, words: PatientWords): string {
  if (recipient.person === null) return words.permissions.team(recipient.members ?? 0);
  return personText(recipient.person, words);
}

function personText(person: Person, words: PatientWords): string {
  if (person.name !== null) return person.name;
  if (person.kind === "organisation" || person.kind === "node" || person.kind === "system")
    return words.seen.clinic;
  const [role] = person.roles;
  return role === undefined ? words.seen.somebody : words.seen.somebodyAs(roleText(role, words));
}
