/**
 * The room of a visit. Journeys use the four components and `roomPorts`; everything below them is the room's own.
 *
 * Where to start: `mesh/session.ts` (who is there), `keys/epochs.ts` (keys), `media/serve.ts` (frames),
 * `recording/recorder.ts`, `playback/feed.ts`. Bytes: `docs/spec/room.md`.
 */
export { DeviceTest } from "./check/DeviceTest";
export type { Checks, DeviceResult, NetworkResult } from "./check/devices";
export { useHeldStream } from "./check/useHeldStream";
export { canSealFrames } from "./media/frames";
export { openRecording, roomPorts } from "./ports_app";
export type { LiveLink, RoomFiles, RoomPorts } from "./ports";
export { MEDIA_TYPE as RECORDING_MEDIA_TYPE } from "./recording/media_type";
export { useRoomStrings } from "./strings";
export { Lobby } from "./ui/Lobby";
export { Player, type PlayerProps } from "./ui/Player";
export { Room, type RoomProps } from "./ui/Room";
