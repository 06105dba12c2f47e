/** Whom the sentence is about: by name (looked up, not put into an address), by id, or one who is in the list. */

import { Button, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { Icon } from "~/components";
import { api } from "~/session";
import type { Person } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useSpeech } from "../words";
import { Options } from "./Choice";
import { isId } from "./filter";
import { distinct, noteName } from "./people";
import styles from "./log.module.css";

interface Props {
  chosen: string | null;
  people: readonly Person[];
  onPick: (actor: string | null) => void;
  /** Where a visit can be chosen instead. */
  onVisit?: (visit: string) => void;
}

const LISTED_MAX = 6;

export function PersonChoice({ chosen, people, onPick, onVisit }: Props) {
  const t = useAuditorStrings().log;
  const { who } = useSpeech();
  const listed = distinct(people).slice(0, LISTED_MAX);
  return (
    <div className={styles.choosing}>
      <Options<string | null>
        options={[{ value: null, label: t.anyone }]}
        chosen={chosen}
        onPick={(value) => onPick(value)}
      />
      <ByName onPick={onPick} />
      {listed.length > 0 && (
        <Options<string | null>
          title={t.seenHere}
          options={listed.map((person) => ({ value: person.id, label: who(person) }))}
          chosen={chosen}
          onPick={(value) => onPick(value)}
        />
      )}
      <ById label={t.orId} onPick={onPick} />
      {onVisit !== undefined && <ById label={t.visitId} onPick={onVisit} />}
    </div>
  );
}

const PATIENCE_MS = 300;
const CHARS_MIN = 2;

type Found = { actor: string; name: string }[] | "refused" | null;

function ByName({ onPick }: { onPick: (actor: string) => void }) {
  const t = useAuditorStrings().log;
  const [name, setName] = useState("");
  const found = useFound(name.trim());
  const pick = (actor: string, called: string) => {
    noteName(actor, called);
    onPick(actor);
  };
  return (
    <div>
      <TextInput
        label={t.findPerson}
        description={t.findPersonHint}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        leftSection={<Icon name="search" size={18} />}
        maxLength={200}
        data-autofocus
      />
      <div role="status">
        {found === "refused" && <p className={styles.small}>{t.lookUpRefused}</p>}
        {Array.isArray(found) && found.length === 0 && <p className={styles.small}>{t.nobodyFound}</p>}
      </div>
      {Array.isArray(found) && (
        <Options<string>
          options={found.map(({ actor, name: called }) => ({ value: actor, label: called }))}
          chosen=""
          onPick={(actor) => pick(actor, found.find((one) => one.actor === actor)?.name ?? "")}
        />
      )}
    </div>
  );
}

/** Looked up a moment after the last key; what comes back too late is dropped. */
function useFound(q: string): Found {
  const [found, setFound] = useState<Found>(null);
  useEffect(() => {
    setFound(null);
    if (q.length < CHARS_MIN) return;
    let wanted = true;
    const timer = window.setTimeout(() => {
      api
        .json<{ people: { actor: string; name: string }[] }>("POST", "/v1/app/people/search", { body: { q } })
        .then(({ people }) => wanted && setFound(people))
        .catch(() => wanted && setFound("refused"));
    }, PATIENCE_MS);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [q]);
  return found;
}

function ById({ label, onPick }: { label: string; onPick: (id: string) => void }) {
  const t = useAuditorStrings().log;
  const [id, setId] = useState("");
  const [wrong, setWrong] = useState(false);
  return (
    <form
      className={styles.byId}
      onSubmit={(event) => {
        event.preventDefault();
        const text = id.trim().toLowerCase();
        if (isId(text)) onPick(text);
        else setWrong(true);
      }}
    >
      <TextInput
        className={styles.grow ?? ""}
        label={label}
        value={id}
        onChange={(event) => {
          setId(event.currentTarget.value);
          setWrong(false);
        }}
        error={wrong ? t.idWrong : undefined}
        maxLength={64}
        spellCheck={false}
        autoComplete="off"
      />
      <Button type="submit" variant="default">
        {t.take}
      </Button>
    </form>
  );
}
