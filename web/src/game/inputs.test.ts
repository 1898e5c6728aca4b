import { describe, expect, it } from 'vitest';
import { ACTION, KEY } from '../protocol/client';
import { Inputs } from './inputs';
import type { Player, View } from './view';

const player = (lastSeq: number, keys = 0): Player => ({
  id: '0000000000000001',
  slot: 0,
  name: 'Ada',
  bot: false,
  connected: true,
  score: 0,
  deaths: 0,
  wins: 0,
  lastSeq,
  keys,
  tank: null,
});

const view = (tick: number, durable: number): View => ({
  epoch: '0000000000000001',
  tick,
  durable,
  rules: 1,
  moving: false,
  registryAway: false,
  players: [],
  missiles: [],
  blasts: [],
  items: [],
  round: { number: 1, resting: false, ends: 0 },
  chat: [],
});

const seqs = (inputs: Inputs, now: number) => inputs.due(now).map(({ seq }) => seq);

describe('inputs', () => {
  it('are noted on a change of keys or an action, and only then', () => {
    const inputs = new Inputs();
    expect(inputs.act(0, ACTION.none, player(0), 11)).toBe(false);
    expect(inputs.due(0)).toEqual([]);
    expect(inputs.act(KEY.forward, ACTION.none, player(0), 11)).toBe(true);
    expect(inputs.act(KEY.forward, ACTION.none, player(0), 12)).toBe(false);
    expect(inputs.act(KEY.forward, ACTION.launchAny, player(0), 12)).toBe(true);
    expect(inputs.due(0)).toEqual([
      { seq: 1, forTick: 11, keys: KEY.forward, action: ACTION.none },
      { seq: 2, forTick: 12, keys: KEY.forward, action: ACTION.launchAny },
    ]);
  });

  it('are kept until their tick is durable', () => {
    const inputs = new Inputs();
    inputs.act(KEY.left, ACTION.none, player(0), 10);
    inputs.due(0);
    inputs.progress(player(1), view(12, 5));
    expect(inputs.count).toBe(1);
    inputs.progress(player(1), view(20, 11));
    expect(inputs.count).toBe(1);
    inputs.progress(player(1), view(21, 12));
    expect(inputs.count).toBe(0);
  });

  it('are noted even without a change where a session must take effect', () => {
    const inputs = new Inputs();
    expect(inputs.act(0, ACTION.none, player(0), 11, true)).toBe(true);
    expect(seqs(inputs, 0)).toEqual([1]);
  });

  it('never aim before the one ahead of them', () => {
    const inputs = new Inputs();
    inputs.act(KEY.left, ACTION.none, player(0), 15);
    inputs.act(KEY.right, ACTION.none, player(0), 12);
    expect(inputs.waiting.map(({ forTick }) => forTick)).toEqual([15, 15]);
  });

  it('are counted where they come later than they aimed at', () => {
    const inputs = new Inputs();
    inputs.act(KEY.left, ACTION.none, player(0), 15);
    inputs.act(KEY.right, ACTION.none, player(0), 17);
    expect(inputs.progress(player(2), view(16, 5))).toBe(1);
    expect(inputs.counts.late).toBe(1);
  });

  it('are sent at once, repeated after 20 ms, and then less often until a frame shows them', () => {
    const inputs = new Inputs();
    inputs.act(KEY.left, ACTION.none, player(0), 11);
    expect(seqs(inputs, 0)).toEqual([1]);
    expect(seqs(inputs, 19)).toEqual([]);
    expect(seqs(inputs, 20)).toEqual([1]);
    expect(seqs(inputs, 269)).toEqual([]);
    expect(seqs(inputs, 270)).toEqual([1]);
    expect(inputs.counts.resent).toBe(2);
    inputs.progress(player(1), view(12, 5));
    expect(seqs(inputs, 9999)).toEqual([]);
  });

  it('that a crash has taken back are sent again under their numbers', () => {
    const inputs = new Inputs();
    for (const keys of [1, 2, 4]) inputs.act(keys, ACTION.none, player(0), 60);
    inputs.due(0);
    inputs.progress(player(3), view(12, 5));
    inputs.restart(player(1), view(11, 11), 14);
    expect(inputs.waiting.map(({ seq, forTick }) => [seq, forTick])).toEqual([
      [2, 14],
      [3, 14],
    ]);
    expect(seqs(inputs, 1)).toEqual([2, 3]);
  });

  it('follow the number that the server expects', () => {
    const inputs = new Inputs();
    for (const keys of [1, 2, 4]) inputs.act(keys, ACTION.none, player(0), 10);
    inputs.due(0);
    inputs.expect(2);
    expect(seqs(inputs, 1)).toEqual([2, 3]);
    inputs.expect(9);
    inputs.act(8, ACTION.none, player(8, 0), 20);
    expect(seqs(inputs, 2).at(-1)).toBe(9);
  });

  it('of a page that was loaded anew go on behind those of its earlier life', () => {
    const inputs = new Inputs();
    inputs.restart(player(57, KEY.forward), view(100, 90), 101);
    inputs.act(0, ACTION.none, player(57, KEY.forward), 100);
    expect(seqs(inputs, 0)).toEqual([58]);
  });

  it('are renumbered when the server never had the earlier ones', () => {
    const inputs = new Inputs();
    inputs.restart(player(57), view(100, 90), 101);
    inputs.act(1, ACTION.none, player(57), 100);
    inputs.restart(null, view(90, 90), 91);
    expect(seqs(inputs, 0)).toEqual([1]);
  });
});
