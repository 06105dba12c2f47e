/** By which an object of the vault is known as a recording. */
export const MEDIA_TYPE = "application/vnd.telesphor.recording";
