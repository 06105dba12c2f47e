/** One's own picture, mirrored as in a mirror, without sound. */

import { useEffect, useRef } from "react";
import styles from "../patient.module.css";

export function SelfView({ stream, label }: { stream: MediaStream; label: string }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream;
  }, [stream]);
  if (stream.getVideoTracks().length === 0) return null;
  return <video ref={video} className={styles.self} autoPlay muted playsInline aria-label={label} />;
}
