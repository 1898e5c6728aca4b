/**
 * Music that is made up as it goes: a slow bass, a chord, and a few notes above them that never quite repeat.
 *
 * Owns the tune and its pace. It runs only while it can be heard.
 */

/** Seconds of an eighth. */
const EIGHTH = 60 / 84 / 2;
const EIGHTHS = 16;
/** Notes are handed over this far ahead, this often. */
const AHEAD = 0.7;
const EVERY_MS = 250;

/** Half tones above A of 55 Hz: the bass of each bar, and the chord over it. */
const BARS = [
  { bass: 0, chord: [12, 15, 19] },
  { bass: -4, chord: [8, 12, 15] },
  { bass: 3, chord: [15, 19, 22] },
  { bass: -2, chord: [10, 14, 17] },
] as const;
/** The scale of the notes above. */
const SCALE = [24, 27, 29, 31, 34, 36, 39] as const;

export class Music {
  private timer: ReturnType<typeof setInterval> | null = null;
  private next = 0;
  private step = 0;
  private place = 3;

  constructor(
    private readonly context: AudioContext,
    private readonly out: GainNode,
  ) {
    out.gain.value = 0;
  }

  volume(loud: number): void {
    this.out.gain.setTargetAtTime(loud, this.context.currentTime, 0.2);
    if (loud > 0 && this.timer === null) {
      this.next = this.context.currentTime + 0.1;
      this.timer = setInterval(() => this.write(), EVERY_MS);
    } else if (loud === 0) this.stop();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Hands over all notes that begin soon. */
  private write(): void {
    const now = this.context.currentTime;
    // After a pause it goes on from here, rather than all at once.
    if (this.next < now - 1) this.next = now + 0.1;
    while (this.next < now + AHEAD) {
      this.eighth(this.next);
      this.next += EIGHTH;
      this.step += 1;
    }
  }

  private eighth(at: number): void {
    const bar = BARS[Math.floor(this.step / EIGHTHS) % BARS.length] ?? BARS[0];
    const beat = this.step % EIGHTHS;
    if (beat === 0) for (const tone of bar.chord) this.note(at, tone, 'sine', EIGHTH * EIGHTHS * 1.1, 0.05, 1.2);
    if (beat % 4 === 0 || beat === 6 || beat === 14) this.note(at, bar.bass, 'triangle', EIGHTH * 1.8, 0.2, 0.02);
    if (beat % 2 === 0 && Math.random() < 0.45) {
      // Steps rather than leaps.
      this.place = Math.min(SCALE.length - 1, Math.max(0, this.place + Math.floor(Math.random() * 5) - 2));
      this.note(at, SCALE[this.place] ?? 24, 'triangle', EIGHTH * 3, 0.05, 0.02);
    }
  }

  private note(at: number, tone: number, type: OscillatorType, lasts: number, gain: number, attack: number): void {
    const source = this.context.createOscillator();
    source.type = type;
    source.frequency.value = 55 * 2 ** (tone / 12);
    const shape = this.context.createGain();
    shape.gain.setValueAtTime(0.0001, at);
    shape.gain.exponentialRampToValueAtTime(gain, at + attack);
    shape.gain.exponentialRampToValueAtTime(0.0001, at + lasts);
    source.connect(shape).connect(this.out);
    source.start(at);
    source.stop(at + lasts + 0.05);
    source.onended = () => shape.disconnect();
  }
}
