/** People, and the same by their roles. */

import { Tabs } from "../parts/State";
import { useAdminStrings } from "../strings";

export function PeopleTabs({ here }: { here: "people" | "roles" }) {
  const t = useAdminStrings().people;
  return (
    <Tabs
      label={t.title}
      tabs={[
        { to: "/admin/people", label: t.byPerson, here: here === "people" },
        { to: "/admin/people/roles", label: t.byRole, here: here === "roles" },
      ]}
    />
  );
}
