// Icons: lines in a square of 24 by 24 units.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

const ICONS = {
  back: "M15 5l-7 7 7 7",
  bell: "M6 10a6 6 0 0 1 12 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 0 0 4 0",
  chat: "M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.4A7.5 7.5 0 1 1 20 11.5z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  compass: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM15.5 8.5l-2 5-5 2 2-5z",
  door: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  down: "M6 9l6 6 6-6",
  eyeOff: "M4 4l16 16M9.5 5.3A9.6 9.6 0 0 1 12 5c5.5 0 9 7 9 7a16 16 0 0 1-2.6 3.4M6.3 7.2C4.2 8.8 3 12 3 12s3.5 7 9 7c1.6 0 3-.5 4.2-1.3",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  flag: "M5 21V4h12l-2.5 4L17 12H5",
  gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.600l2.1 2.100M16.3 16.300l2.1 2.100M18.4 5.600l-2.1 2.100M7.7 16.300l-2.1 2.1",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.500v.01",
  key: "M8 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 12h9M18 12v4M15 12v3",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700L12 17",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  pencil: "M4 20l1-4L16 5l3 3L8 19z",
  people: "M9 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M15.5 4.800a3.5 3.5 0 0 1 0 6.400M18 14.500c2.2.8 3.5 2.7 3.5 5.5",
  person: "M12 3.500a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.500c0-4 3.3-6 7.5-6s7.5 2 7.5 6",
  pin: "M9 3h6l-1 6 4 4H6l4-4zM12 13v8",
  plus: "M12 5v14M5 12h14",
  reply: "M10 7L5 12l5 5M5 12h8a6 6 0 0 1 6 6v1",
  restore: "M4 12a8 8 0 1 0 2.5-5.800M4 4v5h5",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  send: "M4 12l16-8-5 16-3.5-6.500z",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14.500c1.6 2.3 5.4 2.3 7 0M9 9.500v.01M15 9.500v.01",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.500v.01",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  wifiOff: "M4 4l16 16M5 12.500c1-1 2.2-1.7 3.5-2.200M2 9c1.4-1.3 3-2.3 4.7-3M11 5c4-.3 8 1.1 11 4M8.5 16c1-1 2.2-1.5 3.5-1.500M12 19.500v.01",
};

/** Returns an icon for use beside a text, or in a button with a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG_NAMESPACE, "svg");
  const attributes = { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG_NAMESPACE, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
