/** Tracks that send nothing, with which the slots of a connection are made before there is a camera or a microphone. */

let made: { audio: MediaStreamTrack; video: MediaStreamTrack } | null = null;

/** One pair for the page: they are replaced before anything is sent. */
export function silentTracks(): { readonly audio: MediaStreamTrack; readonly video: MediaStreamTrack } {
  made ??= { audio: silence(), video: darkness() };
  return made;
}

function silence(): MediaStreamTrack {
  const context = new AudioContext();
  const [track] = context.createMediaStreamDestination().stream.getAudioTracks();
  void context.suspend();
  return required(track);
}

function darkness(): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2;
  canvas.getContext("2d");
  return required(canvas.captureStream(0).getVideoTracks()[0]);
}

function required(track: MediaStreamTrack | undefined): MediaStreamTrack {
  if (track === undefined) throw new TypeError("the browser makes no tracks");
  return track;
}
