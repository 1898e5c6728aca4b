/**
 * The sounds of the game, made of sines, saws and noise.
 *
 * Owns how each sounds. A sound is a handful of nodes that end by themselves; beyond a number at once new ones are dropped.
 */

const AT_ONCE = 28;

export type EffectName =
  | 'launch'
  | 'shot'
  | 'bounce'
  | 'burst'
  | 'hit'
  | 'ownHit'
  | 'explosion'
  | 'destruct'
  | 'health'
  | 'bouncer'
  | 'lowArmour'
  | 'killConfirmed'
  | 'ownDeath'
  | 'roundOver'
  | 'roundStart'
  | 'moved'
  | 'chat';

/** A tone: from one frequency to another while it fades. Seconds and hertz. */
interface Tone {
  readonly type: OscillatorType;
  readonly from: number;
  readonly to?: number;
  readonly at?: number;
  readonly lasts: number;
  readonly gain: number;
  /** Rises over this time. */
  readonly attack?: number;
}

/** Filtered noise. */
interface Noise {
  readonly filter: BiquadFilterType;
  readonly from: number;
  readonly to: number;
  readonly q?: number;
  readonly at?: number;
  readonly lasts: number;
  readonly gain: number;
  readonly attack?: number;
}

interface Recipe {
  readonly tones?: readonly Tone[];
  readonly noises?: readonly Noise[];
}

const RECIPES: Readonly<Record<EffectName, Recipe>> = {
  launch: {
    tones: [{ type: 'sawtooth', from: 70, to: 320, lasts: 0.4, gain: 0.22, attack: 0.1 }, { type: 'sine', from: 520, to: 1040, at: 0.25, lasts: 0.3, gain: 0.22 }],
    noises: [{ filter: 'bandpass', from: 300, to: 2400, lasts: 0.45, gain: 0.2, attack: 0.2 }],
  },
  shot: {
    tones: [{ type: 'sine', from: 190, to: 48, lasts: 0.2, gain: 0.6 }, { type: 'square', from: 320, to: 70, lasts: 0.07, gain: 0.12 }],
    noises: [{ filter: 'lowpass', from: 4200, to: 300, lasts: 0.2, gain: 0.5 }],
  },
  bounce: {
    tones: [{ type: 'triangle', from: 1700, to: 900, lasts: 0.16, gain: 0.35 }, { type: 'sine', from: 2550, to: 1900, lasts: 0.1, gain: 0.14 }],
  },
  burst: {
    noises: [{ filter: 'bandpass', from: 1700, to: 260, q: 0.8, lasts: 0.28, gain: 0.5 }],
    tones: [{ type: 'sine', from: 120, to: 50, lasts: 0.16, gain: 0.3 }],
  },
  hit: {
    tones: [{ type: 'square', from: 415, to: 380, lasts: 0.16, gain: 0.1 }, { type: 'triangle', from: 1130, to: 1050, lasts: 0.24, gain: 0.18 }, { type: 'sine', from: 160, to: 60, lasts: 0.2, gain: 0.4 }],
    noises: [{ filter: 'highpass', from: 2600, to: 1600, lasts: 0.12, gain: 0.3 }],
  },
  ownHit: {
    tones: [{ type: 'sine', from: 110, to: 34, lasts: 0.45, gain: 0.95 }, { type: 'sawtooth', from: 233, to: 160, lasts: 0.28, gain: 0.18 }, { type: 'square', from: 620, to: 590, lasts: 0.14, gain: 0.08 }],
    noises: [{ filter: 'lowpass', from: 2400, to: 240, lasts: 0.32, gain: 0.6 }],
  },
  explosion: {
    tones: [{ type: 'sine', from: 95, to: 26, lasts: 0.9, gain: 0.9 }, { type: 'sine', from: 70, to: 30, at: 0.3, lasts: 0.7, gain: 0.6 }],
    noises: [{ filter: 'lowpass', from: 2600, to: 110, lasts: 1, gain: 0.75 }, { filter: 'lowpass', from: 1500, to: 90, at: 0.3, lasts: 0.8, gain: 0.5 }],
  },
  destruct: {
    // It does its damage after half a second.
    tones: [{ type: 'sawtooth', from: 90, to: 900, lasts: 0.5, gain: 0.16, attack: 0.35 }, { type: 'sine', from: 78, to: 20, at: 0.5, lasts: 1.6, gain: 1.1 }],
    noises: [{ filter: 'bandpass', from: 400, to: 3200, lasts: 0.5, gain: 0.2, attack: 0.4 }, { filter: 'lowpass', from: 3600, to: 70, at: 0.5, lasts: 1.7, gain: 1 }],
  },
  health: {
    tones: [523, 659, 784].map((from, i) => ({ type: 'sine' as const, from, at: i * 0.07, lasts: 0.22, gain: 0.28 })),
  },
  bouncer: {
    tones: [587, 880, 587, 1175].map((from, i) => ({ type: 'triangle' as const, from, at: i * 0.065, lasts: 0.16, gain: 0.26 })),
  },
  lowArmour: {
    tones: [0, 0.18, 0.36].map((at) => ({ type: 'square' as const, from: 740, to: 700, at, lasts: 0.1, gain: 0.1 })),
  },
  killConfirmed: {
    tones: [
      { type: 'triangle', from: 880, lasts: 0.16, gain: 0.42 },
      { type: 'triangle', from: 1319, at: 0.09, lasts: 0.42, gain: 0.45 },
      { type: 'sine', from: 2637, at: 0.09, lasts: 0.3, gain: 0.08 },
    ],
  },
  ownDeath: {
    tones: [392, 330, 262].map((from, i) => ({ type: 'triangle' as const, from, at: 0.15 + i * 0.14, lasts: 0.3, gain: 0.2 })),
  },
  roundOver: {
    tones: [523, 659, 784, 1047].map((from, i) => ({ type: 'triangle' as const, from, at: i * 0.13, lasts: i === 3 ? 0.9 : 0.25, gain: 0.26 })),
  },
  roundStart: {
    tones: [
      { type: 'sawtooth', from: 392, lasts: 0.13, gain: 0.12 },
      { type: 'sawtooth', from: 392, at: 0.18, lasts: 0.13, gain: 0.12 },
      { type: 'sawtooth', from: 587, at: 0.36, lasts: 0.5, gain: 0.14 },
    ],
  },
  moved: {
    tones: [{ type: 'sine', from: 660, lasts: 0.18, gain: 0.12 }, { type: 'sine', from: 990, at: 0.1, lasts: 0.3, gain: 0.12 }],
  },
  chat: {
    tones: [{ type: 'sine', from: 1250, to: 1400, lasts: 0.07, gain: 0.2 }],
  },
};

