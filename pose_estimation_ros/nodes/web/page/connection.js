// The connection to web_view. The page asks for one update at a time, so that a slow viewer skips what is old.

const RETRY_MS = [500, 1000, 2000, 4000];
const TRY_AGAIN_LATER = 1013;

export class Connection {
  // handlers: hello(message), state(state), picture(camera, data), which may return a promise, and status(level, text).
  // watched: returns the names of the cameras that are in sight.
  constructor(handlers, watched) {
    this.handlers = handlers;
    this.watched = watched;
    this.failures = 0;
    this.socket = null;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.followVisibility());
    window.addEventListener("online", () => this.retryNow());
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.coming = []; // cameras whose pictures follow
    this.drawing = Promise.resolve();
    socket.onmessage = (event) => socket === this.socket && this.take(event.data);
    socket.onclose = (event) => socket === this.socket && this.lose(event);
  }

  take(data) {
    if (typeof data !== "string") {
      const camera = this.coming.shift();
      const draw = () => this.handlers.picture(camera, data);
      this.drawing = this.drawing.then(draw, draw);
      if (!this.coming.length) this.askAfterDrawing();
      return;
    }
    const message = JSON.parse(data);
    this.failures = 0;
    if (message.hello) {
      this.handlers.status("ok", "Connected");
      this.handlers.hello(message.hello);
      this.ask();
      return;
    }
    if (message.state) this.handlers.state(message.state);
    this.coming = message.pictures;
    if (!this.coming.length) this.ask();
  }

  askAfterDrawing() {
    const socket = this.socket;
    const next = () => socket === this.socket && this.ask();
    this.drawing.then(next, next);
  }

  // Ask for the next update. It is also called when other cameras come into sight.
  ask() {
    if (this.socket && this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ watch: this.watched() }));
    }
  }

  lose(event) {
    this.socket = null;
    if (document.hidden) return;
    const isFull = event.code === TRY_AGAIN_LATER;
    this.handlers.status("error", isFull ? "Too many viewers, trying again …" : "web_view does not answer, trying again …");
    const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), pause);
  }

  retryNow() {
    if (!this.socket && !document.hidden) this.open();
  }

  // Close the connection of a page that nobody sees, so that no picture is made for it.
  followVisibility() {
    if (document.hidden) {
      const socket = this.socket;
      this.socket = null;
      clearTimeout(this.timer);
      if (socket) socket.close();
      this.handlers.status("", "Paused");
    } else {
      this.retryNow();
    }
  }
}
