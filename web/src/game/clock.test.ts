import { describe, expect, it } from 'vitest';
import { TICK_MS, TickClock } from './clock';
import { Lead } from './lead';

/** Frames `first` to `last`, each `late` milliseconds after it is due (tick n at 20 n). */
function run(clock: TickClock, first: number, last: number, late: (tick: number) => number, moving = false): number {
  let at = 0;
  for (let tick = first; tick <= last; tick++) {
    at = TICK_MS * tick + late(tick);
    clock.arrived(tick, at);
    clock.advance(at, moving);
  }
  return at;
}

describe('the clock', () => {
  it('follows the least delayed frames, slowly', () => {
    const clock = new TickClock();
    run(clock, 1, 100, () => 15);
    run(clock, 101, 149, (tick) => (tick % 10 === 0 ? 0 : 15));
    // At 1 % the 15 ms are made up in 1.5 s.
    expect(clock.tickAt(3000)).toBeCloseTo(150 - (15 - 0.01 * 880) / TICK_MS, 1);
    run(clock, 150, 200, (tick) => (tick % 10 === 0 ? 0 : 15));
    expect(clock.tickAt(4000)).toBeCloseTo(200);
  });

  it('says how late a frame is, and how much most are', () => {
    const clock = new TickClock();
    run(clock, 1, 100, (tick) => (tick % 10 === 0 ? 12 : 0));
    expect(clock.arrived(101, 101 * TICK_MS + 33)).toBeCloseTo(33);
    expect(clock.jitter).toBe(12);
  });

  it('draws others further in the past while frames are late', () => {
    const clock = new TickClock();
    run(clock, 1, 200, () => 0);
    expect(clock.behind).toBeCloseTo(30);
    run(clock, 201, 400, (tick) => (tick % 10 === 0 ? 40 : 0));
    expect(clock.behind).toBeCloseTo(60, 0);
    run(clock, 401, 700, (tick) => (tick % 4 === 0 ? 200 : 0));
    expect(clock.behind).toBeCloseTo(100);
  });

  it('draws others further in the past before a move, and takes 5 s to come back', () => {
    const clock = new TickClock();
    run(clock, 1, 200, () => 0);
    run(clock, 201, 240, () => 0, true);
    // 5 % of 800 ms.
    expect(clock.behind).toBeCloseTo(70);
    run(clock, 241, 365, () => 0);
    expect(clock.behind).toBeCloseTo(50, 0);
    run(clock, 366, 500, () => 0);
    expect(clock.behind).toBeCloseTo(30, 0);
  });

  it('goes with a new owner that keeps a later time, after ten of its frames', () => {
    const clock = new TickClock();
    run(clock, 1, 150, () => 0);
    clock.changeOwner();
    run(clock, 151, 159, () => 10);
    expect(clock.tickAt(4000)).toBeCloseTo(200);
    run(clock, 160, 250, () => 10);
    expect(clock.tickAt(5010)).toBeCloseTo(250);
  });

  it('jumps where it is off by a lot, and says so', () => {
    const clock = new TickClock();
    run(clock, 1, 10, () => 500);
    clock.arrived(11, 11 * TICK_MS);
    expect(clock.advance(11 * TICK_MS, false)).toBe(true);
    expect(clock.tickAt(11 * TICK_MS)).toBeCloseTo(11);
    expect(clock.advance(11 * TICK_MS + 5, false)).toBe(false);
  });

  it('forgets everything at a restart', () => {
    const clock = new TickClock();
    run(clock, 1, 50, () => 0);
    clock.restart();
    clock.arrived(20, 5000);
    expect(clock.tickAt(5000)).toBeCloseTo(20);
  });
});

describe('the lead', () => {
  it('is what the fastest ping needed, and a margin for slower ones', () => {
    const lead = new Lead();
    lead.jitter = 8;
    // Sent 50 ms ahead, for a tick that began 0.5 ticks after the moment aimed at: 60 ms; 20 of them were left.
    lead.ponged(50, 0.5, 20);
    expect(lead.ms).toBeCloseTo(40 + 8);
    lead.ponged(48, 0.5, 10);
    lead.advance(0);
    lead.advance(1000);
    expect(lead.ms).toBeCloseTo(48);
  });

  it('keeps its margin within 5 and 30 ms, and raises it for each input that comes too late', () => {
    const lead = new Lead();
    expect(lead.margin).toBe(5);
    lead.missed();
    expect(lead.margin).toBe(10);
    for (let i = 0; i < 10; i++) lead.missed();
    expect(lead.margin).toBe(30);
    lead.advance(0);
    lead.advance(60_000);
    expect(lead.margin).toBe(5);
  });

  it('moves slowly, so that the own tank does not jump, unless it is far off', () => {
    const lead = new Lead();
    lead.ponged(50, 0, 0);
    expect(lead.ms).toBe(55);
    lead.advance(0);
    for (let i = 0; i < 8; i++) lead.ponged(55, 0, -45);
    lead.advance(100);
    expect(lead.ms).toBeCloseTo(65);
    lead.advance(5000);
    expect(lead.ms).toBeCloseTo(105);
    for (let i = 0; i < 8; i++) lead.ponged(105, 0, 105);
    expect(lead.ms).toBe(5);
  });
});
