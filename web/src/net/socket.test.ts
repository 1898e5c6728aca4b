import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Socket } from './link';
import { type FromWorker, Sockets, type Thread, type ToWorker } from './socket';

class FakeThread implements Thread {
  onmessage: ((event: { data: FromWorker }) => void) | null = null;
  onerror: ((event: { preventDefault(): void }) => void) | null = null;
  readonly orders: ToWorker[] = [];
  over = false;

  postMessage(order: ToWorker): void {
    this.orders.push(order);
  }

  terminate(): void {
    this.over = true;
  }

  say(data: FromWorker): void {
    this.onmessage?.({ data });
  }
}

class FakeSocket implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown; at?: number }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Uint8Array[] = [];

  send(data: Uint8Array): void {
    this.sent.push(data);
  }

  close(): void {}
}

const ORIGIN = 1_700_000_000_000;

let thread: FakeThread;
let direct: FakeSocket[];
let heard: [string, unknown, unknown?][];

function connect(sockets: Sockets): Socket {
  const socket = sockets.connect('ws://there/play');
  socket.onopen = () => heard.push(['open', null]);
  socket.onmessage = ({ data, at }) => heard.push(['message', data, at]);
  socket.onclose = ({ code }) => heard.push(['close', code]);
  return socket;
}

const sockets = (start: () => Thread = () => thread) =>
  new Sockets(
    start,
    () => {
      direct.push(new FakeSocket());
      return direct.at(-1) as Socket;
    },
    () => 5000,
    ORIGIN,
  );

beforeEach(() => {
  vi.useFakeTimers();
  thread = new FakeThread();
  direct = [];
  heard = [];
});

afterEach(() => {
  vi.useRealTimers();
});

describe('sockets', () => {
  it('live in the worker, which says when messages arrived', () => {
    const socket = connect(sockets());
    expect(thread.orders).toEqual([{ type: 'open', id: 0, url: 'ws://there/play' }]);
    thread.say({ type: 'ready' });
    thread.say({ type: 'open', id: 0 });
    socket.send(Uint8Array.of(7));
    thread.say({ type: 'message', id: 0, data: 'x', at: ORIGIN + 4990 });
    socket.close(1000);
    thread.say({ type: 'close', id: 0, code: 1000, reason: '' });
    expect(thread.orders.slice(1)).toEqual([{ type: 'send', id: 0, data: Uint8Array.of(7) }, { type: 'close', id: 0, code: 1000 }]);
    expect(heard).toEqual([['open', null], ['message', 'x', 4990], ['close', 1000]]);
    vi.advanceTimersByTime(10_000);
    expect(thread.over).toBe(false);
  });

  it('do not believe a stamp that cannot be right', () => {
    connect(sockets());
    for (const at of [ORIGIN - 60_000, ORIGIN + 5001, ORIGIN + 90_000]) thread.say({ type: 'message', id: 0, data: '', at });
    expect(heard.map(([, , at]) => at)).toEqual([5000, 5000, 5000]);
  });

  it('are told apart', () => {
    const all = sockets();
    connect(all);
    connect(all);
    thread.say({ type: 'close', id: 0, code: 4000, reason: '' });
    thread.say({ type: 'close', id: 1, code: 4001, reason: '' });
    expect(heard).toEqual([['close', 4000], ['close', 4001]]);
  });

  it.each([
    ['fails to load', () => thread.onerror?.({ preventDefault: () => {} })],
    ['does not answer', () => vi.advanceTimersByTime(2000)],
  ])('live in the page where the worker %s', (_, fails) => {
    const all = sockets();
    const socket = connect(all);
    fails();
    expect(thread.over).toBe(true);
    direct[0]?.onopen?.();
    socket.send(Uint8Array.of(7));
    expect(direct[0]?.sent).toEqual([Uint8Array.of(7)]);
    direct[0]?.onmessage?.({ data: 'x' });
    connect(all);
    expect(direct).toHaveLength(2);
    expect(heard).toEqual([['open', null], ['message', 'x', undefined]]);
  });

  it('live in the page where there are no workers', () => {
    connect(
      sockets(() => {
        throw new Error('no workers here');
      }),
    );
    expect(direct).toHaveLength(1);
  });

  it('have broken where the worker breaks later', () => {
    connect(sockets());
    thread.say({ type: 'ready' });
    thread.onerror?.({ preventDefault: () => {} });
    expect(heard).toEqual([['close', 1006]]);
  });
});
