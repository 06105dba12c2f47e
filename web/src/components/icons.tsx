/**
 * The icons: strokes of one weight on a grid of 24. A name is one entry in `PATHS`.
 *
 * An icon beside a word is decoration and hidden from readers; alone it needs `label`.
 */

const CIRCLE = "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z";
const SHIELD = "M12 3l7.5 2.8v5.4c0 4.6-3 8-7.5 9.8-4.5-1.8-7.5-5.2-7.5-9.8V5.8z";
const PERSON = "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c.7-3.8 3.7-6 7.5-6s6.8 2.2 7.5 6";
const BUBBLE = "M4 5.5h16v11H10.5L6 20.5v-4H4z";
const CAMERA = "M3 7h12v10H3zM15 10.5l6-3v9l-6-3z";
const MICROPHONE =
  "M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5a2.8 2.8 0 0 0 5.6 0v-5A2.8 2.8 0 0 0 12 3.5zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3";
const STRUCK = "M4 4l16 16";
const PAGE = "M6 3h8.5L19 7.5V21H6zM14 3v5h5";
const BOX = "M4 4h16v16H4z";

export const PATHS = {
  alarm: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.2",
  archive: "M3.5 4.5h17v4h-17zM5 8.5V20h14V8.5M10 12.5h4",
  attach:
    "M18.5 11.5l-7 7a4.5 4.5 0 0 1-6.4-6.4l7.6-7.6a3 3 0 0 1 4.3 4.3l-7.5 7.5a1.5 1.5 0 0 1-2.2-2.1l6.5-6.6",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 21h4",
  blocks: "M4 4h7v7H4zM13 13h7v7h-7zM11 7.5h5.5V13M7.5 11v5.5H13",
  calendar: "M4 5.5h16V20H4zM4 10h16M8 3v4.5M16 3v4.5",
  camera: CAMERA,
  "camera-off": `${CAMERA}${STRUCK}`,
  chart: "M4 4v16h16M8 15l3.5-4.5 3 2.5L20 7",
  chat: BUBBLE,
  check: "M5 12.5l4.7 4.7L19.5 7",
  circle: CIRCLE,
  clock: `${CIRCLE}M12 7.5V12l3.2 2`,
  code: "M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5",
  copy: "M9 9h11v11H9zM5.5 15H4V4h11v1.5",
  cross: "M6 6l12 12M18 6L6 18",
  device: "M7 3h10v18H7zM10.5 17.5h3M9.5 9.5h1.3l1.2-2.5 1.5 5 1-2.5h.5",
  document: `${PAGE}M9 12.5h6M9 16h6`,
  down: "M5 9l7 7 7-7",
  download: "M12 4v11M7 10.5l5 5 5-5M4.5 20h15",
  drop: "M12 3.5c3.7 4.2 5.5 7.3 5.5 10a5.5 5.5 0 0 1-11 0c0-2.7 1.8-5.8 5.5-10z",
  edit: "M4 20l1-4.5L16 4.5l3.5 3.5-11 11zM13.5 7l3.5 3.5",
  emergency: "M9.5 3.5h5v6h6v5h-6v6h-5v-6h-6v-5h6z",
  external: "M13 4.5h6.5V11M19.5 4.5L11 13M16.5 14v5.5h-12v-12H10",
  eye: "M2.5 12c2.3-4.3 5.5-6.5 9.5-6.5s7.2 2.2 9.5 6.5c-2.3 4.3-5.5 6.5-9.5 6.5S4.8 16.3 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  "eye-off":
    "M5.5 7.5C4.3 8.7 3.3 10.2 2.5 12c2.3 4.3 5.5 6.5 9.5 6.5 1.5 0 2.9-.3 4.1-.9M9.5 5.9c.8-.3 1.6-.4 2.5-.4 4 0 7.2 2.2 9.5 6.5-.6 1.2-1.4 2.3-2.2 3.2M4 4l16 16",
  filter: "M3.5 5.5h17M6.5 12h11M10 18.5h4",
  forward: "M9 5l7 7-7 7",
  fullscreen: "M4 9.5V4h5.5M14.5 4H20v5.5M20 14.5V20h-5.5M9.5 20H4v-5.5",
  gift: "M4 9h16v4H4zM5.5 13v7h13v-7M12 9v11M12 9C8.5 9 7 7.5 7.5 5.8 8 4 11 4 12 9c1-5 4-5 4.5-3.2C17 7.5 15.5 9 12 9z",
  globe: `${CIRCLE}M3.5 12h17M12 3c2.5 2.6 3.7 5.6 3.7 9s-1.2 6.4-3.7 9c-2.5-2.6-3.7-5.6-3.7-9S9.5 5.6 12 3z`,
  hand: "M7.5 12.5V6.2a1.5 1.5 0 0 1 3 0V11M10.5 10.5V4.7a1.5 1.5 0 0 1 3 0v5.8M13.5 10.5V6a1.5 1.5 0 0 1 3 0v7M16.5 11.5V9a1.5 1.5 0 0 1 3 0v5.5c0 3.8-2.5 6.5-6.2 6.5-3 0-4.6-1.3-6-3.6l-2.8-4.9a1.5 1.5 0 0 1 2.5-1.5l1.5 2",
  heart: "M12 20C6.5 15.7 3.5 12.6 3.5 9A4.5 4.5 0 0 1 12 7a4.5 4.5 0 0 1 8.5 2c0 3.6-3 6.7-8.5 11z",
  home: "M3.5 11L12 4l8.5 7M6 9.5V20h12V9.5M10 20v-5.5h4V20",
  info: `${CIRCLE}M12 11v5.5M12 7.7v.2`,
  key: "M8.5 8a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM13 12.5h8M17.5 12.5v3.5M20.5 12.5V15",
  layers: "M12 4l8.5 4.5L12 13 3.5 8.5zM3.5 12.5L12 17l8.5-4.5M3.5 16.5L12 21l8.5-4.5",
  leave: "M3 14.5c5.5-5 12.5-5 18 0l-2 3-4.5-1.7V13.5c-1.7-.4-3.3-.4-5 0v2.3L5 17.5z",
  link: "M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7L12.5 6M14 10a4 4 0 0 0-5.7 0l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.1-1.3",
  list: "M8.5 6H20M8.5 12H20M8.5 18H20M4.2 6h.1M4.2 12h.1M4.2 18h.1",
  lock: "M5 10.5h14V20H5zM8 10.5V8a4 4 0 0 1 8 0v2.5",
  logout: "M10 4H4.5v16H10M9.5 12h11M16.5 8l4 4-4 4",
  menu: "M4 6.5h16M4 12h16M4 17.5h16",
  microphone: MICROPHONE,
  "microphone-off": `${MICROPHONE}${STRUCK}`,
  minus: "M5 12h14",
  moon: "M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z",
  more: "M5.5 12h.1M12 12h.1M18.5 12h.1",
  note: "M5 4h14v10.5L13.5 20H5zM19 14h-6v6M8.5 8.5h7M8.5 12H12",
  offline:
    "M3 9.5C5.5 7 8.6 5.7 12 5.7c1 0 2 .1 3 .3M6.5 13.2a8 8 0 0 1 5.5-2.2M9.7 16.7a3.5 3.5 0 0 1 4.6 0M12 20v.1M21 9.5a13 13 0 0 0-2.3-1.9M4 4l16 16",
  pause: "M8.5 5v14M15.5 5v14",
  people:
    "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 19.5c.6-3.2 3.2-5 6.5-5s5.9 1.8 6.5 5M15.5 5.3a3.5 3.5 0 0 1 0 6.4M18 14.8c1.9.8 3.1 2.4 3.5 4.7",
  person: PERSON,
  photo: "M3.5 5h17v14h-17zM3.5 16l5-5 4 4 2.5-2.5 5.5 5.5M15.5 9v.1",
  pin: "M12 21c-4.3-5-6.5-8.5-6.5-11.3a6.5 6.5 0 0 1 13 0C18.5 12.5 16.3 16 12 21zM12 7.5a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z",
  play: "M7.5 4.5v15l12-7.5z",
  plug: "M9 3.5V8M15 3.5V8M6 8h12v3.5a6 6 0 0 1-12 0zM12 17.5V21",
  plus: "M12 5v14M5 12h14",
  proof: `${SHIELD}M8.5 11.7l2.5 2.5 4.5-4.7`,
  pulse: "M2.5 12.5H7l2.5-7 4.5 13 2.5-6h5",
  question: `${CIRCLE}M9.5 9.5a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.4v.5M12 16.7v.1`,
  record: `${CIRCLE}M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z`,
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.3M20 4.5v4.8h-4.8",
  replay: "M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4 9.3M4 4.5v4.8h4.8M10.5 9v6l4.5-3z",
  reply: "M9.5 6L4 11.5 9.5 17M4 11.5h10.5a5.5 5.5 0 0 1 5.5 5.5v1.5",
  screen: "M3 4.5h18v12H3zM8.5 20h7M12 16.5V20M12 13.5V8M9.5 10.2L12 7.7l2.5 2.5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.3 15.3L20.5 20.5",
  send: "M4 12L20 4.5 15.5 20l-4-6.5zM11.5 13.5L20 4.5",
  server: "M4 4h16v6.5H4zM4 13.5h16V20H4zM7.5 7.2h.1M7.5 16.7h.1M12 7.2h4.5M12 16.7h4.5",
  settings:
    "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6zM9 14.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z",
  shield: SHIELD,
  speaker: "M4 9.5h3.5L12.5 5v14l-5-4.5H4zM15.8 9a4.2 4.2 0 0 1 0 6M18.3 6.5a7.8 7.8 0 0 1 0 11",
  stop: "M6.5 6.5h11v11h-11z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  table: `${BOX}M4 9.5h16M4 14.7h16M10 9.5V20`,
  token: "M3.5 6.5h17v4a1.8 1.8 0 0 0 0 3.5v3.5h-17V14a1.8 1.8 0 0 0 0-3.5zM14 6.5v11",
  trash: "M4.5 6.5h15M9 6.5V4h6v2.5M6.5 6.5L7.5 20h9l1-13.5M10.3 10.5v6M13.7 10.5v6",
  unlock: "M5 10.5h14V20H5zM8 10.5V8a4 4 0 0 1 7.7-1.5",
  up: "M5 15l7-7 7 7",
  upload: "M12 20V9M7 13.5l5-5 5 5M4.5 4h15",
  visit: `${CAMERA}M7 10.5h3.5`,
  waiting: "M7 3.5h10M7 20.5h10M8 3.5c0 5 3 5.5 4 8.5 1-3 4-3.5 4-8.5M8 20.5c0-5 3-5.5 4-8.5 1 3 4 3.5 4 8.5",
} as const;

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  size?: number;
  /** What readers of the screen hear; without it the icon is decoration. */
  label?: string;
}

export function Icon({ name, size = 20, label }: Props) {
  const spoken = label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label };
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={DOTTED.has(name) ? 2.6 : 1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      focusable="false"
      style={{ flex: "none" }}
      {...spoken}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Icons of dots alone: a dot is as wide as its stroke. */
const DOTTED: ReadonlySet<IconName> = new Set<IconName>(["more"]);
