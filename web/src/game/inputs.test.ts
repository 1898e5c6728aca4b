import { describe, expect, it } from 'vitest';
import { ACTION, KEY } from '../protocol/client';
import { Inputs } from './inputs';
import type { Player, View } from './view';

const player = (lastSeq: number, keys = 0): Player => ({
  id: '0000000000000001',
  slot: 0,
  name: 'Ada',
  connected: true,
  score: 0,
  deaths: 0,
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
});

const seqs = (inputs: Inputs, now: number) => inputs.due(now).map(({ seq }) => seq);

describe('inputs', () => {
  it('are noted on a change of keys or an action, and only then', () => {
    const inputs = new Inputs();
    inputs.act(0, ACTION.none, player(0), 10);
    expect(inputs.due(0)).toEqual([]);
    inputs.act(KEY.forward, ACTION.none, player(0), 10);
    inputs.act(KEY.forward, ACTION.none, player(0), 11);
    inputs.act(KEY.forward, ACTION.launchAny, player(0), 11);
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

  it('are sent once, and again when no frame shows them for a while', () => {
    const inputs = new Inputs();
    inputs.act(KEY.left, ACTION.none, player(0), 10);
    expect(seqs(inputs, 0)).toEqual([1]);
    expect(seqs(inputs, 100)).toEqual([]);
    expect(seqs(inputs, 250)).toEqual([1]);
    inputs.progress(player(1), view(12, 5));
    expect(seqs(inputs, 9999)).toEqual([]);
  });

  it('that a crash has taken back are sent again under their numbers', () => {
    const inputs = new Inputs();
    for (const keys of [1, 2, 4]) inputs.act(keys, ACTION.none, player(0), 10);
    inputs.due(0);
    inputs.progress(player(3), view(12, 5));
    inputs.restart(player(1), view(11, 11));
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
    inputs.restart(player(57, KEY.forward), view(100, 90));
    inputs.act(0, ACTION.none, player(57, KEY.forward), 100);
    expect(seqs(inputs, 0)).toEqual([58]);
  });

  it('are renumbered when the server never had the earlier ones', () => {
    const inputs = new Inputs();
    inputs.restart(player(57), view(100, 90));
    inputs.act(1, ACTION.none, player(57), 100);
    inputs.restart(null, view(90, 90));
    expect(seqs(inputs, 0)).toEqual([1]);
  });
});
