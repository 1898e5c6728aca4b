/**
 * Taking part in a game, over as many sockets as it takes.
 *
 * Owns when a socket is opened, which one is shown, and what is sent where: reconnects with the player's token, changes
 * sockets before a leaving member is gone (make before break), and sends inputs again until they are durable.
 * Invariant: what is shown never goes back to a lower epoch, nor to an earlier tick of the same one.
 */
import { Inputs } from '../game/inputs';
import type { FeedLine, Move, Standing, Stats } from '../game/scene';
import { Stage } from '../game/stage';
import { type ChatLine, type Player, type View, reaches } from '../game/view';
import type { Hex64 } from '../protocol/bytes';
import { ACTION, VERSION } from '../protocol/client';
import type { Verdict } from '../protocol/close';
import type { Frame } from '../protocol/frame';
import type { Host, Welcome } from '../protocol/server';
import type { Maze } from '../game/maze';
import { Link, type LinkEvents, type Socket } from './link';
import { type TabStorage, forgetIdentity, loadIdentity, saveIdentity } from './token';

/** Pauses before the first, second, .. attempt in a row, in milliseconds; the last one repeats. */
const BACKOFF_MS = [0, 250, 500, 1000, 2000, 4000];
/** A socket that cannot be shown after so long is given up. */
const OPENING_MS = 8000;
/** A second socket is tried beside the first when that has shown nothing new for so long. */
const SILENCE_MS = 3000;
const PING_EVERY_MS = 1000;
/** Changes of the owner that are remembered for the page. */
const MOVES_KEPT = 20;

export interface SessionOptions {
  readonly game: Hex64;
  /** Used at a join; a resumed player keeps its name. */
  readonly name: string;
  readonly spectate: boolean;
  readonly storage: TabStorage;
  readonly open: () => Socket;
}

/** What the session is doing: `waiting` tries again by itself, `ended` does not. */
export type Phase =
  | { readonly type: 'connecting' }
  | { readonly type: 'playing' }
  | { readonly type: 'waiting'; readonly sentence: string; readonly retryAt: number; readonly attempt: number }
  | { readonly type: 'ended'; readonly sentence: string };

export class Session {
  phase: Phase = { type: 'connecting' };
  /** The newest world, from the socket that is shown. Stays while that socket is replaced. */
  view: View | null = null;
  welcome: Welcome | null = null;
  host: Host | null = null;
  maze: Maze | null = null;
  /** Last measured round trip to whoever runs the game. */
  pingMs: number | null = null;
  /** When the newest frame was shown. */
  frameAt: number | null = null;
  /** Changes of the owner that this page has seen, oldest first; the last ones. */
  moves: readonly Move[] = [];
  /** The last refusal that did not end the session. */
  notice: { readonly sentence: string; readonly at: number } | null = null;
  /** Slot of whoever destroyed the own tank last, until the next launch. */
  killer: number | null = null;
  /** What is drawn: `session.stage.at(now, self)` and `.happenings()`. */
  readonly stage = new Stage();

  /** The socket that is shown. */
  private active: Link | null = null;
  /** The socket that is to take over. */
  private next: Link | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private readonly beat: ReturnType<typeof setInterval>;
  private attempts = 0;
  private nonce = 0;
  private beats = 0;
  private pings = new Map<number, number>();
  private keys = 0;
  private readonly inputs = new Inputs();

  constructor(
    private readonly options: SessionOptions,
    /** Called when something besides the view has changed: the phase, hosts, a move, the feed, chat, a notice. */
    private readonly changed: () => void,
  ) {
    this.beat = setInterval(() => this.onBeat(), PING_EVERY_MS / 2);
    this.open();
  }

  /** The player that this page plays, once the world has it. */
  get self(): Player | null {
    return this.view?.players.find(({ id }) => id === this.welcome?.player) ?? null;
  }

  /** The member that serves this page has said that it is leaving, and its successor is not found yet. */
  get leaving(): boolean {
    return this.active?.leaving ?? false;
  }

