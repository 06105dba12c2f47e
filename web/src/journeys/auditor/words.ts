/** Entries, people and rules in the reader's words. Start at `useSpeech`. */

import { useMemo } from "react";
import { useMe } from "~/session";
import { useLanguage, type Language } from "~/strings";
import { ENTRY_WORDS, OTHER_RULES, RULE_WORDS } from "./strings/entries_es";
import { useAuditorStrings, type AuditorStrings } from "./strings";
import type { Person, Row } from "./shapes";

export interface Speech {
  /** "Dr. Osei"; of whom no name may be told, what it is and the end of its id. */
  who: (person: Person) => string;
  /** What an entry's actor did: "read a sealed record". */
  did: (row: Row) => string;
  /** What entries of a type say. */
  typed: (type: string, english: string) => string;
  /** Why a decision came out as it did. */
  why: (row: Row) => string;
  /** One rule by its id; `english` is the node's own word. */
  rule: (id: string, english?: string) => string;
  thing: (resource: string) => string;
}

export function useSpeech(): Speech {
  const words = useAuditorStrings();
  const { language } = useLanguage();
  const me = useMe().actor;
  return useMemo(() => speechOf(words, language, me), [words, language, me]);
}

export function speechOf(words: AuditorStrings, language: Language, me: string): Speech {
  const typed = (type: string, english: string) =>
    language === "es" ? (ENTRY_WORDS[type] ?? english) : english;
  const rule = (id: string, english?: string) =>
    language === "es" ? ruleInSpanish(id, english) : (english ?? id);
  const thing = (resource: string) => words.things[resource.split("/", 1)[0] ?? ""] ?? resource;
  return {
    typed,
    rule,
    thing,
    who: (person) => {
      if (person.id === me) return words.people.you;
      if (person.kind === "node") return words.people.node;
      if (person.name !== null) return person.name;
      const isPatient = person.kind === "person" && person.roles.length === 0;
      return `${isPatient ? words.people.person : words.people[person.kind]}\u00a0${shortId(person.id)}`;
    },
    did: (row) => {
      if (row.action === null || row.resource === null || row.type === "access.standing/1")
        return typed(row.type, row.words);
      const isDenied = row.outcome === "deny";
      const here = (isDenied ? words.refusedHere : words.allowedHere)[row.action];
      if (here !== undefined && row.resource.startsWith("organisation/")) return here;
      const verbs = isDenied ? words.refused : words.allowed;
      return `${verbs[row.action] ?? `${row.action}:`} ${thing(row.resource)}`;
    },
    why: (row) => {
      if (language !== "es") return row.rule ?? "";
      if (row.reasons.length === 0) return OTHER_RULES.none;
      const said = row.reasons.map((id) => rule(id, row.rule ?? undefined)).join("; ");
      return row.outcome === "deny" ? OTHER_RULES.forbidden(said) : said;
    },
  };
}

/** The end of an id, which is its random part: enough to tell people of one list apart. */
export function shortId(id: string): string {
  return `…\u2060${id.slice(-6)}`; // A line is not broken after the dots.
}

/** Where the node does not say what a rule of the base means, another base is in force, and neither do we. */
const NOT_AS_SHIPPED = "the base rule `";

function ruleInSpanish(id: string, english = ""): string {
  if (id.startsWith("token:")) return OTHER_RULES.token;
  if (id.startsWith("base:") && english.includes(NOT_AS_SHIPPED)) return OTHER_RULES.base(id.slice(5));
  return RULE_WORDS[id] ?? OTHER_RULES.own(id);
}
