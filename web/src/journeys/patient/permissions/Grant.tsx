/** Giving a permission in three steps: who, what, why and how long; and exactly what they will see before it is signed. */

import { Button, Checkbox, Radio, Stack } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import { Await, Empty, Icon, Page, TimeText } from "~/components";
import {
  describe,
  titleOf,
  useOpened,
  useOpenings,
  useRecord,
  useRecordStrings,
  type RecordItem,
} from "~/record";
import { go } from "~/router";
import { asApiError, commands, nodeClient, nodeNow, useMe, useView, type ApiError } from "~/session";
import { timeText, useLanguage } from "~/strings";
import type { SeatRole, VisitList } from "../shapes";
import { usePatientStrings } from "../strings";
import { useFreshTop } from "../useFreshTop";
import styles from "../patient.module.css";
import { Refused } from "../visits/Refused";
import { MEMBERS_MAX, endOf, grantCommands, type GrantPurpose, type Span } from "./tokens";

interface Choice {
  who: { actor: string; name: string } | null;
  objects: ReadonlySet<string>;
  purpose: GrantPurpose;
  span: Span;
}

const PURPOSES: GrantPurpose[] = ["treatment", "payment", "operations"];
const SPANS: Span[] = ["day", "week", "month", "year"];

export function Grant() {
  const words = usePatientStrings().grant;
  const [step, setStep] = useState(0);
  useFreshTop(step);
  const [choice, setChoice] = useState<Choice>({
    who: null,
    objects: new Set(),
    purpose: "treatment",
    span: "month",
  });
  const change = (part: Partial<Choice>) => setChoice((before) => ({ ...before, ...part }));
  return (
    <Page title={words.title} width="text">
      <ol className={styles.progress}>
        {words.steps.map((name, index) => {
          const state = index < step ? "done" : index === step ? "current" : "todo";
          return (
            <li key={name} data-state={state} aria-current={state === "current" ? "step" : undefined}>
              <span className={styles.dot}>
                {state === "done" ? <Icon name="check" size={14} /> : index + 1}
              </span>
              <span className={styles.stepName}>{name}</span>
            </li>
          );
        })}
      </ol>
      {step === 0 && <Who choice={choice} onChange={change} onNext={() => setStep(1)} />}
      {step === 1 && (
        <What choice={choice} onChange={change} onNext={() => setStep(2)} onBack={() => setStep(0)} />
      )}
      {step === 2 && <Why choice={choice} onChange={change} onBack={() => setStep(1)} />}
    </Page>
  );
}

interface StepProps {
  choice: Choice;
  onChange: (part: Partial<Choice>) => void;
}

interface Known {
  actor: string;
  name: string;
  role: SeatRole;
}

/** Those of one's visits: whom one has met, or will. */
function useKnownPeople() {
  const me = useMe().actor;
  const words = usePatientStrings();
  const upcoming = useView<VisitList>("/v1/app/visits", { query: { which: "upcoming" } });
  const past = useView<VisitList>("/v1/app/visits", { query: { which: "past", limit: 50 } });
  const people = useMemo(() => {
    const all = new Map<string, Known>();
    for (const visit of [...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? [])]) {
      for (const { actor, name, role } of visit.seats) {
        if (actor !== me && !all.has(actor)) all.set(actor, { actor, role, name: name ?? words.roles[role] });
      }
    }
    return [...all.values()];
  }, [upcoming.data, past.data, me, words]);
  return { view: past, people };
}

function Who({ choice, onChange, onNext }: StepProps & { onNext: () => void }) {
  const all = usePatientStrings();
  const words = all.grant;
  const { view, people } = useKnownPeople();
  return (
    <section className={styles.stack}>
      <h2>{words.who}</h2>
      <Await
        view={view}
        isEmpty={() => people.length === 0}
        empty={<Empty icon="people" title={words.noPeople} />}
      >
        {() => (
          <Radio.Group
            aria-label={words.who}
            value={choice.who?.actor ?? ""}
            onChange={(actor) => {
              const found = people.find((one) => one.actor === actor);
              onChange({ who: found === undefined ? null : { actor, name: found.name } });
            }}
          >
            <Stack gap="sm">
              {people.map(({ actor, name, role }) => (
                <Radio.Card key={actor} value={actor} className={styles.option ?? ""}>
                  <Radio.Indicator />
                  <span>
                    <strong>{name}</strong>
                    <span className={styles.quiet}>{roleName(role, all.staff, all.roles)}</span>
                  </span>
                </Radio.Card>
              ))}
            </Stack>
          </Radio.Group>
        )}
      </Await>
      <div className={styles.row}>
        <Button onClick={onNext} disabled={choice.who === null}>
          {words.next}
        </Button>
        <Button variant="default" onClick={() => go("/patient/permissions")}>
          {words.back}
        </Button>
      </div>
    </section>
  );
}

function roleName(role: SeatRole, staff: Record<string, string>, roles: Record<SeatRole, string>): string {
  return role === "clinician" || role === "colleague" ? (staff["clinician"] ?? role) : roles[role];
}