  /** These keys are held now. */
  hold(keys: number): void {
    this.keys = keys;
    this.act(ACTION.none);
  }

  /** Launches a tank, from entry point `entry` of the maze or from any. */
  launch(entry: number | null): void {
    this.act(entry === null ? ACTION.launchAny : ACTION.launchFrom + entry);
  }

  /** Destroys the own tank. */
  destruct(): void {
    this.act(ACTION.destruct);
  }

  /** Asks for another name; what comes of it is seen in the view, or in `notice`. */
  rename(name: string): void {
    this.active?.send({ type: 'rename', name });
  }

  /** Says something to everybody in the game; it comes back in `chat`, or a `notice` does. */
  say(text: string): void {
    this.active?.send({ type: 'chat', text });
  }

  /** The game's last chat lines, oldest first. */
  get chat(): readonly ChatLine[] {
    return this.view?.chat ?? [];
  }

  /** Kills, self-destructs and ends of rounds that stand, oldest first; the last ones. */
  get feed(): readonly FeedLine[] {
    return [];
  }

  /** The score board, best first, as of the durable tick. */
  get standings(): readonly Standing[] {
    return [];
  }

  get stats(): Stats | null {
    return null;
  }

  /** The browser says that there is no network. */
  get offline(): boolean {
    return false;
  }

  /** Leaves the game for good. */
  leave(): void {
    this.active?.leave();
    forgetIdentity(this.options.storage, this.options.game);
    this.end('You have left the game.');
  }

  /** Stops without leaving: the token stays. */
  close(): void {
    this.end('');
  }

  private act(action: number): void {
    const { self, view } = this;
    // Without a socket only the level counts: the first frame after the resume brings it.
    if (!self || !view || !this.active) return;
    this.inputs.act(this.keys, action, self, view.tick);
    this.flush();
  }

  /** Sends what is due on every socket that has a world: while two overlap, nothing in flight is lost. */
  private flush(): void {
    const due = this.inputs.due(performance.now());
    if (due.length === 0) return;
    this.active?.sendInputs(due);
    this.next?.sendInputs(due);
  }

  private open(): void {
    if (this.next || this.phase.type === 'ended') return;
    this.clearRetry();
    const { game, spectate, name, storage } = this.options;
    const identity = spectate ? null : loadIdentity(storage, game);
    const session = (identity?.session ?? 0) + 1;
    if (identity) saveIdentity(storage, game, { ...identity, session });
    const floor = this.view && { epoch: this.view.epoch, tick: this.view.tick };
    const hello = { version: VERSION, game, spectate, name, session, token: identity?.token ?? null, floor };
    this.attempts += 1;
    if (this.phase.type === 'waiting') this.enter({ type: 'connecting' });
    this.next = new Link(this.options.open(), hello, this.events);
  }

  /** Opens a socket soon, later with every attempt in a row. */
  private openLater(sentence: string): void {
    if (this.retry !== null || this.next || this.phase.type === 'ended') return;
    const base = BACKOFF_MS[Math.min(this.attempts, BACKOFF_MS.length - 1)] as number;
    // Spread, so that all players of a lost member do not come back in one moment.
    const pause = base * (0.75 + Math.random() / 2);
    if (!this.active) this.enter({ type: 'waiting', sentence, retryAt: performance.now() + pause, attempt: this.attempts + 1 });
    this.retry = setTimeout(() => {
      this.retry = null;
      this.open();
    }, pause);
  }

  private readonly events: LinkEvents = {
    welcome: (link) => this.onWelcome(link),
    host: (link) => {
      if (link === this.active) this.host = link.host;
      this.changed();
    },
    keyframe: (link) => this.onWorld(link, null, null),
    frame: (link, frame, before) => this.onWorld(link, frame, before),
    pong: (link, nonce) => this.onPong(link, nonce),
    expect: (_link, seq) => {
      this.inputs.expect(seq);
      this.flush();
    },
    goAway: (link) => {
      if (link === this.active) this.open();
      this.changed();
    },
    closed: (link, why) => this.onClosed(link, why),
  };

