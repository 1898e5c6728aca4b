/**
 * Taking part in a game, over as many sockets as it takes.
 *
 * Owns when a socket is opened, which one is shown, and what is sent where: reconnects with the player's token, changes
 * sockets before a leaving member is gone (make before break), aims inputs at ticks, and sends them again until they are
 * durable. Invariant: what is shown never goes back to a lower epoch, nor to an earlier tick of the same one.
 */
import { Feed } from '../game/feed';
import { Inputs } from '../game/inputs';
import type { Maze } from '../game/maze';
import type { FeedLine, Move, Standing, Stats } from '../game/scene';
import { type Looker, Stage } from '../game/stage';
import { BLAST, type ChatLine, type Player, type View, reaches } from '../game/view';
import type { Hex64 } from '../protocol/bytes';
import { ACTION, VERSION } from '../protocol/client';
import type { Verdict } from '../protocol/close';
import { type Frame, NOBODY } from '../protocol/frame';
import type { Host, Welcome } from '../protocol/server';
import { Link, type LinkEvents, type Socket } from './link';
import { Moves } from './moves';
import { type Network, browserNetwork } from './network';
import { type TabStorage, forgetIdentity, loadIdentity, saveIdentity } from './token';

/**
 * Pauses before the first, second, .. attempt in a row, in milliseconds; the last one repeats. Dense for a second and a half: where
 * servers have crashed the load balancer sends every other attempt to one of them, or two of three, until it is told, and each
 * of these is refused at once.
 */
const BACKOFF_MS = [0, 50, ...Array<number>(14).fill(100), 500, 1000, 2000];
/** Longest of these pauses after a server that is cut off from the others: another one may well be reached. */
const CUT_OFF_MS = 500;
/** A shorter pause is not told. */
const TOLD_PAUSE_MS = 500;
/** A socket that cannot be shown after so long is given up. */
const OPENING_MS = 8000;
/**
 * One that does not open is given up after so many round trips and what servers take (at least `min`), and another is tried: until
 * the load balancer is told, it leads to dead servers, too. TCP takes a round trip, TLS one or two, and the websocket one. With every
 * such failure in a row it grows by a quarter, so that nobody who is far away is locked out.
 */
const PATIENCE = { trips: 4, serverMs: 200, minMs: 300, growth: 1.25 };
/** The same before a round trip was measured: more than a worker may take to start (see `socket`). */
const PATIENCE_FIRST_MS = 2000;
/** A second socket is tried beside one whose server answers, when that has shown nothing new for so long: it does not find the game. */
const SILENCE_MS = 3000;
/** The same when the network has come back. */
const SILENCE_ONLINE_MS = 250;
/** Fine enough for the least patience, and for the asks of `link`. */
const BEAT_MS = 100;
const PING_EVERY_MS = 1000;
/** The first pings of a socket follow each other faster: until then the lead is a guess. */
const PING_FIRST_MS = 100;
const PINGS_FIRST = 4;
/** A tank cannot be launched nearer to another one than 1.5 u, in units. */
const ENTRY_ZONE = 19_200;

export interface SessionOptions {
  readonly game: Hex64;
  /** Used at a join; a resumed player keeps its name. */
  readonly name: string;
  readonly spectate: boolean;
  readonly storage: TabStorage;
  readonly open: () => Socket;
  /** Default: what the browser says. */
  readonly network?: Network;
  /** The page's clock, in milliseconds; default: `performance.now`. */
  readonly now?: () => number;
  /** Default: one of its own. */
  readonly stage?: Stage;
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
  /** When the newest frame arrived. */
  frameAt: number | null = null;
  /** The last refusal that did not end the session. */
  notice: { readonly sentence: string; readonly at: number } | null = null;
  /** Slot of whoever destroyed the own tank last, until the next launch. */
  killer: number | null = null;
  /** What is drawn: `session.stage.at(now, self)` and `.happenings()`. */
  readonly stage: Stage;
  /** Counters, for tests and the state line. */
  readonly stats: Stats;

