/** A picture or a voice on the page. */
import { useEffect, useRef } from "react";

export function Picture({
  stream,
  label,
  mirrored = false,
}: {
  stream: MediaStream;
  label: string;
  mirrored?: boolean;
}) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => attach(video.current, stream), [stream]);
  const turn = mirrored ? { transform: "scaleX(-1)" } : {};
  return (
    <video ref={video} style={turn} aria-label={label} autoPlay playsInline muted disablePictureInPicture />
  );
}

export function Voice({ stream }: { stream: MediaStream }) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => attach(audio.current, stream), [stream]);
  return <audio ref={audio} autoPlay />;
}

function attach(element: HTMLMediaElement | null, stream: MediaStream): (() => void) | undefined {
  if (element === null) return undefined;
  element.srcObject = stream;
  void element.play().catch(() => undefined); // The next touch of a control plays it where the browser wants one.
  return () => {
    element.srcObject = null;
  };
}
