/**
 * The journeys: each a chunk of its own, loaded when somebody goes there, and whom each is for.
 *
 * Whom a journey is shown to is convenience, never protection: the node asks for itself who may see what.
 */

import type { Session } from "~/session";
import type { Journey } from "./journey";

export const JOURNEYS = ["patient", "clinician", "auditor", "admin"] as const;
export type JourneyName = (typeof JOURNEYS)[number];

type Load = () => Promise<{ default: Journey }>;
const chunks = import.meta.glob<{ default: Journey }>(
  "../journeys/{patient,clinician,auditor,admin}/index.tsx",
);

/** The loader of a journey; undefined for a name that is none, or one that is not built yet. */
export function loaderOf(name: JourneyName): Load | undefined {
  return chunks[`../journeys/${name}/index.tsx`];
}

const ROLES: Record<string, JourneyName> = {
  clinician: "clinician",
  physician: "clinician",
  nurse: "clinician",
  interpreter: "clinician",
  staff: "clinician",
  auditor: "auditor",
  "privacy-officer": "auditor",
  administrator: "admin",
  admin: "admin",
};

/** The journeys of a person or an organisation, most wanted first. */
export function journeysOf({ kind, roles }: Pick<Session, "kind" | "roles">): JourneyName[] {
  if (kind === "organisation" || kind === "system") return ["admin", "auditor"];
  const byRole = JOURNEYS.filter((name) => roles.some((role) => ROLES[role] === name));
  return [...byRole, "patient"];
}
