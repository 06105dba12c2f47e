/** Contracts, and the interfaces through which they send. */

import { Tabs } from "../parts/State";
import { useAdminStrings } from "../strings";

export function ContractTabs({ here }: { here: "contracts" | "interfaces" }) {
  const t = useAdminStrings().contracts;
  return (
    <Tabs
      label={t.title}
      tabs={[
        { to: "/admin/contracts", label: t.byContract, here: here === "contracts" },
        { to: "/admin/contracts/interfaces", label: t.byConnector, here: here === "interfaces" },
      ]}
    />
  );
}
