/** The mark: a small hooded figure in one line; on a proof that verified, the hood closes into a seal. */

interface Props {
  size?: number;
  sealed?: boolean;
  /** What readers of the screen hear; without it the mark is decoration. */
  label?: string;
}

export function Mark({ size = 28, sealed = false, label }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      role={label === undefined ? undefined : "img"}
      aria-label={label}
      aria-hidden={label === undefined ? true : undefined}
    >
      <path d={HOOD} />
      <path d={sealed ? CLOSED : FACE} />
    </svg>
  );
}

/** From one hem over the pointed hood down to the other. */
const HOOD =
  "M7 28c0-5 1.6-7.4 3-9.4C8.6 16.8 8 15 8 13c0-5 4.4-8 9.6-10-.4 1.8 0 2.6 1.8 4C22 9 24 10.6 24 14c0 1.8-.6 3.2-2 4.6 1.4 2 3 4.4 3 9.4z";
const FACE =
  "M12 19c-.8-1.2-1-2.2-1-3.4C11 12.4 13.4 10.6 16 10.6s5 1.8 5 5c0 1.2-.2 2.2-1 3.4-1.2 1.4-2.4 2-4 2s-2.8-.6-4-2z";
const CLOSED = "M11.6 16.4l3.2 3.2 5.8-6.2";
