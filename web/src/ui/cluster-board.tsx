/**
 * The town: a house for each server, with its games inside, which move from house to house as it happens.
 *
 * Owns what is drawn and when it is set in motion. Before each change it remembers where everything was seen; after it, what
 * has another place flies or slides there.
 */
import { Component, createRef } from 'preact';
import { type House, type Town, counted, crowd, freshMove, noticed, shortMemberName, shortTime, townOf } from './cluster-facts';
import { FLIGHT_MS, type Place, STAGGER_MS, clearTrails, fly, isFlying, placeIn, seenIn, slide } from './cluster-flight';
import { type SeenGame, type Story, causeOf } from './cluster-story';
import { revisionColour } from './colours';
import { Places } from './lobby-game';
import { NamedMaze } from './maze-preview';
import { Revision } from './revision';
import { gameHref } from './route';

interface Props {
  readonly story: Story;
  readonly now: number;
}

interface Seen {
  readonly place: Place;
  readonly seen: Place;
  /** The house that a game is in. */
  readonly house: string;
}

type Snapshot = ReadonlyMap<string, Seen>;

export class Board extends Component<Props> {
  private readonly board = createRef<HTMLDivElement>();
  private readonly trails = createRef<SVGSVGElement>();

  override shouldComponentUpdate(next: Props): boolean {
    return next.story !== this.props.story || next.now !== this.props.now;
  }

  override getSnapshotBeforeUpdate(): Snapshot {
    return this.look();
  }

  override componentDidUpdate(_: Props, __: unknown, before: Snapshot): void {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.move(before);
  }

  private look(): Snapshot {
    const board = this.board.current;
    const seen = new Map<string, Seen>();
    for (const element of board?.querySelectorAll<HTMLElement>('[data-moves]') ?? []) {
      const around = element.parentElement?.closest<HTMLElement>('[data-moves]');
      if (!board) break;
      // A game's place is one in its house: when the house slides, it goes along.
      seen.set(element.dataset.moves ?? '', { place: placeIn(element, around ?? board), seen: seenIn(element, board), house: around?.dataset.moves ?? '' });
    }
    return seen;
  }

  private move(before: Snapshot): void {
    const board = this.board.current;
    if (!board) return;
    const after = this.look();
    const drifts = new Map<string, { x: number; y: number }>();
    let flights = 0;
    const moved = (key: string): boolean => {
      const [was, is] = [before.get(key)?.place, after.get(key)?.place];
      return was !== undefined && is !== undefined && Math.hypot(was.x - is.x, was.y - is.y) >= 1;
    };
    // Trails lead from house to house: where those were when they were left.
    if ([...after].some(([key, { house }]) => house === '' && moved(key))) clearTrails(this.trails.current);
    // Houses come before the games in them.
    for (const element of board.querySelectorAll<HTMLElement>('[data-moves]')) {
      const key = element.dataset.moves ?? '';
      const [was, is] = [before.get(key), after.get(key)];
      if (!was || !is) continue;
      if (was.house !== is.house) {
        const drift = drifts.get(is.house) ?? { x: 0, y: 0 };
        fly(element, was.seen, placeIn(element, board), drift, STAGGER_MS * flights, this.trails.current, getComputedStyle(element).getPropertyValue('--revision'));
        flights += 1;
        continue;
      }
      const [dx, dy] = [was.place.x - is.place.x, was.place.y - is.place.y];
      if (Math.abs(dx) < 1 && Math.abs(dy) < 1) continue;
      if (is.house === '') drifts.set(key, { x: dx, y: dy });
      // What is in the air stays there, and lands where its place is by then.
      if (!isFlying(element)) slide(element, dx, dy);
    }
  }

  override render({ story, now }: Props) {
    const town = townOf(story, now);
    return (
      <div class={`town ${density(town)}`} ref={this.board}>
        <ul class="houses" aria-label="Servers, and the games in each">
          {town.houses.map((house) => (
            <HouseBox key={house.member.id} house={house} story={story} now={now} />
          ))}
        </ul>
        {town.homeless.length > 0 && (
          <section class="homeless" data-moves="homeless">
            <h2>Waiting for a server</h2>
            <Tiles games={town.homeless} story={story} now={now} />
          </section>
        )}
        {town.stopped.length > 0 && (
          <section class="homeless">
            <h2>Stopped: failed again and again</h2>
            <Tiles games={town.stopped} story={story} now={now} />
          </section>
        )}
        <svg class="trails" ref={this.trails} aria-hidden="true" />
      </div>
    );
  }
}

/** How much room there is for each game. */
function density({ houses }: Town): string {
  const fullest = Math.max(0, ...houses.map(({ games }) => games.length));
  if (fullest <= 4 && houses.length <= 8) return 'roomy';
  return fullest <= 12 ? 'compact' : 'crowded';
}

const STATES: Record<string, string> = { joining: 'joining', ready: 'ready', draining: 'leaving' };

function HouseBox({ house: { member, left, games }, story, now }: { house: House; story: Story; now: number }) {
  const state = left ? 'left' : member.state;
  const said = left ? (member.state === 'draining' ? 'left' : 'vanished') : (STATES[member.state] ?? member.state);
  const here = !left && member.id === story.cluster.me;
  return (
    <li class={`house ${state}`} style={{ '--revision': revisionColour(member.revision) }} data-moves={member.id} {...(left ? {} : { 'data-member': member.id })}>
      <svg class="roof" viewBox="0 0 200 44" preserveAspectRatio="none" aria-hidden="true">
        <path d="M0 44 L100 3 L200 44 Z" />
      </svg>
      <div class="walls">
        <h2>
          {member.name}
          <span class={`state ${left ? 'left' : member.state}`}>{said}</span>
        </h2>
        <p class="about">
          <Revision revision={member.revision} />
          {here && <span class="quiet">serves this page</span>}
        </p>
        <p class="about quiet">
          {counted(games.length, 'game')} · {member.players.toLocaleString('en')} connected
        </p>
        <Tiles games={games} story={story} now={now} />
      </div>
    </li>
  );
}

function Tiles({ games, story, now }: { games: readonly SeenGame[]; story: Story; now: number }) {
  return (
    <ul class="tiles">
      {games.map((game) => (
        <Tile key={game.id} game={game} story={story} now={now} />
      ))}
    </ul>
  );
}

function Tile({ game, story, now }: { game: SeenGame; story: Story; now: number }) {
  const move = freshMove(story, game.id, now);
  return (
    <li class={move ? `tile moved ${causeOf(move)}` : 'tile'} data-moves={`game ${game.id}`} style={move ? { '--landing': `${FLIGHT_MS}ms` } : undefined}>
      <NamedMaze name={game.maze} />
      <div>
        <a href={gameHref(game.id, true)} aria-label={`Watch ${game.name}`} title={`Watch ${game.name}: ${crowd(game)}, maze ${game.maze}`}>
          {game.name}
        </a>
        <Places players={game.players} bots={game.bots} slots={Math.max(game.players + game.bots, 1)} />
        <span class="hidden">{crowd(game)}</span>
        {move ? (
          <span class="came" title={noticed(move.pause_us / 1000)}>
            <span class="from">from {shortMemberName(story, move.from)}</span>
            <span>
              <strong>{shortTime(move.pause_us / 1000)}</strong>
              <span class="word"> pause</span>
            </span>
          </span>
        ) : (
          <span class="watch" aria-hidden="true">
            watch
          </span>
        )}
      </div>
    </li>
  );
}
