/** `Messages` as a chunk of its own: badges are needed at once, sealing and the monitor's rules only when one writes. */

import { lazy, Suspense } from "react";
import { Loading } from "~/components";
import type { Side } from "./types";

export interface MessagesProps {
  /** Where it is mounted: `/patient/messages`. */
  base: string;
  /** The pieces below `base`: none for the list, a thread's id, or `new`. */
  path: readonly string[];
  role: Side;
  /** People a new conversation may be opened with; without it, those of one's visits and threads. */
  to?: readonly { actor: string; name: string | null; role: string }[];
}

const Whole = lazy(() => import("./Messages"));

export function Messages(props: MessagesProps) {
  return (
    <Suspense fallback={<Loading />}>
      <Whole {...props} />
    </Suspense>
  );
}
