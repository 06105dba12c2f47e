/** My factors, among the places about one's privacy. */

import { Page } from "~/components";
import { MyFactors } from "~/factors/ui/lazily";
import { useFactorStrings } from "~/factors/strings";
import { PrivacyTabs } from "../seen/SeenPlace";

export function FactorsPlace() {
  const words = useFactorStrings();
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text">
      <PrivacyTabs />
      <MyFactors />
    </Page>
  );
}
