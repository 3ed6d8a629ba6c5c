// Follows a group live: shows its newest posts, then every event, until Ctrl-C.
//
//     TOKEN=… node follow.js http://127.0.0.1:8000 GROUP_ID
//
// After an interruption it resumes after the last event that it received. When the service no longer
// has the missed events, it reads the posts over HTTP again.

import { setTimeout } from "node:timers/promises";
import { io } from "socket.io-client";

const [origin, groupId] = process.argv.slice(2);
if (!groupId) {
  console.error("usage: node follow.js ORIGIN GROUP_ID");
  process.exit(2);
}
const token = process.env.TOKEN;

let lastEventId;
let posts = new Map();
// Runs steps in order, so that events wait while posts are read. They are newer, or repeat the posts.
let queue = Promise.resolve();
const enqueue = (step) => {
  queue = queue.then(step);
};

const socket = io(`${origin}/groups/${groupId}`, {
  transports: ["websocket"],
  reconnectionDelayMax: 5000,
  // The client calls `auth` for each connection, so it sends the latest id.
  auth: (callback) => callback({ token, last_event_id: lastEventId }),
});

socket.on("connect", () => {
  console.log("connected", lastEventId ? `after ${lastEventId}` : "");
  if (!lastEventId) enqueue(read);
});

socket.on("connect_error", (error) => {
  console.log("not connected:", error.message);
  // The service refused with not_found or unauthenticated. The client retries other errors itself.
  if (!socket.active) process.exit(1);
});

socket.on("disconnect", (reason) => {
  console.log(reason);
  // The user has lost access to the group, or the token has expired.
  if (reason === "io server disconnect") enqueue(() => process.exit(0));
});

socket.onAny((kind, event) => {
  lastEventId = event.event_id;
  enqueue(() => (kind === "resync_required" ? read() : show(kind, event)));
});

function show(kind, { event_id: id, data }) {
  console.log(id, kind, data.body ?? data.id);
  if (kind === "post.deleted") posts.delete(data.id);
  else if (kind.startsWith("post.") && "body" in data) posts.set(data.id, data);
}

// Reads the newest posts, and retries while the service starts.
async function read() {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const url = `${origin}/api/communities/v1/groups/${groupId}/posts`;
  for (;;) {
    const answer = await fetch(url, { headers }).catch(() => null);
    if (answer?.ok) {
      const { items } = await answer.json();
      posts = new Map(items.map((post) => [post.id, post]));
      console.log(["read", ...items.map((post) => post.body)].join("\n  "));
      return;
    }
    if (answer && answer.status !== 503) throw new Error(`${answer.status} ${await answer.text()}`);
    await setTimeout(1000);
  }
}
