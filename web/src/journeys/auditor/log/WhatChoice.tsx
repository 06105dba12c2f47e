/** What happened: everything, accesses by what was done, or entries of one kind, found by their words. */

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "~/components";
import type { Words } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useSpeech } from "../words";
import { Choice, Options } from "./Choice";
import { ACCESSES, type LogFilter } from "./filter";
import type { Change } from "./Sentence";
import styles from "./log.module.css";

interface Props {
  filter: LogFilter;
  words: Words | null;
  change: Change;
}

const EMERGENCY = "break-glass.opened/1";
const READ = "read";

export function WhatChoice({ filter, words, change }: Props) {
  const t = useAuditorStrings().log;
  const { usual, actions, kinds, shown } = useKinds(filter, words);
  const [sought, setSought] = useState("");
  const matching = kinds.filter(({ label }) => label.toLowerCase().includes(sought.trim().toLowerCase()));
  const key = keyOf(filter.type, filter.action);
  return (
    <Choice label={t.parts.what} shown={shown} isSet={filter.type !== null}>
      {(close) => {
        const pick = (value: string) => {
          change(partOf(value));
          close();
        };
        return (
          <div className={styles.choosing}>
            <TextInput
              aria-label={t.findType}
              placeholder={t.findType}
              value={sought}
              onChange={(event) => setSought(event.currentTarget.value)}
              leftSection={<Icon name="search" size={18} />}
              data-autofocus
            />
            {sought === "" && (
              <Options title={t.usual} options={[...usual, ...actions]} chosen={key} onPick={pick} />
            )}
            <Options title={t.allTypes} options={matching} chosen={key} onPick={pick} />
          </div>
        );
      }}
    </Choice>
  );
}

function useKinds(filter: LogFilter, words: Words | null) {
  const strings = useAuditorStrings();
  const t = strings.log;
  const { typed } = useSpeech();
  const actionWord = (action: string) => strings.actions[action] ?? action;
  const usual = [
    { value: "", label: t.everything },
    { value: keyOf(ACCESSES, null), label: t.accesses },
    { value: keyOf(EMERGENCY, null), label: t.emergencies },
  ];
  const actions = [...(words?.actions ?? [READ])].map((action) => ({
    value: keyOf(ACCESSES, action),
    label: t.accessesBy(actionWord(action)),
  }));
  const kinds = (words?.types ?? []).map(({ type, words: english }) => ({
    value: keyOf(type, null),
    label: typed(type, english),
  }));
  const key = keyOf(filter.type, filter.action);
  const known = [...usual, ...actions].find(({ value }) => value === key)?.label;
  const kind = kinds.find(({ value }) => value === key)?.label ?? filter.type ?? "";
  return { usual, actions, kinds, shown: known ?? t.only(kind) };
}

function keyOf(type: string | null, action: string | null): string {
  return type === null ? "" : action === null ? type : `${type} ${action}`;
}

function partOf(key: string): Partial<LogFilter> {
  const [type = "", action = null] = key.split(" ");
  const isAccess = type === ACCESSES;
  return {
    type: type === "" ? null : type,
    action,
    // Other entries have neither a purpose nor an outcome.
    ...(isAccess ? {} : { purpose: null, outcome: null }),
  };
}
