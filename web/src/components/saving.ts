/** Hands a file that was made here to the browser's own downloads. */

/** Long enough for the browser to take it; then its memory is given back. */
const KEPT_MS = 60_000;

export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = safeName(name);
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** `name` without what a file system or an eye could be fooled by: paths, controls, direction marks. */
export function safeName(name: string): string {
  const plain = name
    .normalize("NFC")
    // eslint-disable-next-line no-control-regex -- control characters are what is taken out
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "")
    .replace(/[\\/:*?"<>|]/g, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  return plain.slice(0, 120) || "file";
}