function What({ choice, onChange, onNext, onBack }: StepProps & { onNext: () => void; onBack: () => void }) {
  const words = usePatientStrings();
  const { actor } = useMe();
  const list = useRecord(actor, { what: "documents", rows: 50 });
  const shown = list.items.filter(({ role }) => role !== "recording");
  const every = shown.length > 0 && shown.every(({ object }) => choice.objects.has(object));
  const toggle = (object: string, on: boolean) => {
    const next = new Set(choice.objects);
    if (on) next.add(object);
    else next.delete(object);
    onChange({ objects: next });
  };
  const tooMany = choice.objects.size > MEMBERS_MAX;
  return (
    <section className={styles.stack}>
      <h2>{words.grant.what}</h2>
      <Await
        view={list}
        isEmpty={() => shown.length === 0}
        empty={<Empty icon="document" title={words.grant.nothing} />}
      >
        {() => (
          <div>
            <Checkbox
              className={styles.pickAll ?? ""}
              label={words.grant.all}
              checked={every}
              indeterminate={!every && choice.objects.size > 0}
              onChange={(event) =>
                onChange({
                  objects: new Set(event.currentTarget.checked ? shown.map(({ object }) => object) : []),
                })
              }
            />
            <ul className={styles.picks}>
              {shown.map((item) => (
                <li key={item.object}>
                  <Pick
                    item={item}
                    checked={choice.objects.has(item.object)}
                    onChange={(on) => toggle(item.object, on)}
                  />
                </li>
              ))}
            </ul>
            {list.more !== null && (
              <Button variant="default" loading={list.loadingMore} onClick={list.more}>
                {words.record.more}
              </Button>
            )}
          </div>
        )}
      </Await>
      <div className={styles.sticky}>
        <p role="status" className={tooMany ? styles.refused : styles.quiet}>
          {tooMany
            ? words.grant.tooMany(MEMBERS_MAX)
            : choice.objects.size === 0
              ? words.grant.noneChosen
              : words.grant.chosen(choice.objects.size)}
        </p>
        <div className={styles.row}>
          <Button onClick={onNext} disabled={choice.objects.size === 0 || tooMany}>
            {words.grant.next}
          </Button>
          <Button variant="default" onClick={onBack}>
            {words.grant.back}
          </Button>
        </div>
      </div>
    </section>
  );
}

/** A piece by its own title: it is opened for that, by its owner's own right. */
function Pick({
  item,
  checked,
  onChange,
}: {
  item: RecordItem;
  checked: boolean;
  onChange: (on: boolean) => void;
}) {
  const words = useRecordStrings();
  const { language } = useLanguage();
  const [opened, open] = useOpened(item, { purpose: "patient-request" });
  useEffect(() => {
    if (opened.state === "closed" && item.media_type === "application/fhir+json") open();
  }, [opened.state, open, item.media_type]);
  const content = opened.state === "open" ? opened.content : undefined;
  const told = content?.kind === "fhir" ? describe(content.resource, language) : null;
  return (
    <Checkbox
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
      label={titleOf(item, words, language, content)}
      description={
        <>
          {told !== null && told.kind !== told.title && `${told.kind} · `}
          <TimeText at={told?.at ?? item.at} style="date" />
        </>
      }
    />
  );
}

function Why({ choice, onChange, onBack }: StepProps & { onBack: () => void }) {
  const words = usePatientStrings().grant;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const give = async () => {
    if (choice.who === null) return;
    setBusy(true);
    setError(null);
    try {
      const { ids } = nodeClient();
      const wish = {
        recipient: choice.who.actor,
        objects: [...choice.objects],
        purpose: choice.purpose,
        span: choice.span,
      };
      const fresh = { token: ids.next(), dataset: ids.next(), nowMs: await nodeNow() };
      await commands(...grantCommands(wish, fresh));
      go("/patient/permissions", { replace: true });
    } catch (thrown) {
      setError(asApiError(thrown));
      setBusy(false);
    }
  };
  return (
    <section className={styles.stack}>
      <Radio.Group
        label={words.why}
        size="md"
        value={choice.purpose}
        onChange={(purpose) => onChange({ purpose: purpose as GrantPurpose })}
      >
        <div className={styles.radios}>
          {PURPOSES.map((purpose) => (
            <Radio key={purpose} size="md" value={purpose} label={words.whys[purpose]} />
          ))}
        </div>
      </Radio.Group>
      <Radio.Group
        label={words.how}
        size="md"
        value={choice.span}
        onChange={(span) => onChange({ span: span as Span })}
      >
        <div className={styles.radios}>
          {SPANS.map((span) => (
            <Radio key={span} size="md" value={span} label={words.spans[span]} />
          ))}
        </div>
      </Radio.Group>
      <Preview choice={choice} />
      <Refused error={error} />
      <div className={styles.row}>
        <Button size="md" loading={busy} onClick={() => void give()}>
          {words.give}
        </Button>
        <Button size="md" variant="default" onClick={onBack}>
          {words.back}
        </Button>
      </div>
    </section>
  );
}

/** Exactly what they will see: the sentence, and each piece by its title. */
function Preview({ choice }: { choice: Choice }) {
  const words = usePatientStrings();
  const recordWords = useRecordStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const { items } = useRecord(actor, { what: "documents", rows: 100 });
  const openings = useOpenings();
  const until = timeText(endOf(choice.span, Date.now()), "date", { nowMs: Date.now(), language });
  const chosen = items.filter(({ object }) => choice.objects.has(object));
  return (
    <section className={styles.card}>
      <h3>{words.grant.preview}</h3>
      <p>
        {words.grant.sentence(
          choice.who?.name ?? "",
          words.permissions.documents(choice.objects.size),
          words.grant.whyIn[choice.purpose],
          until,
        )}
      </p>
      <ul className={styles.previewList}>
        {chosen.map((item) => {
          const opened = openings.get(item.object);
          const content = opened?.state === "open" ? opened.content : undefined;
          return <li key={item.object}>{titleOf(item, recordWords, language, content)}</li>;
        })}
      </ul>
      <p className={styles.quiet}>{words.grant.later}</p>
    </section>
  );
}