export class Instruments {
  private readonly noise: AudioBuffer;
  private sounding = 0;
  private hum: { readonly low: OscillatorNode; readonly high: OscillatorNode; readonly gain: GainNode } | null = null;

  constructor(
    private readonly context: AudioContext,
    private readonly out: AudioNode,
  ) {
    this.noise = context.createBuffer(1, context.sampleRate * 2, context.sampleRate);
    const samples = this.noise.getChannelData(0);
    for (let i = 0; i < samples.length; i += 1) samples[i] = Math.random() * 2 - 1;
  }

  /** `pan` from -1, left, to 1, right; `loud` from 0 to 1. */
  play(effect: EffectName, pan: number, loud: number): void {
    const { context } = this;
    if (context.state !== 'running' || this.sounding >= AT_ONCE || loud < 0.02) return;
    const { tones = [], noises = [] } = RECIPES[effect];
    const panner = context.createStereoPanner();
    panner.pan.value = Math.min(1, Math.max(-1, pan));
    const gain = context.createGain();
    gain.gain.value = loud;
    panner.connect(gain).connect(this.out);
    const now = context.currentTime;
    // No two sound quite the same.
    const tune = 0.97 + Math.random() * 0.06;
    let last: AudioScheduledSourceNode | null = null;
    let ends = 0;
    const keep = (source: AudioScheduledSourceNode, end: number): void => {
      if (end < ends) return;
      last = source;
      ends = end;
    };
    for (const { type, from, to = from, at = 0, lasts, gain: strength, attack = 0.004 } of tones) {
      const source = context.createOscillator();
      source.type = type;
      source.frequency.setValueAtTime(from * tune, now + at);
      source.frequency.exponentialRampToValueAtTime(to * tune, now + at + lasts);
      source.connect(this.shape(now + at, lasts, strength, attack)).connect(panner);
      source.start(now + at);
      source.stop(now + at + lasts + 0.05);
      keep(source, at + lasts);
    }
    for (const { filter, from, to, q = 0.6, at = 0, lasts, gain: strength, attack = 0.003 } of noises) {
      const source = context.createBufferSource();
      source.buffer = this.noise;
      const band = context.createBiquadFilter();
      band.type = filter;
      band.Q.value = q;
      band.frequency.setValueAtTime(from * tune, now + at);
      band.frequency.exponentialRampToValueAtTime(to * tune, now + at + lasts);
      source.connect(band).connect(this.shape(now + at, lasts, strength, attack)).connect(panner);
      source.start(now + at, Math.random());
      source.stop(now + at + lasts + 0.05);
      keep(source, at + lasts);
    }
    const final = last as AudioScheduledSourceNode | null;
    if (!final) return;
    this.sounding += 1;
    final.onended = () => {
      this.sounding -= 1;
      gain.disconnect();
    };
  }

  /** The own engine: 0 idles, 1 drives; null: there is none. */
  engine(speed: number | null): void {
    const { context } = this;
    if (context.state !== 'running') return;
    this.hum ??= this.startEngine();
    const now = context.currentTime;
    const to = (param: AudioParam, value: number) => param.setTargetAtTime(value, now, 0.12);
    to(this.hum.gain.gain, speed === null ? 0 : 0.03 + 0.03 * speed);
    to(this.hum.low.frequency, 38 + 34 * (speed ?? 0));
    to(this.hum.high.frequency, 57.5 + 49 * (speed ?? 0));
  }

  private startEngine(): NonNullable<Instruments['hum']> {
    const { context } = this;
    const gain = context.createGain();
    gain.gain.value = 0;
    const dull = context.createBiquadFilter();
    dull.type = 'lowpass';
    dull.frequency.value = 240;
    dull.connect(gain).connect(this.out);
    const start = (type: OscillatorType) => {
      const source = context.createOscillator();
      source.type = type;
      source.connect(dull);
      source.start();
      return source;
    };
    return { low: start('sawtooth'), high: start('square'), gain };
  }

  private shape(at: number, lasts: number, strength: number, attack: number): GainNode {
    const node = this.context.createGain();
    node.gain.setValueAtTime(0.0001, at);
    node.gain.exponentialRampToValueAtTime(strength, at + attack);
    node.gain.exponentialRampToValueAtTime(0.0001, at + Math.max(lasts, attack + 0.02));
    return node;
  }
}
