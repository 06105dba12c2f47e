/** Parts of factors as chunks of their own: a page that has none of it loads no cryptography for it. */

import { lazy, Suspense } from "react";
import { Loading } from "~/components";

const MyFactorsNow = lazy(() => import("./MyFactors"));
const ShowIdentityNow = lazy(() => import("./ShowIdentity"));
const ShownIdentityNow = lazy(() => import("./ShownIdentity"));

export function MyFactors() {
  return (
    <Suspense fallback={<Loading shape="cards" />}>
      <MyFactorsNow />
    </Suspense>
  );
}

export function ShowIdentity(props: { visit: string; who: string; place: string; onShown: () => void }) {
  return (
    <Suspense fallback={null}>
      <ShowIdentityNow {...props} />
    </Suspense>
  );
}

export function ShownIdentity(props: { presentation: string }) {
  return (
    <Suspense fallback={null}>
      <ShownIdentityNow {...props} />
    </Suspense>
  );
}
