/**
 * The cluster, live: the server's event stream, and asking again and again while there is none.
 *
 * Owns the connection and what is known about it. One feed serves all who listen; it is open while somebody does. A server
 * that leaves ends its streams, so the first new attempt comes at once and is silent: the load balancer knows another one.
 */
import type { Cluster } from './api';

/** `live`: changes come by themselves. `asking`: no stream, but servers answer. `away`: they do not. */
export type FeedState = 'connecting' | 'live' | 'asking' | 'away';

export interface News {
  readonly state: FeedState;
  /** The last that is known, however old. */
  readonly cluster: Cluster | null;
  /** When that came, on the page's clock. */
  readonly at: number;
  /** When the stream is tried again; null while it stands or is being tried. */
  readonly retryAt: number | null;
}

/** What of EventSource is used. */
export interface Stream {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  onerror: ((event: Event) => void) | null;
  close(): void;
}

export interface FeedParts {
  open(): Stream;
  load(): Promise<Cluster>;
  now(): number;
}

/** Waits before the first, second, ... attempt after a stream was lost. */
const RETRY_MS = [0, 500, 1000, 2000, 4000] as const;
/** Between two questions without a stream. */
const ASK_MS = 1000;
/** A stream that says nothing for so long is asked about: a cut line is not noticed otherwise. */
const SILENCE_MS = 10_000;
/** Stays open for so long after the last listener, who may only be changing pages. */
const LINGER_MS = 1500;

export class ClusterFeed {
  news: News = { state: 'connecting', cluster: null, at: 0, retryAt: null };
  private readonly listeners = new Set<(news: News) => void>();
  private stream: Stream | null = null;
  private failures = 0;
  /** Each answer belongs to the stream or question of its time; older ones are dropped. */
  private turn = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private ask: ReturnType<typeof setTimeout> | undefined;
  private linger: ReturnType<typeof setTimeout> | undefined;
  private running = false;

  constructor(private readonly parts: FeedParts) {}

  /** Calls back at each news until the answer is called. */
  listen(listener: (news: News) => void): () => void {
    clearTimeout(this.linger);
    this.listeners.add(listener);
    if (!this.running) {
      this.running = true;
      this.tell({ state: 'connecting', retryAt: null });
      this.connect();
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.linger = setTimeout(() => this.stop(), LINGER_MS);
    };
  }

  /** The line may be back: do not wait any longer. */
  hurry(): void {
    if (!this.running || this.news.state === 'live') return;
    this.connect();
  }

  private stop(): void {
    this.running = false;
    this.failures = 0;
    this.drop();
  }

  private drop(): void {
    this.turn += 1;
    clearTimeout(this.retry);
    clearTimeout(this.ask);
    this.stream?.close();
    this.stream = null;
  }

  private connect(): void {
    this.drop();
    const { turn } = this;
    let stream: Stream;
    try {
      stream = this.parts.open();
    } catch {
      this.lost();
      return;
    }
    this.stream = stream;
    const current = () => turn === this.turn;
    stream.onmessage = ({ data }) => {
      if (!current()) return;
      let cluster: Cluster;
      try {
        cluster = JSON.parse(data) as Cluster;
      } catch {
        this.lost();
        return;
      }
      this.failures = 0;
      this.know(cluster, 'live');
      clearTimeout(this.ask);
      this.ask = setTimeout(() => void this.check(turn), SILENCE_MS);
    };
    stream.onerror = () => {
      if (current()) this.lost();
    };
    if (this.news.retryAt !== null) this.tell({ retryAt: null });
    // Until the stream speaks, and beside one that never does.
    this.ask = setTimeout(() => void this.question(turn), ASK_MS);
  }

  private lost(): void {
    this.drop();
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 0;
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), wait);
    if (wait === 0) return;
    this.tell({ retryAt: this.parts.now() + wait });
    void this.question(this.turn);
  }

  /** Asks once, and then again until there is a stream. */
  private async question(turn: number): Promise<void> {
    try {
      const cluster = await this.parts.load();
      if (turn !== this.turn) return;
      this.know(cluster, 'asking');
    } catch {
      if (turn !== this.turn) return;
      this.tell({ state: 'away' });
    }
    this.ask = setTimeout(() => void this.question(turn), ASK_MS);
  }

  /** A silent stream: does anybody answer? Nothing may have changed. */
  private async check(turn: number): Promise<void> {
    try {
      const cluster = await this.parts.load();
      if (turn !== this.turn) return;
      this.know(cluster, 'live');
      this.ask = setTimeout(() => void this.check(turn), SILENCE_MS);
    } catch {
      if (turn === this.turn) this.lost();
    }
  }

  private know(cluster: Cluster, state: FeedState): void {
    this.tell({ cluster, state, at: this.parts.now(), ...(state === 'live' ? { retryAt: null } : {}) });
  }

  private tell(change: Partial<News>): void {
    this.news = { ...this.news, ...change };
    for (const listener of this.listeners) listener(this.news);
  }
}
