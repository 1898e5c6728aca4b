/**
 * One visit to a game, apart from its texts: the session, what drives, draws and sounds it, and the loop over pictures.
 *
 * Owns the order of things within a picture, and what the page tells beside the arena (toasts). Pages read it; `changed` tells
 * them when.
 */
import { Lead, NoLead } from '../game/lead';
import type { Move } from '../game/scene';
import { Stage } from '../game/stage';
import { Session } from '../net/session';
import { openSocket } from '../net/socket';
import type { Hex64 } from '../protocol/bytes';
import { Controls } from './controls';
import { type Marks, Painter } from './draw';
import { GapHistory, PictureMeter } from './game-frames';
import { IDLE, readPads } from './gamepad';
import type { Settings } from './settings';
import { Sound } from './sound';

const TOAST_MS = 5000;
const TOASTS_MAX = 3;
/** Counters for tests follow so often. */
const STATS_MS = 500;

export interface Toast {
  readonly key: number;
  readonly text: string;
  readonly tone: 'plain' | 'won' | 'warn' | 'move';
  readonly until: number;
}

export interface PlayOptions {
  readonly game: Hex64;
  readonly name: string;
  readonly watch: boolean;
  readonly settings: Settings;
  readonly changed: () => void;
}

declare global {
  interface Window {
    /** Counters of the session and of the page, for tests in a browser. */
    tanxStats?: Readonly<Record<string, unknown>>;
  }
}

export class Play {
  readonly session: Session;
  readonly controls: Controls;
  readonly sound: Sound;
  readonly pictures = new PictureMeter();
  readonly gaps = new GapHistory();
  readonly watch: boolean;
  settings: Settings;
  toasts: readonly Toast[] = [];
  /** The last time that a slow reader was spared ticks. */
  skipped: { readonly ticks: number; readonly at: number } | null = null;
  /** The entry point under the mouse. */
  pointed: number | null = null;

  private toastKey = 0;
  private feedKey: number | null = null;
  private chatTick: number | null = null;
  private moveTold = '';
  private noticeAt: number | null = null;
  private before = { skipped: 0, sockets: 0, moves: 0 };
  private untoldMove: Move | null = null;
  private painter: Painter | null = null;
  private statsAt = 0;

  constructor(private readonly options: PlayOptions) {
    this.watch = options.watch;
    this.settings = options.settings;
    this.sound = new Sound(options.settings);
    this.session = new Session(
      { game: options.game, name: options.name, spectate: options.watch, storage: sessionStorage, open: openSocket, stage: stage() },
      () => this.onChange(),
    );
    const { session } = this;
    this.controls = new Controls({
      hold: (keys) => session.hold(keys),
      launch: (entry) => session.launch(entry),
      destruct: () => session.destruct(),
      launchable: () => this.launchable,
    });
  }

  /** The player has no tank, and may launch one. */
  get launchable(): boolean {
    const { self, view, phase } = this.session;
    return self !== null && self.tank === null && phase.type === 'playing' && view?.round.resting !== true;
  }

  set(settings: Settings): void {
    this.settings = settings;
    this.sound.set(settings);
  }

  /** Draws on a canvas in a field of the page until the returned function is called. */
  attach(canvas: HTMLCanvasElement, field: HTMLElement): () => void {
    this.painter = new Painter(canvas);
    let next = 0;
    const draw = (now: number): void => {
      next = requestAnimationFrame(draw);
      this.picture(now, field);
    };
    next = requestAnimationFrame(draw);
    const hide = (): void => {
      this.sound.hide(document.hidden);
      this.pictures.pause();
    };
    document.addEventListener('visibilitychange', hide);
    return () => {
      cancelAnimationFrame(next);
      document.removeEventListener('visibilitychange', hide);
      this.painter = null;
    };
  }

  toast(text: string, tone: Toast['tone'] = 'plain'): void {
    this.toastKey += 1;
    this.toasts = [...this.toasts, { key: this.toastKey, text, tone, until: performance.now() + TOAST_MS }].slice(-TOASTS_MAX);
    this.options.changed();
  }

  /** Lets go of what has been shown long enough. */
  tidy(now: number): void {
    if (this.toasts.some(({ until }) => until <= now)) this.toasts = this.toasts.filter(({ until }) => until > now);
  }

  close(): void {
    this.controls.release();
    this.session.close();
    this.sound.close();
    delete window.tanxStats;
  }

