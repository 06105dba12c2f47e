/** People, the same by their roles, and links for those who come. */

import { Tabs } from "../parts/State";
import { useAdminStrings } from "../strings";

export function PeopleTabs({ here }: { here: "people" | "roles" | "links" }) {
  const t = useAdminStrings().people;
  return (
    <Tabs
      label={t.title}
      tabs={[
        { to: "/admin/people", label: t.byPerson, here: here === "people" },
        { to: "/admin/people/roles", label: t.byRole, here: here === "roles" },
        { to: "/admin/people/links", label: t.byLink, here: here === "links" },
      ]}
    />
  );
}
