import { describe, expect, it } from 'vitest';
import { quiet, viewOf } from '../testing/worlds';
import { Moves } from './moves';

const E1 = '01935f0012ab7c3d';
const E2 = '01935f009e010b44';

/** Frames on time up to tick 50, at 1,000 milliseconds. */
function watched(): Moves {
  const moves = new Moves();
  moves.shown(null, viewOf(10, { epoch: E1 }), null, true, 200);
  for (let tick = 11; tick <= 50; tick++) moves.shown(viewOf(tick - 1, { epoch: E1 }), viewOf(tick, { epoch: E1 }), quiet(tick), false, 20 * tick);
  return moves;
}

const shown = viewOf(50, { epoch: E1 });
const next = (tick: number) => viewOf(tick, { epoch: E2 });

describe('moves', () => {
  it('are planned where the next frame follows soon, and crashes where it does not', () => {
    const [soon, late, hole, back] = [watched(), watched(), watched(), watched()];
    expect(soon.shown(shown, next(51), quiet(51, { epoch: E2 }), false, 1040)).toBe(true);
    expect(soon.moves).toMatchObject([{ kind: 'handOver', gapMs: 40, rewoundMs: 0 }]);
    late.shown(shown, next(51), quiet(51, { epoch: E2 }), false, 1600);
    expect(late.moves).toMatchObject([{ kind: 'takeOver', gapMs: 600, rewoundMs: 0 }]);
    hole.shown(shown, next(60), null, false, 1300);
    expect(hole.moves).toMatchObject([{ kind: 'takeOver' }]);
    expect(hole.counts.skipped).toBe(9);
    back.shown(shown, next(31), null, false, 1900);
    expect(back.moves).toMatchObject([{ kind: 'takeOver', rewoundMs: 400 }]);
    expect(back.counts).toMatchObject({ rewinds: 1, rewoundMs: 400, takeOvers: 1 });
  });

  it('are planned where frames said so, however long they take', () => {
    const moves = watched();
    moves.shown({ ...shown, moving: true }, next(51), quiet(51, { epoch: E2 }), false, 1600);
    expect(moves.moves).toMatchObject([{ kind: 'handOver' }]);
  });

  it('carry the names of the owners as they become known', () => {
    const moves = watched();
    const host = { type: 'host', ownerBuild: '', ownerRevision: '', edgeName: '', edgeBuild: '', edgeRevision: '' } as const;
    moves.named({ ...host, epoch: E1, ownerName: 'a' });
    moves.shown(shown, next(51), quiet(51, { epoch: E2 }), false, 1020);
    expect(moves.moves).toMatchObject([{ from: 'a', to: '' }]);
    moves.named({ ...host, epoch: E2, ownerName: 'b' });
    expect(moves.moves).toMatchObject([{ from: 'a', to: 'b' }]);
  });

  it('have the longest pause around them', () => {
    const moves = watched();
    moves.shown(viewOf(50, { epoch: E1 }), viewOf(51, { epoch: E1 }), quiet(51), false, 1100);
    moves.shown(viewOf(51, { epoch: E1 }), next(52), quiet(52, { epoch: E2 }), false, 1120);
    expect(moves.moves[0]?.gapMs).toBe(100);
    expect(moves.shown(next(52), next(53), quiet(53), false, 1250)).toBe(true);
    expect(moves.shown(next(53), next(54), quiet(54), false, 1270)).toBe(false);
    expect(moves.lastGapMs).toBe(130);
  });
});
