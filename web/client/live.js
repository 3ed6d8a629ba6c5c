// Live updates: the part of Socket.IO (protocol 5 over Engine.IO 4) that docs/realtime.md needs, by websocket.
// One connection carries all namespaces. After a reconnect each namespace resumes after its last received event.

import { token } from "./session.js";

const PATH = "/socket.io/?EIO=4&transport=websocket";
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;
const JOIN_TIMEOUT_MS = 800;
const CONNECT_TIMEOUT_MS = 40_000;

// An Engine.IO packet begins with one digit, a Socket.IO packet with a second one.
const [OPEN, PING, PONG, MESSAGE] = ["0", "2", "3", "4"];
const [CONNECT, DISCONNECT, EVENT, CONNECT_ERROR] = ["0", "1", "2", "4"];

class Live extends EventTarget {
  /** State of the connection: "idle" (without subscribers), "connected" or "reconnecting". */
  state = "idle";
  #socket = null;
  #channels = new Map();
  #attempts = 0;
  #reconnectTimer = 0;
  #heartbeatTimer = 0;
  #heartbeatTimeoutMs = CONNECT_TIMEOUT_MS;

  constructor() {
    super();
    addEventListener("offline", () => this.#onConnectionLost());
    addEventListener("online", () => this.#reconnectNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#reconnectNow());
  }

  /**
   * Subscribes to a namespace until the signal is aborted. Calls of the subscriber:
   *
   * - `onJoin` after the namespace is joined for the first time,
   * - `onEvent(type, event)` for each event,
   * - `onResync` after missed events were lost permanently,
   * - `onEnd(reason)` after the service ended the subscription.
   */
  join(namespace, subscriber, signal) {
    let channel = this.#channels.get(namespace);
    if (!channel) {
      channel = { namespace, subscribers: new Set(), isJoined: false, wasJoined: false, lastEventId: null };
      this.#channels.set(namespace, channel);
      if (this.state === "connected") this.#requestJoin(channel);
    }
    channel.subscribers.add(subscriber);
    if (channel.isJoined) queueMicrotask(() => signal.aborted || subscriber.onJoin?.());
    signal.addEventListener("abort", () => this.#leave(channel, subscriber));
    if (!this.#socket) this.#reconnectNow();
  }

  /** Subscribes, and waits until the namespace is joined, so that a later read misses no event. Stops waiting after a timeout. */
  async follow(namespace, subscriber, signal) {
    let isLate = false;
    await new Promise((resolve) => {
      const timer = setTimeout(() => { isLate = true; resolve(); }, JOIN_TIMEOUT_MS);
      const settle = () => { clearTimeout(timer); resolve(); };
      signal.addEventListener("abort", settle);
      this.join(namespace, {
        ...subscriber,
        onJoin: () => (isLate ? subscriber.onResync() : settle()),
        onEnd: (reason) => { settle(); subscriber.onEnd(reason); },
      }, signal);
    });
  }

  /** Drops the connection and all subscriptions before another user signs in. */
  reset() {
    this.#channels.clear();
    this.#closeSocket();
    this.#setState("idle");
  }

  #leave(channel, subscriber) {
    channel.subscribers.delete(subscriber);
    if (channel.subscribers.size || this.#channels.get(channel.namespace) !== channel) return;
    this.#channels.delete(channel.namespace);
    if (channel.isJoined) this.#send(`${MESSAGE}${DISCONNECT}${channel.namespace},`);
  }

  #openSocket() {
    clearTimeout(this.#reconnectTimer);
    if (this.#socket || !this.#channels.size || !navigator.onLine) return;
    const url = new URL(PATH, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#restartHeartbeatTimer();
    socket.addEventListener("message", (message) => {
      if (socket === this.#socket) this.#receive(message.data);
    });
    socket.addEventListener("close", () => socket === this.#socket && this.#onConnectionLost());
  }

  #receive(packet) {
    this.#restartHeartbeatTimer();
    if (packet[0] === OPEN) this.#onOpen(JSON.parse(packet.slice(1)));
    else if (packet[0] === PING) this.#send(PONG);
    else if (packet[0] === MESSAGE) this.#onMessage(packet.slice(1));
  }

  #onOpen({ pingInterval, pingTimeout }) {
    this.#heartbeatTimeoutMs = pingInterval + pingTimeout;
    this.#attempts = 0;
    this.#setState("connected");
    for (const channel of this.#channels.values()) this.#requestJoin(channel);
  }

  #requestJoin(channel) {
    const auth = {};
    if (token()) auth.token = token();
    if (channel.lastEventId) auth.last_event_id = channel.lastEventId;
    this.#send(`${MESSAGE}${CONNECT}${channel.namespace},${JSON.stringify(auth)}`);
  }

  #onMessage(packet) {
    const [, type, namespace, payload] = /^(\d)(\/[^,]*)?,?([^]*)$/.exec(packet) ?? [];
    const channel = this.#channels.get(namespace);
    if (!channel) return;
    if (type === CONNECT) this.#onJoined(channel);
    else if (type === EVENT) this.#onEvent(channel, ...JSON.parse(payload));
    else if (type === CONNECT_ERROR) this.#onEnd(channel, JSON.parse(payload).message);
    else if (type === DISCONNECT) this.#onEnd(channel, "disconnected");
  }

  #onJoined(channel) {
    const isFirst = !channel.wasJoined;
    // Without a received event there is no id to resume after.
    const hasLostEvents = channel.wasJoined && !channel.lastEventId;
    channel.isJoined = true;
    channel.wasJoined = true;
    for (const subscriber of channel.subscribers) {
      if (isFirst) subscriber.onJoin?.();
      else if (hasLostEvents) subscriber.onResync?.();
    }
  }

  #onEvent(channel, type, event) {
    channel.lastEventId = event.event_id;
    for (const subscriber of [...channel.subscribers]) {
      if (type === "resync_required") subscriber.onResync?.();
      else subscriber.onEvent?.(type, event);
    }
  }

  #onEnd(channel, reason) {
    this.#channels.delete(channel.namespace);
    for (const subscriber of [...channel.subscribers]) subscriber.onEnd?.(reason);
  }

  #send(packet) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(packet);
  }

  /** Restarts the timer that treats a connection without heartbeats as lost. The service sends the pings. */
  #restartHeartbeatTimer() {
    clearTimeout(this.#heartbeatTimer);
    this.#heartbeatTimer = setTimeout(() => this.#onConnectionLost(), this.#heartbeatTimeoutMs);
  }

  #closeSocket() {
    clearTimeout(this.#heartbeatTimer);
    clearTimeout(this.#reconnectTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const channel of this.#channels.values()) channel.isJoined = false;
  }

  #onConnectionLost() {
    this.#closeSocket();
    if (!this.#channels.size) {
      this.#setState("idle");
      return;
    }
    this.#setState("reconnecting");
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // The jitter spreads reconnects after a restart of the service.
    this.#reconnectTimer = setTimeout(() => this.#openSocket(), backoffMs * (0.5 + Math.random() / 2));
  }

  #reconnectNow() {
    if (this.#socket) return;
    this.#attempts = 0;
    this.#openSocket();
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

export const live = new Live();
