/** The round: its clock, and the score board after its end. */
import type { FeedLine, SceneRound, Standing } from '../game/scene';
import { slotColour } from './colours';
import { Scores } from './hud-scores';

/** So many seconds before its end the clock warns. */
const SOON = 15;

export function RoundClock({ round }: { round: SceneRound }) {
  const { number, resting, left } = round;
  const soon = left !== null && !resting && left <= SOON;
  return (
    <p class={`clock${soon ? ' soon' : ''}`}>
      <span>{resting ? 'Next round' : `Round ${number}`}</span>
      {left !== null && (
        <strong class="number" role="timer" aria-label={resting ? 'Until the next round' : 'Left of this round'}>
          {clock(left)}
        </strong>
      )}
    </p>
  );
}

function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** Who has won the round that is over, while everybody rests. */
export function RoundOver({ round, standings, feed }: { round: SceneRound; standings: readonly Standing[]; feed: readonly FeedLine[] }) {
  if (!round.resting) return null;
  // It may not be durable yet, or have been before this visit: then the board stands without the word.
  const last = feed.findLast(({ what }) => what.type === 'roundOver')?.what;
  const over = last?.type === 'roundOver' ? last : null;
  const winner = over?.winner ?? null;
  return (
    <section class="round-over" aria-label="The round is over">
      <p class="quiet">Round {round.number} is over</p>
      <h2 style={{ '--slot': winner ? slotColour(winner.slot) : undefined }}>
        {!over && 'Scores'}
        {over && !winner && 'Nobody wins'}
        {winner && (winner.own ? 'You win' : `${winner.name} wins`)}
        {over && winner && <span class="quiet"> with {over.kills === 1 ? '1 kill' : `${over.kills} kills`}</span>}
      </h2>
      <Scores standings={standings} caption="Scores of the round" />
      {round.left !== null && (
        <p>
          Next round in <strong class="number">{Math.max(0, Math.ceil(round.left))} s</strong>
        </p>
      )}
    </section>
  );
}