  private onWelcome(link: Link): void {
    const { welcome } = link;
    const { game, spectate, storage } = this.options;
    if (welcome && !spectate) saveIdentity(storage, game, { token: welcome.token, session: welcome.session });
  }

  private onWorld(link: Link, frame: Frame | null, before: View | null): void {
    const { view } = link;
    if (!view) return;
    // A keyframe may be some ticks behind what is shown; the frames after it catch up.
    if (this.view && !reaches(view, this.view)) return;
    if (link === this.active) this.show(view, frame, before);
    // A socket takes over when frames flow on it, or at once where there is no other.
    else if (link === this.next && (this.active === null || link.frames > 0)) this.promote(link);
  }

  private promote(link: Link): void {
    this.active?.drop();
    this.active = link;
    this.next = null;
    this.attempts = 0;
    this.pings.clear();
    this.welcome = link.welcome;
    this.host = link.host;
    this.maze = link.maze;
    if (link.view) this.show(link.view, null, null);
    this.enter({ type: 'playing' });
    if (link.leaving) {
      this.attempts = 1;
      this.openLater('');
    }
  }

  private show(view: View, frame: Frame | null, before: View | null): void {
    const shown = this.view;
    const now = performance.now();
    if (shown && view.epoch !== shown.epoch) {
      const rewound = Math.max(0, shown.tick + 1 - view.tick);
      const change: Move = { epoch: view.epoch, tick: view.tick, kind: rewound > 0 ? 'takeOver' : 'handOver', gapMs: now - (this.frameAt ?? now), rewoundMs: rewound * 20, at: now };
      this.moves = [...this.moves, change].slice(-MOVES_KEPT);
    }
    this.view = view;
    this.frameAt = now;
    if (frame) this.inputs.progress(this.self, view);
    else this.inputs.restart(this.self, view);
    this.stage.add(view, frame, frame ? before : shown, now);
    this.act(ACTION.none);
    this.flush();
  }

  private onClosed(link: Link, why: Verdict): void {
    if (link === this.next) {
      this.next = null;
      // While the other socket lives, its own end decides.
      if (this.active) {
        if (this.active.leaving) this.openLater(why.sentence);
        return;
      }
    } else {
      this.active = null;
      if (this.next) {
        // Replaced by it, or gone before it has brought frames: it is on its way.
        this.enter({ type: 'connecting' });
        return;
      }
    }
    if (why.forgetToken) forgetIdentity(this.options.storage, this.options.game);
    if (why.retry) this.openLater(why.sentence);
    else this.end(why.sentence);
  }

  private onPong(link: Link, nonce: number): void {
    const sent = this.pings.get(nonce);
    if (link !== this.active || sent === undefined) return;
    this.pings.clear();
    this.pingMs = performance.now() - sent;
    this.changed();
  }

  private onBeat(): void {
    const now = performance.now();
    this.beats += 1;
    if (this.active && this.beats % 2 === 0) {
      this.nonce = (this.nonce + 1) % 2 ** 32;
      if (this.pings.size > 10) this.pings.clear();
      this.pings.set(this.nonce, now);
      this.active.ping(this.nonce);
    }
    if (this.next && now - this.next.openedAt > OPENING_MS) this.next.fail('The server does not answer.');
    if (this.active && now - (this.frameAt ?? now) > SILENCE_MS && this.retry === null) {
      if (this.attempts === 0) this.open();
      else this.openLater('');
    }
    this.flush();
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.changed();
  }

  private end(sentence: string): void {
    this.clearRetry();
    clearInterval(this.beat);
    this.active?.drop();
    this.next?.drop();
    this.active = null;
    this.next = null;
    this.enter({ type: 'ended', sentence });
  }

  private clearRetry(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
  }
}
