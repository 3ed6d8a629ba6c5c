// Live updates: as much of Socket.IO (protocol 5 over Engine.IO 4) as docs/realtime.md needs, by
// websocket alone. One connection carries all namespaces; a lost one comes back by itself, and
// each namespace goes on behind the last event that it has heard.

import { token } from "./session.js";

const PATH = "/socket.io/?EIO=4&transport=websocket";
const FIRST_PAUSE = 500; // milliseconds
const LONGEST_PAUSE = 15_000;
const PATIENCE = 800;

// Engine.IO's packets begin with one digit, Socket.IO's with a second one.
const [OPEN, PING, PONG, MESSAGE] = ["0", "2", "3", "4"];
const [CONNECT, DISCONNECT, EVENT, REFUSED] = ["0", "1", "2", "4"];

class Live extends EventTarget {
  /** idle: nobody listens; lost: it was there, or should be, and is being looked for. */
  state = "idle";
  #socket = null;
  #channels = new Map();
  #attempts = 0;
  #timer = 0;
  #watch = 0;
  #patience = 40_000;

  constructor() {
    super();
    addEventListener("offline", () => this.#lose());
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /**
   * Listens to a namespace until the signal is aborted. `joined` is called when it is heard for
   * the first time, `told(type, event)` for each event, `resync` when some were missed for good,
   * `gone(reason)` when nothing more will come.
   */
  join(namespace, listener, signal) {
    let channel = this.#channels.get(namespace);
    if (!channel) {
      channel = { namespace, listeners: new Set(), isJoined: false, wasJoined: false, last: null };
      this.#channels.set(namespace, channel);
      if (this.state === "live") this.#enter(channel);
    }
    channel.listeners.add(listener);
    if (channel.isJoined) queueMicrotask(() => signal.aborted || listener.joined?.());
    signal.addEventListener("abort", () => this.#leave(channel, listener));
    if (!this.#socket) this.#hurry();
  }

  /** Listens, and waits until what is read from now on misses nothing, though not for ever. */
  async follow(namespace, listener, signal) {
    let isLate = false;
    await new Promise((resolve) => {
      const late = setTimeout(() => { isLate = true; resolve(); }, PATIENCE);
      const settle = () => { clearTimeout(late); resolve(); };
      signal.addEventListener("abort", settle);
      this.join(namespace, {
        ...listener,
        joined: () => (isLate ? listener.resync() : settle()),
        gone: (reason) => { settle(); listener.gone(reason); },
      }, signal);
    });
  }

  /** Forgets everything: somebody else signs in. */
  reset() {
    this.#channels.clear();
    this.#drop();
    this.#become("idle");
  }

  #leave(channel, listener) {
    channel.listeners.delete(listener);
    if (channel.listeners.size || this.#channels.get(channel.namespace) !== channel) return;
    this.#channels.delete(channel.namespace);
    if (channel.isJoined) this.#send(`${MESSAGE}${DISCONNECT}${channel.namespace},`);
  }

  #open() {
    clearTimeout(this.#timer);
    if (this.#socket || !this.#channels.size || !navigator.onLine) return;
    const url = new URL(PATH, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#listen();
    socket.addEventListener("message", (message) => {
      if (socket === this.#socket) this.#hear(message.data);
    });
    socket.addEventListener("close", () => socket === this.#socket && this.#lose());
  }

  #hear(packet) {
    this.#listen();
    if (packet[0] === OPEN) this.#greet(JSON.parse(packet.slice(1)));
    else if (packet[0] === PING) this.#send(PONG);
    else if (packet[0] === MESSAGE) this.#read(packet.slice(1));
  }

  #greet({ pingInterval, pingTimeout }) {
    this.#patience = pingInterval + pingTimeout;
    this.#attempts = 0;
    this.#become("live");
    for (const channel of this.#channels.values()) this.#enter(channel);
  }

  #enter(channel) {
    const auth = {};
    if (token()) auth.token = token();
    if (channel.last) auth.last_event_id = channel.last;
    this.#send(`${MESSAGE}${CONNECT}${channel.namespace},${JSON.stringify(auth)}`);
  }

  #read(packet) {
    const [, kind, namespace, text] = /^(\d)(\/[^,]*)?,?([^]*)$/.exec(packet) ?? [];
    const channel = this.#channels.get(namespace);
    if (!channel) return;
    if (kind === CONNECT) this.#joined(channel);
    else if (kind === EVENT) this.#tell(channel, ...JSON.parse(text));
    else if (kind === REFUSED) this.#end(channel, JSON.parse(text).message);
    else if (kind === DISCONNECT) this.#end(channel, "disconnected");
  }

  #joined(channel) {
    const missed = channel.wasJoined && !channel.last;
    channel.isJoined = true;
    const isFirst = !channel.wasJoined;
    channel.wasJoined = true;
    for (const listener of channel.listeners) {
      if (isFirst) listener.joined?.();
      // Nothing was heard before the break, so there is no place to go on from.
      else if (missed) listener.resync?.();
    }
  }

  #tell(channel, type, event) {
    channel.last = event.event_id;
    for (const listener of [...channel.listeners]) {
      if (type === "resync_required") listener.resync?.();
      else listener.told?.(type, event);
    }
  }

  #end(channel, reason) {
    this.#channels.delete(channel.namespace);
    for (const listener of [...channel.listeners]) listener.gone?.(reason);
  }

  #send(packet) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(packet);
  }

  /** The service pings; a connection on which nothing comes is none. */
  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lose(), this.#patience);
  }

  #drop() {
    clearTimeout(this.#watch);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const channel of this.#channels.values()) channel.isJoined = false;
  }

  #lose() {
    this.#drop();
    if (!this.#channels.size) {
      this.#become("idle");
      return;
    }
    this.#become("lost");
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#attempts);
    this.#attempts += 1;
    // Not all at the same moment, after a restart.
    this.#timer = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2));
  }

  #hurry() {
    if (this.#socket) return;
    this.#attempts = 0;
    this.#open();
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

export const live = new Live();
