/**
 * Owns the page's websockets, so that the arrival of a message is noted when it arrives and not when the page, which
 * draws, finds time for it. Decodes nothing.
 */
import type { FromWorker, ToWorker } from './socket';

/** What of a worker's global scope is used. */
interface Scope {
  onmessage: ((event: { data: ToWorker }) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as Scope;
const sockets = new Map<number, WebSocket>();

scope.onmessage = ({ data: order }) => {
  switch (order.type) {
    case 'open':
      open(order.id, order.url);
      break;
    case 'send': {
      const socket = sockets.get(order.id);
      if (socket?.readyState === WebSocket.OPEN) socket.send(order.data);
      break;
    }
    case 'close':
      sockets.get(order.id)?.close(order.code);
      break;
  }
};

function open(id: number, url: string): void {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  sockets.set(id, socket);
  socket.onopen = () => scope.postMessage({ type: 'open', id });
  socket.onmessage = ({ data }) => {
    // Two clocks count from different moments.
    const at = performance.timeOrigin + performance.now();
    scope.postMessage({ type: 'message', id, data, at }, data instanceof ArrayBuffer ? [data] : []);
  };
  socket.onclose = ({ code, reason }) => {
    sockets.delete(id);
    scope.postMessage({ type: 'close', id, code, reason });
  };
}

scope.postMessage({ type: 'ready' });
