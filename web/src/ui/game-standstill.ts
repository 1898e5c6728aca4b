/**
 * Why the game does not go on, if it does not, and what happens next.
 *
 * Owns the sentences. Whoever sees a picture that stands still always gets one of them.
 */
import type { Move } from '../game/scene';
import type { Phase } from '../net/session';

/** Without a frame for so long the page says so. */
const SILENCE_MS = 250;
/** From then on it sounds more serious. */
const LONG_SILENCE_MS = 2500;
/** How long something that is over is still explained. */
const EXPLAINED_MS = 4000;

/** What it is read from. */
export interface Facts {
  readonly phase: Phase;
  /** There has been a world to show. */
  readonly seen: boolean;
  /** When the newest frame came. */
  readonly frameAt: number | null;
  readonly offline: boolean;
  /** The member that serves the page is leaving. */
  readonly leaving: boolean;
  /** The member that serves the page, or that it tried last, is cut off from the others. */
  readonly cutOff: boolean;
  /** The game is about to move. */
  readonly moving: boolean;
  readonly lastMove: Move | undefined;
  /** The last time that ticks were skipped, and how many. */
  readonly skipped: { readonly ticks: number; readonly at: number } | null;
}

export interface Standstill {
  /** `ended`: somebody has to do something. `stopped`: it goes on by itself. `passing`: it goes on already. */
  readonly kind: 'ended' | 'stopped' | 'passing';
  readonly title: string;
  readonly why: string;
  readonly next: string;
  /** How long it has lasted, or takes until what comes next: for eyes only, it changes all the time. */
  readonly time: string;
}

export function standstill(facts: Facts, now: number): Standstill | null {
  const { phase, seen, offline, cutOff } = facts;
  switch (phase.type) {
    case 'ended':
      return { kind: 'ended', title: 'Stopped', why: phase.sentence, next: 'This page does not try again by itself.', time: '' };
    case 'waiting': {
      if (offline) return OFFLINE;
      if (cutOff) return serverCutOff(seen);
      const seconds = Math.ceil((phase.retryAt - now) / 1000);
      return { kind: 'stopped', title: 'Not connected', why: phase.sentence, next: `Attempt ${phase.attempt} follows.`, time: seconds > 0 ? `in ${seconds} s` : 'now' };
    }
    case 'connecting':
      if (offline) return OFFLINE;
      if (cutOff) return serverCutOff(seen);
      return seen
        ? { kind: 'stopped', title: 'Connecting again', why: 'The connection is gone; your place in the game is kept for a minute.', next: 'The game goes on here as soon as a server answers.', time: '' }
        : { kind: 'stopped', title: 'Connecting', why: 'Asking a server for the game.', next: '', time: '' };
    case 'playing':
      return silent(facts, now) ?? past(facts, now);
  }
}

const OFFLINE: Standstill = {
  kind: 'stopped',
  title: 'Offline',
  why: 'This device has no network. The game goes on without you; your place is kept for a minute.',
  next: 'The page connects as soon as the network is back.',
  time: '',
};

function serverCutOff(seen: boolean): Standstill {
  return {
    kind: 'stopped',
    title: 'Server cut off',
    why: 'The server that this page reaches is cut off from the others, and has no news of the game.',
    next: `The page tries to reach another one all the time${seen ? '; your place in the game is kept for a minute' : ''}.`,
    time: '',
  };
}

function silent({ frameAt, leaving, cutOff, moving, offline }: Facts, now: number): Standstill | null {
  const silence = now - (frameAt ?? now);
  if (silence <= SILENCE_MS) return null;
  const time = `${(silence / 1000).toFixed(1)} s`;
  if (offline) return OFFLINE;
  if (cutOff) return { ...serverCutOff(true), time };
  if (leaving) return { kind: 'stopped', title: 'Changing servers', why: 'The server that you are connected to is leaving.', next: 'Another one takes over; you stay in the game.', time };
  if (moving) return { kind: 'stopped', title: 'The game is moving', why: 'Another server takes the game over.', next: 'It goes on exactly where it stopped.', time };
  return {
    kind: 'stopped',
    title: 'No news from the game',
    why: 'The server that runs the game says nothing.',
    next: silence < LONG_SILENCE_MS ? 'It goes on as soon as it answers.' : 'If it has crashed, another server takes over within seconds; at most a second of play is lost.',
    time,
  };
}

function past({ lastMove, skipped }: Facts, now: number): Standstill | null {
  if (lastMove && lastMove.rewoundMs > 0 && now - lastMove.at < EXPLAINED_MS) {
    return {
      kind: 'passing',
      title: `Rewound by ${Math.round(lastMove.rewoundMs)} ms`,
      why: 'The server that ran the game crashed, and another one has taken over.',
      next: 'What you did since then is sent again.',
      time: '',
    };
  }
  if (skipped && now - skipped.at < EXPLAINED_MS) {
    return {
      kind: 'passing',
      title: 'Too slow',
      why: `Your connection or device did not keep up: ${skipped.ticks === 1 ? '1 tick was' : `${skipped.ticks} ticks were`} skipped.`,
      next: 'Fewer effects (in the settings) may help.',
      time: '',
    };
  }
  return null;
}
