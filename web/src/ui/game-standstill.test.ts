/** A picture that stands still always says why, and what happens next. */
import { describe, expect, it } from 'vitest';
import { verdict } from '../protocol/close';
import { type Facts, standstill } from './game-standstill';

const PLAYING: Facts = { phase: { type: 'playing' }, seen: true, frameAt: 1000, offline: false, leaving: false, cutOff: false, moving: false, lastMove: undefined, skipped: null };

describe('a standstill', () => {
  it('is not claimed while frames come', () => {
    expect(standstill(PLAYING, 1200)).toBeNull();
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    ['silence', {}, /says nothing.*0\.5 s/],
    ['a move', { moving: true }, /Another server takes the game over/],
    ['a leaving server', { leaving: true }, /is leaving/],
    ['a server that is cut off', { leaving: true, cutOff: true }, /is cut off from the others.*tries to reach another one.*0\.5 s/],
    ['attempts that end at one', { cutOff: true, phase: { type: 'connecting' } }, /is cut off from the others.*tries to reach another one/],
    ['attempts that end at one, by whom has no place yet', { seen: false, cutOff: true, phase: { type: 'connecting' } }, /all the time\. $/],
    ['the pause after such an attempt', { cutOff: true, phase: { type: 'waiting', sentence: '', retryAt: 3400, attempt: 3 } }, /is cut off from the others/],
    ['no network', { offline: true }, /no network/],
    ['no network, before it is noticed otherwise', { offline: true, phase: { type: 'connecting' } }, /no network/],
    ['the first connection', { seen: false, phase: { type: 'connecting' } }, /Asking a server/],
    ['a later connection', { phase: { type: 'connecting' } }, /your place in the game is kept/],
    ['a pause', { phase: { type: 'waiting', sentence: 'The connection broke.', retryAt: 3400, attempt: 3 } }, /The connection broke\..*Attempt 3 follows\. in 2 s/],
    ['a rewind', { frameAt: 1490, lastMove: { epoch: '', tick: 1, from: '', to: '', kind: 'takeOver', gapMs: 900, rewoundMs: 840, at: 1000 } }, /Rewound by 840 ms/],
    ['skipped ticks', { frameAt: 1490, skipped: { ticks: 1, at: 1400 } }, /1 tick was skipped/],
  ])('names %s', (_what, facts, text) => {
    const found = standstill({ ...PLAYING, ...facts }, 1500);
    expect(found && [found.title, found.why, found.next, found.time].join(' ')).toMatch(text);
  });

  it('says more when the silence lasts', () => {
    expect(standstill(PLAYING, 5000)?.next).toMatch(/takes over within seconds/);
  });

  it.each([4000, 4001, 4002, 4003, 4004, 4005, 4006, 4009, 4010, 4012, 4013])('after close code %i has its sentence', (code) => {
    const { sentence } = verdict(code);
    expect(standstill({ ...PLAYING, phase: { type: 'ended', sentence } }, 0)).toMatchObject({ kind: 'ended', why: sentence });
  });

  it('that is over is explained for a while only', () => {
    const lastMove = { epoch: '', tick: 1, from: '', to: '', kind: 'takeOver', gapMs: 900, rewoundMs: 840, at: 1000 } as const;
    expect(standstill({ ...PLAYING, frameAt: 5990, lastMove }, 6000)).toBeNull();
  });
});
