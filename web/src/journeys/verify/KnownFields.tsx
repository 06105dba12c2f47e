/** What the reader knows from elsewhere: keys of the ledger, a policy of witnesses, rules of levels, the least level. */

import { Checkbox, FileInput, NativeSelect, Stack, Textarea } from "@mantine/core";
import { Icon } from "~/components";
import type { Language } from "~/verify/words";
import { STEP_WORDS } from "~/verify/words";
import type { Known } from "./known";
import type { PageWords } from "./strings";
import styles from "./verify.module.css";

interface Props {
  readonly words: PageWords;
  readonly language: Language;
  readonly known: Known;
  /** The code of what is lacking, where the proof cannot be judged without it. */
  readonly needs: string;
  readonly onChange: (known: Known) => void;
}

export function KnownFields({ words, language, known, needs, onChange }: Props) {
  const levels = STEP_WORDS[language].levels.map(([title], index) => ({
    value: String(index + 1),
    label: `L${index + 1} · ${title}`,
  }));
  return (
    <details className={styles.more} open={known.keys !== "" || Object.hasOwn(words.needed, needs)}>
      <summary>
        <Icon name="key" size={18} />
        {words.known}
      </summary>
      <Stack gap="md" className={styles.fields ?? ""}>
        <p className={styles.quiet}>{words.knownText}</p>
        <Textarea
          size="md"
          label={words.keys}
          description={words.keysHint}
          value={known.keys}
          onChange={(event) => onChange({ ...known, keys: event.currentTarget.value })}
          rows={4}
          spellCheck={false}
          autoComplete="off"
          classNames={{ input: styles.mono ?? "" }}
        />
        <Checkbox
          label={words.remember}
          checked={known.remember}
          onChange={(event) => onChange({ ...known, remember: event.currentTarget.checked })}
        />
        <FileInput
          size="md"
          label={words.policy}
          placeholder={words.none}
          value={known.policy}
          onChange={(policy) => onChange({ ...known, policy })}
          clearable
          clearButtonProps={{ "aria-label": words.remove }}
        />
        <FileInput
          size="md"
          label={words.levels}
          placeholder={words.shipped}
          value={known.levels}
          onChange={(file) => onChange({ ...known, levels: file })}
          clearable
          clearButtonProps={{ "aria-label": words.remove }}
        />
        <fieldset className={styles.group}>
          <legend>{words.oneEntry}</legend>
          <Stack gap="md">
            <p className={styles.quiet}>{words.oneEntryText}</p>
            <FileInput
              size="md"
              label={words.entry}
              placeholder={words.none}
              value={known.entry}
              onChange={(entry) => onChange({ ...known, entry })}
              clearable
              clearButtonProps={{ "aria-label": words.remove }}
            />
            <FileInput
              size="md"
              multiple
              label={words.cards}
              placeholder={words.none}
              value={[...known.cards]}
              onChange={(cards) => onChange({ ...known, cards })}
              clearable
              clearButtonProps={{ "aria-label": words.remove }}
            />
          </Stack>
        </fieldset>
        <NativeSelect
          size="md"
          label={words.require}
          data={levels}
          value={String(known.require)}
          onChange={(event) => onChange({ ...known, require: Number(event.currentTarget.value) })}
        />
      </Stack>
    </details>
  );
}
