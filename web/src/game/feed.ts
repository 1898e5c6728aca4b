/**
 * What counts, shown when it stands: kills, ends of rounds and scores.
 *
 * Owns the lines of the feed and the score board. Until a tick is durable a crash may undo it, so its lines and scores
 * wait; while the registry is away nothing becomes durable, and they are shown at once, marked as unsaved.
 */
import type { Frame } from '../protocol/frame';
import type { FeedLine, Named, Standing } from './scene';
import type { Player, View } from './view';

/** Lines that stand. */
const LINES = 30;

interface Score {
  readonly score: number;
  readonly deaths: number;
  readonly wins: number;
}

/** Scores from a tick on. */
interface Scores {
  readonly tick: number;
  readonly of: ReadonlyMap<string, Score>;
}

type Draft = Omit<FeedLine, 'unsaved'>;

export class Feed {
  /** All lines that may still count, by rising tick. */
  private noted: readonly Draft[] = [];
  /** The newest that stands for the durable tick comes first. */
  private scores: readonly Scores[] = [];
  private keys = 0;
  private view: View | null = null;
  private self: string | null = null;
  private rankedFor: View | null = null;
  private ranking: readonly Standing[] = [];

  /** The lines that are shown, oldest first. */
  lines: readonly FeedLine[] = [];

  /** A frame led from `before` to `view`. */
  note(frame: Frame, before: View, view: View, self: string | null): void {
    let counts = false;
    for (const event of frame.events) {
      const what = told(event, before, view, self);
      if (what) this.noted = [...this.noted, { key: this.keys++, tick: view.tick, what }];
      if (what || event.type === 'roundStart' || event.type === 'join' || event.type === 'leave') counts = true;
    }
    if (counts) this.scores = [...this.scores, scoresOf(view)];
    this.show(view, self);
  }

  /** A whole world: what it does not follow from never was, and its scores are all that is known. */
  restart(view: View, self: string | null): void {
    this.noted = this.noted.filter(({ tick }) => tick <= view.tick);
    this.scores = [...this.scores.filter(({ tick }) => tick < view.tick), scoresOf(view)];
    // Scores of ticks before it may be unknown: then these stand for them.
    if (this.scores.length === 1) this.scores = [{ ...scoresOf(view), tick: 0 }];
    this.show(view, self);
  }

  /** The score board, best first. */
  get standings(): readonly Standing[] {
    // Worked out when it is looked at, once for each tick.
    const { view, self } = this;
    if (view && view !== this.rankedFor) {
      this.rankedFor = view;
      this.ranking = ranked(view.players, this.standing(view), self);
    }
    return this.ranking;
  }

  /** The scores shown could still be undone. */
  get unsaved(): boolean {
    const { view } = this;
    return view !== null && (this.standing(view)?.tick ?? 0) > view.durable;
  }

  private show(view: View, self: string | null): void {
    this.view = view;
    this.self = self;
    while (this.scores.length > 1 && (this.scores[1] as Scores).tick <= view.durable) this.scores = this.scores.slice(1);
    if (this.noted.length === 0 && this.lines.length === 0) return;
    const stands = standsAt(view);
    const drafts = this.noted.filter(({ tick }) => tick <= stands).slice(-LINES);
    this.noted = [...drafts, ...this.noted.filter(({ tick }) => tick > stands)];
    // The same lines stay the same list, so that a page sees cheaply that nothing has changed.
    const same = drafts.length === this.lines.length && drafts.every(({ key, tick }, i) => key === this.lines[i]?.key && tick > view.durable === this.lines[i]?.unsaved);
    if (!same) this.lines = drafts.map((draft) => ({ ...draft, unsaved: draft.tick > view.durable }));
  }

  private standing(view: View): Scores | undefined {
    return this.scores.findLast(({ tick }) => tick <= standsAt(view)) ?? this.scores[0];
  }
}

/** What is shown of a world: what cannot be undone, or all while nothing can be saved. */
function standsAt(view: View): number {
  return view.registryAway ? view.tick : view.durable;
}

function told(event: Frame['events'][number], before: View, view: View, self: string | null): FeedLine['what'] | null {
  const named = (slot: number): Named | null => {
    const player = view.players.find((of) => of.slot === slot) ?? before.players.find((of) => of.slot === slot);
    return player ? { slot, name: player.name, own: player.id === self } : null;
  };
  switch (event.type) {
    case 'kill': {
      const victim = named(event.slot);
      return victim && { type: 'kill', victim, by: named(event.by) };
    }
    case 'destruct': {
      const victim = named(event.slot);
      return victim && { type: 'destruct', victim };
    }
    case 'roundOver':
      return { type: 'roundOver', winner: named(event.winner), kills: before.players.find(({ slot }) => slot === event.winner)?.score ?? 0 };
    default:
      return null;
  }
}

function scoresOf({ tick, players }: View): Scores {
  return { tick, of: new Map(players.map(({ id, score, deaths, wins }) => [id, { score, deaths, wins }])) };
}

const NOTHING: Score = { score: 0, deaths: 0, wins: 0 };

function ranked(players: readonly Player[], scores: Scores | undefined, self: string | null): Standing[] {
  return players
    .map(({ id, slot, name, bot, connected, tank }): Standing => {
      const { score, deaths, wins } = scores?.of.get(id) ?? NOTHING;
      return { id, slot, name, bot, own: id === self, connected, alive: tank !== null, score, deaths, wins };
    })
    .sort((a, b) => b.score - a.score || a.deaths - b.deaths || a.slot - b.slot);
}