  /** The socket that is shown. */
  private active: Link | null = null;
  /** The socket that is to take over. */
  private next: Link | null = null;
  /** The socket that was opened last. */
  private latest: Link | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private readonly beat: ReturnType<typeof setInterval>;
  private readonly stopListening: () => void;
  private attempts = 0;
  /** Sockets in a row that were given up before they opened. */
  private unopened = 0;
  /** The last attempt came to a member that is cut off from the others. */
  private metCutOff = false;
  private nonce = 0;
  private pinged = { at: Number.NEGATIVE_INFINITY, count: 0 };
  private pings = new Map<number, { readonly sentAt: number; readonly lead: number; readonly ahead: number; readonly timeline: number }>();
  private keys = 0;
  private readonly inputs = new Inputs();
  private readonly feeds = new Feed();
  private readonly changes = new Moves();
  private readonly counts = { frames: 0, keyframes: 0, skipped: 0, sockets: 0 };
  private readonly network: Network;
  private readonly now: () => number;

  constructor(
    private readonly options: SessionOptions,
    /** Called when something besides the view has changed: the phase, hosts, a move, the feed, a tank of one's own, a notice. */
    private readonly changed: () => void,
  ) {
    this.now = options.now ?? (() => performance.now());
    this.network = options.network ?? browserNetwork;
    this.stage = options.stage ?? new Stage();
    this.stats = this.countersOf();
    this.beat = setInterval(() => this.onBeat(), BEAT_MS);
    this.stopListening = this.network.listen(() => this.onNetwork());
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

  /** The member that serves this page, or that the last attempt came to, has said that it is cut off from the others. */
  get cutOff(): boolean {
    return (this.active?.cutOff ?? false) || this.metCutOff;
  }

  /** This device has no network, as far as the browser knows. */
  get offline(): boolean {
    return !this.network.online;
  }

  /** Changes of the owner that this page has seen, oldest first; the last ones. */
  get moves(): readonly Move[] {
    return this.changes.moves;
  }

  /** Kills, self-destructs and ends of rounds that stand, oldest first; the last ones. */
  get feed(): readonly FeedLine[] {
    return this.feeds.lines;
  }

  /** The score board, best first, as of the durable tick. */
  get standings(): readonly Standing[] {
    return this.feeds.standings;
  }

  /** The score board shows what a crash could still undo, because the registry is away. */
  get unsaved(): boolean {
    return this.feeds.unsaved;
  }

  /** The game's last chat lines, oldest first. */
  get chat(): readonly ChatLine[] {
    return this.view?.chat ?? [];
  }

  /** May the player launch a tank now? Some entry point may have to become free first. */
  get launchable(): boolean {
    const { self, view } = this;
    if (!self || !view || self.tank || view.round.resting) return false;
    // Who destroyed itself has to wait until that blast is over.
    return !view.blasts.some(({ kind, slot }) => kind === BLAST.destruct && slot === self.slot);
  }

  /** Is no tank in the way at entry point `entry` of the maze? */
  entryFree(entry: number): boolean {
    const at = this.maze?.entries[entry];
    return at !== undefined && !this.view?.players.some(({ tank }) => tank && (tank.x - at.x) ** 2 + (tank.y - at.y) ** 2 < ENTRY_ZONE ** 2);
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
    if (this.self?.tank) this.act(ACTION.destruct);
  }

  /** Asks for another name; what comes of it is seen in the view, or in `notice`. */
  rename(name: string): void {
    this.active?.send({ type: 'rename', name: name.trim() });
  }

  /** Says something to everybody in the game; it comes back in `chat`, or a `notice` does. */
  say(text: string): void {
    this.active?.send({ type: 'chat', text: text.trim() });
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

  /** Notes what the player does; `anyway`: even if the world has these keys already. */
  private act(action: number, anyway = false): void {
    const { self, view, stage } = this;
    // Without a socket only the level counts: the first frame after the resume brings it.
    if (!self || !view || !this.active) return;
    const now = this.now();
    if (this.inputs.act(this.keys, action, self, stage.aim(now), anyway)) {
      const looker = this.looker();
      if (looker) stage.pressed(looker, now);
    }
    this.flush(now);
  }

  /** Sends what is due on every socket that has a world: while two overlap, nothing in flight is lost. */
  private flush(now: number): void {
    const due = this.inputs.due(now);
    if (due.length === 0) return;
    this.active?.sendInputs(due);
    this.next?.sendInputs(due);
  }

  private looker(): Looker | null {
    const { maze, welcome } = this;
    return maze && { maze, id: this.options.spectate ? null : (welcome?.player ?? null), waiting: this.inputs.waiting };
  }

  private open(): void {
    if (this.next || this.phase.type === 'ended') return;
    this.clearRetry();
    const { game, spectate, storage } = this.options;
    const identity = spectate ? null : loadIdentity(storage, game);
    const session = (identity?.session ?? 0) + 1;
    if (identity) saveIdentity(storage, game, { ...identity, session });
    const floor = this.view && { epoch: this.view.epoch, tick: this.view.tick };
    const name = this.self?.name ?? this.options.name;
    const hello = { version: VERSION, game, spectate, name, session, token: identity?.token ?? null, floor };
    this.attempts += 1;
    this.counts.sockets += 1;
    if (this.phase.type === 'waiting') this.enter({ type: 'connecting' });
    this.next = new Link(this.options.open(), hello, this.events, this.now);
    this.latest = this.next;
  }

  /** Opens a socket soon, later with every attempt in a row. */
  private openLater(sentence: string): void {
    if (this.retry !== null || this.next || this.phase.type === 'ended') return;
    const longest = this.metCutOff ? CUT_OFF_MS : Number.POSITIVE_INFINITY;
    const base = Math.min(BACKOFF_MS[Math.min(this.attempts, BACKOFF_MS.length - 1)] as number, longest);
    // Spread, so that all players of a lost member do not come back in one moment.
    const pause = base * (0.75 + Math.random() / 2);
    const why = this.offline ? 'This device is offline.' : sentence;
    if (!this.active) {
      const told = pause >= TOLD_PAUSE_MS || this.offline;
      this.enter(told ? { type: 'waiting', sentence: why, retryAt: this.now() + pause, attempt: this.attempts + 1 } : { type: 'connecting' });
    }
    this.retry = setTimeout(() => {
      this.retry = null;
      this.open();
    }, pause);
  }

  private readonly events: LinkEvents = {
    welcome: (link) => this.onWelcome(link),
    host: (link) => {
      if (link === this.active) this.showHost(link.host);
      this.changed();
    },
    keyframe: (link, at) => this.onWorld(link, null, null, at),
    frame: (link, frame, before, at) => this.onWorld(link, frame, before, at),
    pong: (link, nonce, slack) => this.onPong(link, nonce, slack),
    expect: (_link, seq) => {
      this.inputs.expect(seq);
      this.flush(this.now());
    },
    goAway: (link) => {
      if (link === this.active) this.open();
      this.changed();
    },
    skipped: (link, ticks) => {
      if (link === this.active) this.counts.skipped += ticks;
    },
    notice: (_link, sentence) => {
      this.notice = { sentence, at: this.now() };
      this.changed();
    },
    closed: (link, why) => this.onClosed(link, why),
  };

  private onWelcome(link: Link): void {
    const { welcome } = link;
    const { game, spectate, storage } = this.options;
    if (!welcome || spectate) return;
    // A new token may come while a newer socket is on its way.
    const session = Math.max(welcome.session, loadIdentity(storage, game)?.session ?? 0);
    saveIdentity(storage, game, { token: welcome.token, session });
  }

  private showHost(host: Host | null): void {
    this.host = host;
    if (host) this.changes.named(host);
  }

  private onWorld(link: Link, frame: Frame | null, before: View | null, at: number): void {
    const { view } = link;
    if (!view) return;
    // A keyframe may be some ticks behind what is shown; the frames after it catch up.
    if (this.view && !reaches(view, this.view)) return;
    if (link === this.active) {
      // An answer to whether anybody is there leads up to what is shown, which is no news.
      if (!this.view || !reaches(this.view, view)) this.show(view, frame, before, false, at);
    }
    // A socket takes over when frames flow on it, or at once where there is no other.
    else if (link === this.next && (this.active === null || link.frames > 0)) this.promote(link, frame, before, at);
  }

  private promote(link: Link, frame: Frame | null, before: View | null, at: number): void {
    this.active?.drop();
    this.active = link;
    this.next = null;
    this.attempts = 0;
    this.unopened = 0;
    this.metCutOff = false;
    this.pings.clear();
    // The first frames of a socket come in one burst: only after it the clock knows when ticks are due.
    this.pinged = { at: this.now(), count: 0 };
    this.stage.lead.restart();
    this.welcome = link.welcome;
    this.maze = link.maze;
    this.showHost(link.host);
    const { view: shown } = this;
    if (link.view) this.show(link.view, frame, before, true, at);
    // A session takes effect with its first input; until then a tank whose socket broke stands.
    if (shown) this.act(ACTION.none, true);
    this.enter({ type: 'playing' });
    if (link.leaving) {
      this.attempts = 1;
      this.openLater('');
    }
  }

  private show(view: View, came: Frame | null, before: View | null, resumed: boolean, at: number): void {
    const shown = this.view;
    // A frame may lead on from what is shown: then nothing that happened in it is lost. Otherwise what is shown is left.
    const follows = shown !== null && before !== null && before.epoch === shown.epoch && before.tick === shown.tick;
    const frame = follows ? came : null;
    const now = this.now();
    const { self: player, feed, killer } = this;
    const moves = this.changes.shown(shown, view, frame, resumed, at);
    this.view = view;
    this.frameAt = at;
    const { self } = this;
    if (frame) {
      this.counts.frames += 1;
      if (this.inputs.progress(self, view) > 0) this.stage.lead.missed();
    } else {
      this.counts.keyframes += 1;
      this.inputs.restart(self, view, view.tick + 1 + Math.ceil(this.stage.lead.ms / 20));
    }
    const looker = this.looker();
    if (looker) this.stage.add(view, frame, looker, at, now);
    if (frame && before) {
      this.feeds.note(frame, before, view, self?.id ?? null);
      if (frame.events.length > 0) this.noteKiller(frame, self);
    } else this.feeds.restart(view, self?.id ?? null);
    this.act(ACTION.none);
    if (now - this.pinged.at >= (this.pinged.count < PINGS_FIRST ? PING_FIRST_MS : PING_EVERY_MS)) this.ping(now);
    const tankChanged = (player?.tank ?? null) === null !== ((self?.tank ?? null) === null) || shown?.round.resting !== view.round.resting;
    if (moves || tankChanged || feed !== this.feed || killer !== this.killer || shown?.chat !== view.chat) this.changed();
  }

  private noteKiller({ events }: Frame, self: Player | null): void {
    for (const event of events) {
      if (event.type === 'launch' && event.slot === self?.slot) this.killer = null;
      if (event.type === 'kill' && event.slot === self?.slot) this.killer = event.by === NOBODY || event.by === self.slot ? null : event.by;
    }
  }

  private onClosed(link: Link, why: Verdict): void {
    this.metCutOff = why.cutOff;
    if (link === this.next) {
      this.next = null;
      // While the other socket lives, its own end decides.
      if (this.active) {
        if (this.active.leaving) this.openLater(why.sentence);
        this.changed();
        return;
      }
    } else {
      this.active = null;
      if (this.next || this.retry !== null || link !== this.latest) {
        // Replaced by a newer one, also if that was given up, or gone before it has brought frames. Whatever else it was, the next is told.
        this.enter({ type: 'connecting' });
        this.openLater(why.sentence);
        return;
      }
    }
    if (why.forgetToken) forgetIdentity(this.options.storage, this.options.game);
    if (why.retry) this.openLater(why.sentence);
    else this.end(why.sentence);
  }

  private ping(now: number): void {
    const { active, stage } = this;
    if (!active) return;
    const tick = stage.aim(now);
    this.nonce = (this.nonce + 1) % 2 ** 32;
    if (this.pings.size > 10) this.pings.clear();
    this.pings.set(this.nonce, { sentAt: now, lead: stage.lead.ms, ahead: stage.ahead(now), timeline: stage.timeline });
    this.pinged = { at: now, count: this.pinged.count + 1 };
    active.ping(this.nonce, tick);
  }

  private onPong(link: Link, nonce: number, slack: number): void {
    const ping = this.pings.get(nonce);
    if (link !== this.active || ping === undefined) return;
    this.pings.delete(nonce);
    const now = this.now();
    this.pingMs = now - ping.sentAt;
    if (ping.timeline === this.stage.timeline) this.stage.ponged(ping.lead, ping.ahead, slack, now);
  }

  private onBeat(): void {
    const now = this.now();
    // Frames set the pace of pings, unless there are none.
    if (now - this.pinged.at >= PING_EVERY_MS) this.ping(now);
    const { active, next } = this;
    if (next && now - next.openedAt > (next.opened ? OPENING_MS : this.patience)) {
      if (!next.opened) this.unopened += 1;
      next.fail('The server does not answer.');
    }
    // Servers that have heard of a newer socket take this one for the older: then it is replaced, even if it has woken up.
    if (active && (active.silent(now) || now - (this.frameAt ?? now) > SILENCE_MS || active !== this.latest) && this.retry === null) {
      if (this.attempts === 0) this.open();
      else this.openLater('');
    }
    this.flush(now);
  }

  /** How long a socket may take to open, in milliseconds. */
  private get patience(): number {
    const { trips, serverMs, minMs, growth } = PATIENCE;
    const first = this.pingMs === null ? PATIENCE_FIRST_MS : Math.max(minMs, trips * this.pingMs + serverMs);
    return Math.min(first * growth ** this.unopened, OPENING_MS);
  }

  /** The network came or went. When it comes back there is no reason to wait any longer. */
  private onNetwork(): void {
    const silent = this.now() - (this.frameAt ?? Number.NEGATIVE_INFINITY);
    if (this.network.online && this.phase.type !== 'ended' && (!this.active || silent > SILENCE_ONLINE_MS)) {
      this.clearRetry();
      this.attempts = 0;
      // One that was opened without a network would take its time to notice.
      const { next } = this;
      this.next = null;
      next?.drop();
      this.open();
    }
    this.changed();
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.changed();
  }

  private end(sentence: string): void {
    this.clearRetry();
    clearInterval(this.beat);
    this.stopListening();
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

  private countersOf(): Stats {
    const { stage, inputs, counts, changes } = this;
    const session = this;
    return {
      get tick() {
        return session.view?.tick ?? 0;
      },
      get durable() {
        return session.view?.durable ?? 0;
      },
      get frames() {
        return counts.frames;
      },
      get framesLate() {
        return stage.framesLate;
      },
      get ticksSkipped() {
        return counts.skipped + changes.counts.skipped;
      },
      get keyframes() {
        return counts.keyframes;
      },
      get sockets() {
        return counts.sockets;
      },
      get handOvers() {
        return changes.counts.handOvers;
      },
      get takeOvers() {
        return changes.counts.takeOvers;
      },
      get rewinds() {
        return changes.counts.rewinds;
      },
      get rewoundMs() {
        return changes.counts.rewoundMs;
      },
      get lastGapMs() {
        return changes.lastGapMs;
      },
      get predicted() {
        return stage.counts.predicted;
      },
      get mispredicted() {
        return stage.counts.mispredicted;
      },
      get jumps() {
        return stage.counts.jumps;
      },
      get shotsPredicted() {
        return stage.shotCounts.predicted;
      },
      get shotsFaded() {
        return stage.shotCounts.vanished;
      },
      get inputs() {
        return inputs.counts.noted;
      },
      get inputsResent() {
        return inputs.counts.resent;
      },
      get inputsLate() {
        return inputs.counts.late;
      },
      get pingMs() {
        return session.pingMs;
      },
      get leadMs() {
        return stage.lead.ms;
      },
      get marginMs() {
        return stage.lead.margin;
      },
      get jitterMs() {
        return stage.clock.jitter;
      },
      get delayMs() {
        return stage.clock.behind;
      },
    };
  }
}
