/** The camera that was opened for the test: it stays on until one is in the room or goes away, and no longer. */

import { useCallback, useEffect, useRef, useState } from "react";

interface HeldStream {
  stream: MediaStream | null;
  /** Hold this one, and let the former go; null lets go. */
  keep: (next: MediaStream | null) => void;
  /** It was handed on: whoever has it now lets it go. */
  release: () => void;
}

export function useHeldStream(): HeldStream {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const held = useRef<MediaStream | null>(null);
  const isGone = useRef(false);
  const keep = useCallback((next: MediaStream | null) => {
    // A browser may ask its person for long: whoever went away meanwhile wants no camera any more.
    if (isGone.current) return letGo(next);
    if (held.current !== next) letGo(held.current);
    held.current = next;
    setStream(next);
  }, []);
  const release = useCallback(() => {
    held.current = null;
  }, []);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      letGo(held.current);
    };
  }, []);
  return { stream, keep, release };
}

function letGo(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop());
}
