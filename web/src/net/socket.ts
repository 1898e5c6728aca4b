/**
 * Websockets that live in a worker, where there are workers, and in the page, where there are none.
 *
 * Owns the worker and the messages to and from it. All sockets of a page share one worker.
 */
import type { Socket } from './link';

export type ToWorker =
  | { readonly type: 'open'; readonly id: number; readonly url: string }
  | { readonly type: 'send'; readonly id: number; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: 'close'; readonly id: number; readonly code: number | undefined };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'open'; readonly id: number }
  /** `at`: milliseconds since 1970, from the worker's monotonic clock. */
  | { readonly type: 'message'; readonly id: number; readonly data: unknown; readonly at: number }
  | { readonly type: 'close'; readonly id: number; readonly code: number; readonly reason: string };

/** What of a Worker is used. */
export interface Thread {
  onmessage: ((event: { data: FromWorker }) => void) | null;
  onerror: ((event: { preventDefault(): void }) => void) | null;
  postMessage(message: ToWorker): void;
  terminate(): void;
}

/** A worker that is not there after so long, in milliseconds, is done without. */
const READY_MS = 1500;
/** A stamp that differs from the page's own by more cannot be right: the clocks have been set apart. */
const APART_MS = 2000;

/** Sockets of one page. */
export class Sockets {
  private thread: Thread | null = null;
  private ready = false;
  private failed = false;
  private ids = 0;
  private readonly open = new Map<number, Relayed>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    /** Starts the worker; throws where there are none. */
    private readonly start: () => Thread,
    private readonly direct: (url: string) => Socket,
    /** The page's clock, and when it began, in milliseconds since 1970. */
    private readonly now: () => number,
    private readonly origin: number,
  ) {}

  connect(url: string): Socket {
    const thread = this.worker();
    if (!thread) return this.direct(url);
    const socket = new Relayed(url, (order) => thread.postMessage(order), this.ids++);
    this.open.set(socket.id, socket);
    thread.postMessage({ type: 'open', id: socket.id, url });
    return socket;
  }

  private worker(): Thread | null {
    if (this.thread || this.failed) return this.thread;
    try {
      this.thread = this.start();
    } catch {
      this.failed = true;
      return null;
    }
    this.thread.onmessage = ({ data }) => this.receive(data);
    this.thread.onerror = (event) => {
      event.preventDefault();
      this.fail();
    };
    this.timer = setTimeout(() => this.fail(), READY_MS);
    return this.thread;
  }

  /** The worker cannot be used: its sockets are opened anew in the page. */
  private fail(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.failed = true;
    this.thread?.terminate();
    this.thread = null;
    for (const socket of this.open.values()) {
      // One that was in use has broken.
      if (this.ready) socket.onclose?.({ code: 1006, reason: '' });
      else socket.adopt(this.direct(socket.url));
    }
    this.open.clear();
  }

  private receive(message: FromWorker): void {
    if (message.type === 'ready') {
      this.ready = true;
      if (this.timer !== null) clearTimeout(this.timer);
      return;
    }
    const socket = this.open.get(message.id);
    switch (message.type) {
      case 'open':
        socket?.onopen?.();
        break;
      case 'message': {
        const now = this.now();
        const at = message.at - this.origin;
        socket?.onmessage?.({ data: message.data, at: Math.abs(now - at) > APART_MS ? now : Math.min(now, at) });
        break;
      }
      case 'close':
        this.open.delete(message.id);
        socket?.onclose?.({ code: message.code, reason: message.reason });
        break;
    }
  }
}

/** A socket in the worker. */
class Relayed implements Socket {
  binaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown; at?: number }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  private instead: Socket | null = null;

  constructor(
    readonly url: string,
    private readonly order: (order: ToWorker) => void,
    readonly id: number,
  ) {}

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.instead) this.instead.send(data);
    else this.order({ type: 'send', id: this.id, data });
  }

  close(code?: number): void {
    if (this.instead) this.instead.close(code);
    else this.order({ type: 'close', id: this.id, code });
  }

  /** Goes on as another socket, which is not open yet. */
  adopt(socket: Socket): void {
    this.instead = socket;
    socket.binaryType = this.binaryType;
    socket.onopen = () => this.onopen?.();
    socket.onmessage = (event) => this.onmessage?.({ data: event.data });
    socket.onclose = (event) => this.onclose?.(event);
  }
}

let sockets: Sockets | null = null;

/** A websocket to where this page comes from. */
export function openSocket(): Socket {
  sockets ??= new Sockets(
    () => new Worker(new URL('./socket.worker.ts', import.meta.url), { type: 'module' }) as Thread,
    direct,
    () => performance.now(),
    performance.timeOrigin,
  );
  return sockets.connect(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/play`);
}

/** As the worker's: what is sent after the end is dropped, without a complaint of the browser's. */
function direct(url: string): Socket {
  const socket = new WebSocket(url);
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    if (socket.readyState === WebSocket.OPEN) send(data);
  };
  return socket as Socket;
}
