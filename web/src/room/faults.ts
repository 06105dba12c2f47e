/** What can go wrong in a room, as codes that the strings explain. */
export type RoomFaultCode =
  | "roster-malformed"
  | "not-in-roster"
  | "key-refused"
  | "word-refused"
  | "frames-unsupported"
  | "recording-refused"
  | "recording-unsupported"
  | "recording-elsewhere"
  | "recording-lost"
  | "visit-closed"
  | "journal-refused"
  | "journal-full"
  | "playback-refused"
  | "screen-missing";

export class RoomFault extends Error {
  constructor(
    readonly code: RoomFaultCode,
    options?: ErrorOptions,
  ) {
    super(`the room refuses: ${code}`, options);
    this.name = "RoomFault";
  }
}
