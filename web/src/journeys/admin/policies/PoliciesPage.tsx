/** The rules in force, in words and as written; and an editor that checks while one writes. */

import { Accordion, Button } from "@mantine/core";
import { useState } from "react";
import { Await, CopyText, Icon, Page, Pill } from "~/components";
import { useWatched } from "../../auditor/watch/useWatch";
import { useSpeech } from "../../auditor/words";
import { nameOf } from "../parts/words";
import type { PoliciesAnswer, Slot } from "../shapes";
import { useAdminStrings } from "../strings";
import { Editor, type Draft } from "./Editor";
import styles from "./policies.module.css";

export function PoliciesPage() {
  const t = useAdminStrings().policies;
  const view = useWatched<PoliciesAnswer>("administration", "/v1/app/admin/policies");
  const [draft, setDraft] = useState<Draft | null>(null);
  return (
    <Page
      title={t.title}
      subtitle={t.subtitle}
      actions={
        draft === null && (
          <Button
            leftSection={<Icon name="edit" size={18} />}
            onClick={() => setDraft({ slot: "rules", text: "" })}
          >
            {t.write}
          </Button>
        )
      }
    >
      {draft !== null && (
        <Editor
          key={`${draft.slot} ${draft.text}`}
          initial={draft}
          onClose={() => setDraft(null)}
          onSet={() => {
            setDraft(null);
            view.reload();
          }}
        />
      )}
      <Await view={view}>
        {({ slots }) => (
          <div className={styles.slots}>
            {slots.map((slot) => (
              <OneSlot
                key={`${slot.slot} ${slot.digest}`}
                slot={slot}
                onEdit={(text) => setDraft({ slot: slot.slot, text })}
              />
            ))}
          </div>
        )}
      </Await>
    </Page>
  );
}

function OneSlot({ slot, onEdit }: { slot: Slot; onEdit: (text: string) => void }) {
  const strings = useAdminStrings();
  const t = strings.policies;
  const { rule } = useSpeech();
  const { actor, policies, shipped, text, digest } = slot;
  return (
    <section>
      <div className={styles.slotHead}>
        <div>
          <h2>{actor === null ? t.base : t.own(nameOf(actor, strings.kinds))}</h2>
          <p className={styles.quiet}>
            {t.count(policies.length)}
            {shipped && `, ${t.shipped}`}
          </p>
        </div>
        {text !== null && (
          <Button
            variant="default"
            leftSection={<Icon name="edit" size={18} />}
            onClick={() => {
              onEdit(text);
              scrollTo(0, 0);
            }}
          >
            {t.edit}
          </Button>
        )}
      </div>
      <Accordion variant="contained" multiple>
        {policies.map((policy) => (
          <Accordion.Item key={policy.id} value={policy.id}>
            <Accordion.Control>
              <span className={styles.rule}>
                <Effect effect={policy.effect} />
                <span className={styles.words}>{rule(policy.id, policy.words)}</span>
                <code className={styles.mono}>{policy.id}</code>
              </span>
            </Accordion.Control>
            <Accordion.Panel>
              <pre className={styles.code} tabIndex={0}>
                {policy.text}
              </pre>
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      <p className={styles.digest}>
        <CopyText value={digest} label={t.digest} />
      </p>
    </section>
  );
}

export function Effect({ effect }: { effect: "permit" | "forbid" }) {
  const t = useAdminStrings().policies;
  return (
    <Pill icon={effect === "permit" ? "check" : "cross"} tone={effect === "permit" ? "accent" : "wait"}>
      {effect === "permit" ? t.permit : t.forbid}
    </Pill>
  );
}
