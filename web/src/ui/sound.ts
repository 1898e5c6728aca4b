/**
 * Sound: when what is heard, from where and how loud.
 *
 * Owns the audio graph: effects and music, each with its volume, into one master. Nothing sounds before the visitor has
 * pressed a key or touched something; without WebAudio nothing ever does, and the page goes on.
 */
import type { Maze } from '../game/maze';
import { ARMOUR_MAX, UNIT } from '../game/motion';
import type { Happening, Scene } from '../game/scene';
import { ITEM } from '../game/view';
import { KEY } from '../protocol/client';
import type { Settings } from './settings';
import { type EffectName, Instruments } from './sound-effects';
import { Music } from './sound-music';

/** Below this part of the full armour it warns, once. */
const LOW = 0.3;
/** Distance in u at which something is half as loud. */
const HALF_AT = 7;

export class Sound {
  private context: AudioContext | null = null;
  private master: GainNode | null = null;
  private effects: GainNode | null = null;
  private instruments: Instruments | null = null;
  private music: Music | null = null;
  private low = false;

  constructor(private settings: Settings) {}

  /** To be called from a gesture of the visitor: browsers allow sound only then. */
  unlock(): void {
    if (this.context) {
      if (this.context.state !== 'running' && !document.hidden) void this.context.resume();
      return;
    }
    if (typeof AudioContext === 'undefined') return;
    const context = new AudioContext({ latencyHint: 'interactive' });
    // Many at once must not crackle.
    const limit = context.createDynamicsCompressor();
    limit.threshold.value = -14;
    limit.ratio.value = 6;
    limit.connect(context.destination);
    const master = context.createGain();
    master.connect(limit);
    const effects = context.createGain();
    effects.connect(master);
    const music = context.createGain();
    music.connect(master);
    this.context = context;
    this.master = master;
    this.effects = effects;
    this.instruments = new Instruments(context, effects);
    this.music = new Music(context, music);
    this.apply();
  }

  set(settings: Settings): void {
    this.settings = settings;
    this.apply();
  }

  /** A hidden page is silent. */
  hide(hidden: boolean): void {
    if (!this.context) return;
    if (hidden) void this.context.suspend();
    else void this.context.resume();
  }

  close(): void {
    this.music?.stop();
    void this.context?.close();
    this.context = null;
    this.instruments = null;
    this.music = null;
  }

  /** What a picture shows for the first time. */
  react(happenings: readonly Happening[], scene: Scene, maze: Maze): void {
    const { instruments } = this;
    if (!instruments) return;
    for (const happening of happenings) this.one(happening, scene, maze);
    const { self } = scene;
    const speed = !self ? 0 : self.keys & KEY.forward ? 1 : self.keys & KEY.back ? 0.5 : self.keys & (KEY.left | KEY.right) ? 0.3 : 0.08;
    instruments.engine(self ? speed : null);
    const low = self !== null && self.armour <= LOW * ARMOUR_MAX;
    if (low && !this.low) instruments.play('lowArmour', 0, 1);
    this.low = low;
  }

  /** Something that is heard without a place: what counts, chat, the round. */
  tell(effect: EffectName): void {
    this.instruments?.play(effect, 0, 1);
  }

  private one(happening: Happening, scene: Scene, maze: Maze): void {
    switch (happening.type) {
      case 'launch':
        return this.at('launch', happening, scene, maze, happening.own ? 1 : 0.45);
      case 'shot':
        return this.at('shot', happening, scene, maze, happening.own ? 1 : 0.7);
      case 'bounce':
        return this.at('bounce', happening, scene, maze, 0.8);
      case 'burst':
        return this.at('burst', happening, scene, maze, 0.7);
      case 'hit':
        return this.at(happening.own ? 'ownHit' : 'hit', happening, scene, maze, happening.own ? 1 : happening.byOwn ? 1 : 0.7);
      case 'hurt':
        if (happening.own) this.at('ownHit', happening, scene, maze, 0.7);
        return;
      case 'kill':
        return this.at('explosion', happening, scene, maze, 1);
      case 'destruct':
        return this.at('destruct', happening, scene, maze, 1);
      case 'pickUp':
        return this.at(happening.kind === ITEM.health ? 'health' : 'bouncer', happening, scene, maze, happening.own ? 1 : 0.3);
      case 'roundOver':
        return this.tell('roundOver');
      case 'roundStart':
        return this.tell('roundStart');
    }
  }

  private at(effect: EffectName, { x, y }: { readonly x: number; readonly y: number }, { self }: Scene, maze: Maze, loud: number): void {
    const far = self ? Math.hypot(self.x - x, self.y - y) / UNIT : 4;
    this.instruments?.play(effect, (0.8 * x) / maze.halfWidth, (loud * HALF_AT) / (HALF_AT + far));
  }

  private apply(): void {
    const { context, master, effects, music, settings } = this;
    if (!context || !master || !effects || !music) return;
    const soft = (gain: AudioParam, to: number) => gain.setTargetAtTime(to, context.currentTime, 0.03);
    // Ears hear loudness in ratios.
    soft(master.gain, settings.muted ? 0 : settings.master ** 2);
    soft(effects.gain, settings.effects ** 2);
    music.volume(settings.muted ? 0 : settings.music ** 2);
  }
}
