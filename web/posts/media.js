// Media of a post or comment.

import { fill, h } from "../elements/dom.js";
import { reportError } from "../elements/feedback.js";
import { icon } from "../elements/icons.js";
import { formatBytes } from "../elements/text.js";

const SMALL_WIDTH_PX = 320; // narrower pictures are not enlarged
const MAX_LAYOUT = 4; // posts.css arranges up to four pictures

/** Returns all media of a post or comment. `refetch` reads it again after the signed URLs have expired. */
export function gallery(media, refetch) {
  if (!media.length) return null;
  const isPicture = (each) => each.mime.startsWith("image/");
  const pictures = media.filter(isPicture);
  return h("div", { class: "media" },
    pictures.length > 0 && h("div", { class: "pictures", "data-number": Math.min(pictures.length, MAX_LAYOUT) },
      pictures.map((each) => picture(each, refetch))),
    media.filter((each) => !isPicture(each)).map(otherMedium));
}

function picture(medium, refetch) {
  const size = medium.width && medium.height ? { width: medium.width, height: medium.height } : {};
  const image = h("img", { src: medium.url, alt: "Picture", loading: "lazy", decoding: "async", ...size });
  const isSmall = medium.width && medium.width < SMALL_WIDTH_PX;
  const frame = h("a", { class: isSmall ? "picture small" : "picture", href: medium.url, target: "_blank", rel: "noopener noreferrer" }, image);
  let isRenewed = false;
  image.addEventListener("error", async () => {
    if (isRenewed) {
      fill(frame, h("span", { class: "missing" }, icon("image"), "Picture unavailable. Reload the page."));
      return;
    }
    isRenewed = true;
    try {
      const renewed = (await refetch()).media.find((each) => each.id === medium.id);
      if (renewed) image.src = frame.href = renewed.url;
    } catch (problem) {
      reportError(problem);
    }
  });
  return frame;
}

function otherMedium(medium) {
  if (medium.mime.startsWith("video/")) return h("video", { src: medium.url, controls: true, preload: "metadata" });
  if (medium.mime.startsWith("audio/")) return h("audio", { src: medium.url, controls: true, preload: "none" });
  return h("a", { class: "attached", href: medium.url, target: "_blank", rel: "noopener noreferrer" }, icon("file"),
    h("span", {}, "Document"), h("span", { class: "muted" }, formatBytes(medium.size_bytes)));
}