  private picture(now: number, field: HTMLElement): void {
    const { session, painter, settings } = this;
    const { maze, self } = session;
    if (!painter || !maze) return;
    const started = performance.now();
    painter.resize(maze, field.clientWidth, field.clientHeight);
    const scene = session.stage.at(now, self?.id ?? null);
    const happenings = session.stage.happenings();
    if (!this.watch) this.controls.tick(now, scene, maze, navigator.getGamepads ? readPads(navigator.getGamepads()) : IDLE, settings.aimAssist);
    const { launchable } = this;
    const marks: Marks = { launchable, killer: scene.self || this.watch ? null : session.killer, pointed: launchable ? this.pointed : null, destructing: this.controls.destructing(now) };
    painter.paint(now, scene, happenings, marks, settings);
    this.sound.react(happenings, scene, maze);
    for (const happening of happenings) if (happening.type === 'roundStart') this.toast(`Round ${happening.number}: go!`);
    this.gaps.note(now, session.stats?.frames ?? 0, session.frameAt);
    this.pictures.note(now, performance.now() - started);
    if (now - this.statsAt >= STATS_MS) {
      this.statsAt = now;
      this.publish();
    }
  }

  private publish(): void {
    const { pictures, session } = this;
    window.tanxStats = { ...session.stats, fps: pictures.fps, frameWorkMs: pictures.workP95, picturesShown: pictures.shown, droppedFrames: pictures.dropped };
  }

  /** The session has something new: what of it is to be heard, or told beside the arena? */
  private onChange(): void {
    // The session may speak while it is being made.
    if (this.session === undefined) return;
    this.hearFeed();
    this.hearChat();
    this.noteMoves();
    this.noteSkips();
    const { notice } = this.session;
    if (notice && notice.at !== this.noticeAt) {
      this.noticeAt = notice.at;
      this.toast(notice.sentence, 'warn');
    }
    this.options.changed();
  }

  private hearFeed(): void {
    const { feed } = this.session;
    const newest = feed.at(-1)?.key ?? -1;
    if (this.feedKey !== null) {
      for (const { key, what } of feed) {
        if (key <= this.feedKey || what.type !== 'kill') continue;
        if (what.victim.own) this.sound.tell('ownDeath');
        else if (what.by?.own) {
          this.sound.tell('killConfirmed');
          this.toast(`You destroyed ${what.victim.name}`, 'won');
        }
      }
    }
    this.feedKey = Math.max(this.feedKey ?? -1, newest);
  }

  private hearChat(): void {
    const { chat, self, view } = this.session;
    if (!view) return;
    const last = chat.at(-1);
    if (this.chatTick !== null && last && last.tick > this.chatTick && last.what.type === 'said' && last.slot !== self?.slot) this.sound.tell('chat');
    this.chatTick = last?.tick ?? 0;
  }

  private noteMoves(): void {
    const newest = this.session.moves.at(-1);
    if (newest && newest.epoch !== this.moveTold) {
      this.untoldMove = newest;
      this.moveTold = newest.epoch;
    } else if (newest && this.untoldMove) this.untoldMove = newest;
    const move = this.untoldMove;
    // The new server's name comes a moment later than its first frame.
    if (!move || (move.to === '' && performance.now() - move.at < 1500)) return;
    this.untoldMove = null;
    this.sound.tell('moved');
    this.toast(moveSentence(move), 'move');
  }

  private noteSkips(): void {
    const { stats, moves } = this.session;
    if (!stats) return;
    const now = { skipped: stats.ticksSkipped, sockets: stats.sockets, moves: moves.length };
    // Ticks that went by without a connection, or in a crash, say nothing about this device.
    if (now.skipped > this.before.skipped && now.sockets === this.before.sockets && now.moves === this.before.moves) {
      this.skipped = { ticks: now.skipped - this.before.skipped, at: performance.now() };
    }
    this.before = now;
  }
}

export function moveSentence({ kind, to: name, gapMs, rewoundMs }: Move): string {
  const to = name === '' ? 'another server' : name;
  const pause = `pause ${Math.round(gapMs)} ms`;
  if (kind === 'handOver' && rewoundMs === 0) return `Moved to ${to}, ${pause}`;
  return `Taken over by ${to} after a crash, ${pause}${rewoundMs > 0 ? `, rewound by ${Math.round(rewoundMs)} ms` : ''}`;
}

/** `?lead=none` in the address: to measure what aiming ahead is good for. */
function stage(): Stage {
  return new Stage(new URLSearchParams(location.search).get('lead') === 'none' ? new NoLead() : new Lead());
}
