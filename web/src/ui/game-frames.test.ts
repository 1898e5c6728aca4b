/** What is counted of pictures and of the game's frames. */
import { describe, expect, it } from 'vitest';
import { GAP_BUCKETS, GapHistory, PictureMeter } from './game-frames';

describe('pictures', () => {
  it('are counted, and those that did not come in time', () => {
    const meter = new PictureMeter();
    let at = 0;
    for (let i = 0; i < 200; i += 1) meter.note((at += i === 150 ? 50 : 16.7), i % 16 === 0 ? 9 : 2);
    expect(Math.round(meter.fps)).toBe(58);
    expect(meter.dropped).toBe(2);
    expect(meter.workP95).toBeCloseTo(9);
  });

  it('of a hidden page are not missed', () => {
    const meter = new PictureMeter();
    for (let i = 0; i < 100; i += 1) meter.note(i * 16.7, 1);
    meter.note(60_000, 1);
    meter.pause();
    meter.note(60_400, 1);
    expect(meter.dropped).toBe(0);
  });
});

describe('gaps between frames', () => {
  it('are kept as the worst of each quarter of a second', () => {
    const gaps = new GapHistory();
    let frames = 0;
    for (let at = 10_000; at <= 12_000; at += 20) gaps.note(at, (frames += 1), at);
    gaps.note(12_090, (frames += 1), 12_090);
    const values = gaps.values(12_100);
    expect(values).toHaveLength(GAP_BUCKETS);
    expect(values.slice(-5)).toEqual([20, 20, 20, 20, 90]);
    expect(values[0]).toBe(0);
  });

  it('share the time between frames that came between two pictures', () => {
    const gaps = new GapHistory();
    gaps.note(1000, 1, 1000);
    gaps.note(1050, 3, 1045);
    expect(gaps.values(1060).at(-1)).toBe(22.5);
  });

  it('grow while nothing comes', () => {
    const gaps = new GapHistory();
    gaps.note(1000, 1, 1000);
    gaps.note(1400, 1, 1000);
    expect(gaps.values(1400).at(-1)).toBe(400);
  });
});
