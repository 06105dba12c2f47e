/** A text of rules as one writes it, what the node says of it, and the way to put it into force. */

import { Button, SegmentedControl, Textarea } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, saveBlob } from "~/components";
import { command, useMe } from "~/session";
import { useSpeech } from "../../auditor/words";
import { useAdminStrings } from "../strings";
import { Effect } from "./PoliciesPage";
import { TEMPLATES } from "./templates";
import { useCheck, type Checked } from "./useCheck";
import styles from "./policies.module.css";

export interface Draft {
  slot: "base" | "rules";
  text: string;
}

interface Props {
  initial: Draft;
  onClose: () => void;
  onSet: () => void;
}

/** What the node takes. */
const TEXT_MAX = 64 * 1024;

export function Editor({ initial, onClose, onSet }: Props) {
  const t = useAdminStrings().policies;
  const [draft, setDraft] = useState(initial);
  const checked = useCheck(draft);
  const write = (text: string) => setDraft({ ...draft, text });
  return (
    <section className={styles.editor} aria-label={t.editor}>
      <div className={styles.tools}>
        <SegmentedControl
          aria-label={t.slot}
          value={draft.slot}
          onChange={(slot) => setDraft({ ...draft, slot: slot as Draft["slot"] })}
          data={(["rules", "base"] as const).map((value) => ({ value, label: t.slots[value] }))}
        />
      </div>
      <Textarea
        label={t.editor}
        description={t.editorHint}
        value={draft.text}
        onChange={(event) => write(event.currentTarget.value)}
        autosize
        minRows={8}
        maxRows={24}
        maxLength={TEXT_MAX}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        classNames={{ input: styles.text ?? "" }}
        aria-describedby="verdict"
      />
      {draft.text === "" && <Templates onPick={write} />}
      <Verdict checked={checked} />
      <Actions
        draft={draft}
        fits={checked.is === "done" && checked.check.ok}
        onSet={onSet}
        onClose={onClose}
      />
    </section>
  );
}

function Templates({ onPick }: { onPick: (text: string) => void }) {
  const t = useAdminStrings().policies;
  return (
    <div className={styles.templates}>
      <span className={styles.quiet}>{t.templates}</span>
      {(["administrators", "hours", "emergency"] as const).map((name) => (
        <Button key={name} variant="default" size="compact-md" onClick={() => onPick(TEMPLATES[name])}>
          {t.template[name]}
        </Button>
      ))}
    </div>
  );
}

function Verdict({ checked }: { checked: Checked }) {
  const t = useAdminStrings().policies;
  const { rule } = useSpeech();
  return (
    <div id="verdict" role="status" className={styles.verdict}>
      {checked.is === "checking" && <span className={styles.quiet}>{t.checking}</span>}
      {checked.is === "failed" && (
        <span className={styles.wrong}>
          <Icon name="alarm" size={18} />
          {checked.offline ? t.offline : checked.message}
        </span>
      )}
      {checked.is === "done" && checked.check.ok && (
        <>
          <span className={styles.fine}>
            <Icon name="check" size={18} />
            {t.fine(checked.check.policies.length)}
          </span>
          <ul className={styles.found}>
            {checked.check.policies.map((policy) => (
              <li key={policy.id} className={styles.rule}>
                <Effect effect={policy.effect} />
                <span className={styles.words}>{rule(policy.id, policy.words)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {checked.is === "done" && !checked.check.ok && (
        <div className={styles.refusal}>
          <span className={styles.wrong}>
            <Icon name="cross" size={18} />
            {t.wrong}
          </span>
          <p>{checked.check.message}</p>
          {checked.check.hint !== "" && <p className={styles.quiet}>{checked.check.hint}</p>}
        </div>
      )}
    </div>
  );
}

interface ActionsProps {
  draft: Draft;
  fits: boolean;
  onSet: () => void;
  onClose: () => void;
}

/** Only an organisation's own key puts rules into force; everybody else writes and checks them for it. */
function Actions({ draft, fits, onSet, onClose }: ActionsProps) {
  const t = useAdminStrings().policies;
  const mayPut = useMe().kind === "organisation";
  const [asking, setAsking] = useState(false);
  const save = () => saveBlob(new Blob([draft.text], { type: "text/plain" }), `${draft.slot}.cedar`);
  const put = async () => {
    await command("policy.set/1", { slot: draft.slot, policies: draft.text });
    onSet();
  };
  return (
    <>
      <div className={styles.actions}>
        {mayPut && (
          <Button disabled={!fits} onClick={() => setAsking(true)}>
            {t.set}
          </Button>
        )}
        <Button
          variant={mayPut ? "default" : "filled"}
          disabled={draft.text.trim() === ""}
          onClick={save}
          leftSection={<Icon name="download" size={18} />}
        >
          {t.save}
        </Button>
        <Button variant="subtle" color="gray" onClick={onClose}>
          {t.cancel}
        </Button>
      </div>
      {!mayPut && (
        <p className={styles.quiet}>
          {t.notYou} <code className={styles.mono}>telesphor access policy set {draft.slot}.cedar</code>
        </p>
      )}
      <Confirm
        opened={asking}
        title={t.setTitle}
        confirm={t.set}
        danger={draft.slot === "base"}
        onConfirm={put}
        onClose={() => setAsking(false)}
      >
        {draft.slot === "base" ? t.setBase : t.setText}
      </Confirm>
    </>
  );
}
