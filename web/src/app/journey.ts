/** What a journey gives the shell: its menu and its page. */

import type { ComponentType } from "react";
import type { IconName } from "~/components";

export interface MenuItem {
  /** `/patient/visits` */
  to: string;
  label: string;
  icon: IconName;
  /** Something waits: unread messages, people in line. Not shown when 0. */
  badge?: number;
}

export interface Journey {
  /** A hook, so that labels follow the language and badges follow what is live. At most 5 fit a phone's bar. */
  useMenu: () => MenuItem[];
  /** `path`: the pieces below the journey: `["visits", "v1"]`. */
  Page: ComponentType<{ path: readonly string[] }>;
}

export function defineJourney(journey: Journey): Journey {
  return journey;
}
