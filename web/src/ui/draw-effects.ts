/**
 * What happenings look like: flashes, explosions, sparks, words that rise, and the shake of the picture.
 *
 * Owns everything that is seen for a moment and then gone. It keeps fixed pools and allocates nothing per picture but for
 * what really happens. Lengths are in u, y upwards.
 */
import { UNIT } from '../game/motion';
import type { Happening, Scene, SceneBlast } from '../game/scene';
import { BLAST, ITEM } from '../game/view';
import type { Camera } from './arena';
import { slotColour } from './colours';
import { PARTICLE, Particles } from './draw-particles';
import { type Glows, makeLabel } from './draw-sprites';

export const HEALTH_COLOUR = '#7dedaa';
export const BOUNCE_COLOUR = '#d9b3ff';
const SPARK = '#ffe2a0';
const HOT = '#ffb347';
const TURN = Math.PI / 32_768;

/** Seconds that a muzzle flashes and a barrel takes to come forward again. */
const FLASH = 0.09;
const RECOIL = 0.28;
const SLOTS = 32;
/** Seconds that the direction of a hit is shown. */
const HIT_SHOWN = 1.1;
const HITS = 6;
const RINGS = 16;
const TEXTS = 8;
/** Pixels, at most. */
const SHAKE_MAX = 11;

interface Ring {
  x: number;
  y: number;
  from: number;
  to: number;
  age: number;
  life: number;
  colour: string;
}

interface Text {
  picture: HTMLCanvasElement | null;
  x: number;
  y: number;
  age: number;
}

export class Effects {
  readonly particles = new Particles();
  /** Seconds since a slot's last shot. */
  private readonly fired = new Float32Array(SLOTS).fill(9);
  private readonly hitFrom = new Float32Array(HITS);
  private readonly hitAge = new Float32Array(HITS).fill(9);
  private readonly hitStrength = new Float32Array(HITS);
  private nextHit = 0;
  private readonly rings: Ring[] = Array.from({ length: RINGS }, () => ({ x: 0, y: 0, from: 0, to: 0, age: 1, life: 0, colour: '#fff' }));
  private nextRing = 0;
  private readonly texts: Text[] = Array.from({ length: TEXTS }, () => ({ picture: null, x: 0, y: 0, age: 9 }));
  private nextText = 0;
  /** Blasts whose moment of damage has been shown, by key. */
  private readonly gone = new Set<number>();
  private shake = 0;
  /** 1: just hurt. */
  private alarm = 0;
  private smokeDue = 0;

  constructor(
    private readonly glows: Glows,
    private readonly scorch: (x: number, y: number, radius: number) => void,
  ) {}

  /** How far a slot's barrel is pushed back, in u. */
  recoil(slot: number): number {
    const since = (this.fired[slot] ?? 9) / RECOIL;
    return since < 1 ? 0.13 * (1 - since) ** 2 : 0;
  }

  /** Something happened. `scene` shows it. */
  react(happening: Happening, scene: Scene, reduced: boolean): void {
    const some = reduced ? 0.35 : 1;
    const many = (n: number) => Math.max(1, Math.round(n * some));
    switch (happening.type) {
      case 'launch': {
        const { x, y } = inU(happening);
        this.ring(x, y, 1.4, 0.4, 0.45, slotColour(happening.slot));
        this.ring(x, y, 0.5, 1.6, 0.6, slotColour(happening.slot));
        this.particles.burst(PARTICLE.spark, many(18), x, y, 0, 2 * Math.PI, 5, 0.5, 0.05, slotColour(happening.slot));
        break;
      }
      case 'shot': {
        const { x, y } = inU(happening);
        const angle = happening.heading * TURN;
        this.fired[happening.slot % SLOTS] = 0;
        this.particles.burst(PARTICLE.spark, many(6), x, y, angle, 0.7, 7, 0.18, 0.045, SPARK);
        this.particles.burst(PARTICLE.smoke, many(3), x, y, angle, 1.4, 1.6, 0.7, 0.2, '');
        if (happening.own) this.knock(1.2);
        break;
      }
      case 'bounce': {
        const { x, y } = inU(happening);
        this.ring(x, y, 0.1, 0.55, 0.25, BOUNCE_COLOUR);
        this.particles.burst(PARTICLE.spark, many(14), x, y, happening.heading * TURN, 2.2, 6, 0.32, 0.05, BOUNCE_COLOUR);
        break;
      }
      case 'burst': {
        const { x, y } = inU(happening);
        this.particles.burst(PARTICLE.spark, many(16), x, y, happening.heading * TURN + Math.PI, 2.4, 7, 0.35, 0.05, SPARK);
        this.particles.burst(PARTICLE.splinter, many(5), x, y, happening.heading * TURN + Math.PI, 2, 3.4, 0.7, 0.06, '#5c7189');
        break;
      }
      case 'hit': {
        const { x, y } = inU(happening);
        this.particles.burst(PARTICLE.spark, many(22), x, y, happening.from * TURN, 2.2, 8, 0.4, 0.06, SPARK);
        this.particles.burst(PARTICLE.splinter, many(6), x, y, happening.from * TURN, 2.6, 4, 0.8, 0.07, slotColour(happening.slot));
        if (happening.byOwn) this.ring(x, y, 0.3, 0.95, 0.3, '#ffffff');
        this.hurt(happening);
        break;
      }
      case 'hurt': {
        const { x, y } = inU(happening);
        this.particles.burst(PARTICLE.spark, many(8), x, y, 0, 2 * Math.PI, 5, 0.35, 0.05, HOT);
        this.hurt(happening);
        break;
      }
      case 'kill':
      case 'destruct': {
        const { x, y } = inU(happening);
        const colour = slotColour(happening.slot);
        this.particles.burst(PARTICLE.splinter, many(22), x, y, 0, 2 * Math.PI, 7, 1.3, 0.13, colour);
        this.particles.burst(PARTICLE.splinter, many(14), x, y, 0, 2 * Math.PI, 5, 1.5, 0.11, '#28323d');
        this.particles.burst(PARTICLE.spark, many(26), x, y, 0, 2 * Math.PI, 10, 0.6, 0.06, SPARK);
        this.particles.burst(PARTICLE.smoke, many(9), x, y, 0, 2 * Math.PI, 1.6, 1.8, 0.5, '');
        this.knock(this.near(scene, x, y) * (happening.own ? 9 : 5));
        break;
      }
      case 'pickUp': {
        const { x, y } = inU(happening);
        const colour = happening.kind === ITEM.health ? HEALTH_COLOUR : BOUNCE_COLOUR;
        this.ring(x, y, 0.9, 0.2, 0.35, colour);
        for (let i = 0; i < many(12); i += 1) {
          this.particles.add(PARTICLE.spark, x + (Math.random() - 0.5) * 0.8, y + (Math.random() - 0.5) * 0.6, 0, 2 + Math.random() * 3, 0.6, 0.05, colour);
        }
        this.say(happening.kind === ITEM.health ? '+ armour' : 'missiles bounce', x, y, colour);
        break;
      }
      case 'roundOver':
      case 'roundStart':
        this.particles.clear();
        this.alarm = 0;
        break;
    }
  }

  /** Goes on by so much time, and shows what blasts do half way. */
  step(seconds: number, scene: Scene, reduced: boolean): void {
    this.particles.step(seconds);
    for (let i = 0; i < SLOTS; i += 1) this.fired[i] = (this.fired[i] as number) + seconds;
    for (let i = 0; i < HITS; i += 1) this.hitAge[i] = (this.hitAge[i] as number) + seconds;
    for (const ring of this.rings) ring.age += seconds;
    for (const text of this.texts) text.age += seconds;
    this.shake *= 0.0008 ** seconds;
    this.alarm = Math.max(0, this.alarm - seconds * 1.7);
    for (const blast of scene.blasts) {
      if (blast.age >= 0.5 && blast.age < 0.95 && !this.gone.has(blast.key)) {
        this.gone.add(blast.key);
        this.boom(blast, scene, reduced);
      }
    }
    if (this.gone.size > scene.blasts.length) for (const key of this.gone) if (!scene.blasts.some((blast) => blast.key === key)) this.gone.delete(key);
    this.smokeDue -= seconds;
    if (this.smokeDue <= 0) {
      this.smokeDue = reduced ? 0.3 : 0.09;
      // Tanks that will not last long smoke.
      for (const { x, y, armour } of scene.actors) {
        if (armour > 16_384) continue;
        this.particles.add(PARTICLE.smoke, x / UNIT + (Math.random() - 0.5) * 0.3, y / UNIT, 0.4, 0.7, 1, armour > 8192 ? 0.16 : 0.26, '');
        if (armour <= 8192 && !reduced) this.particles.add(PARTICLE.flame, x / UNIT + (Math.random() - 0.5) * 0.35, y / UNIT + (Math.random() - 0.5) * 0.25, 0.1, 0.5, 0.35, 0.16, '');
      }
    }
  }

  /** Puts into `into` how far the picture is pushed, in pixels. */
  pushed(now: number, density: number, into: { x: number; y: number }): void {
    const by = this.shake < 0.15 ? 0 : this.shake * density;
    into.x = Math.sin(now * 0.083) * by;
    into.y = Math.cos(now * 0.107) * by;
  }

  /** How much the edges warn, 0 to 1. */
  get warning(): number {
    return this.alarm;
  }

  drawMuzzles(to: CanvasRenderingContext2D, camera: Camera, scene: Scene): void {
    to.globalCompositeOperation = 'lighter';
    for (const { x, y, heading, player } of scene.actors) {
      const since = (this.fired[player.slot % SLOTS] ?? 9) / FLASH;
      if (since >= 1) continue;
      const angle = heading * TURN;
      const k = camera.scale;
      const mx = camera.width / 2 + (x / UNIT + Math.cos(angle) * 0.68) * k;
      const my = camera.height / 2 - (y / UNIT + Math.sin(angle) * 0.68) * k;
      const r = 0.46 * k * (1 - since * 0.5);
      to.globalAlpha = 1 - since;
      to.drawImage(this.glows.fire, mx - r, my - r, 2 * r, 2 * r);
      to.drawImage(this.glows.white, mx - r / 2, my - r / 2, r, r);
    }
    to.globalAlpha = 1;
    to.globalCompositeOperation = 'source-over';
  }

  drawBlasts(to: CanvasRenderingContext2D, camera: Camera, scene: Scene, reduced: boolean): void {
    this.particles.draw(to, PARTICLE.smoke, camera, this.glows);
    for (const blast of scene.blasts) this.drawBlast(to, camera, blast, reduced);
    this.particles.draw(to, PARTICLE.splinter, camera, this.glows);
    to.globalCompositeOperation = 'lighter';
    this.particles.draw(to, PARTICLE.flame, camera, this.glows);
    this.particles.draw(to, PARTICLE.spark, camera, this.glows);
    to.globalCompositeOperation = 'source-over';
    const { width, height, scale: k } = camera;
    for (const { x, y, from, to: end, age, life, colour } of this.rings) {
      if (age >= life) continue;
      const part = age / life;
      to.globalAlpha = 1 - part;
      to.strokeStyle = colour;
      to.lineWidth = Math.max(1, 0.09 * k * (1 - part));
      to.beginPath();
      to.arc(width / 2 + x * k, height / 2 - y * k, Math.max(0, from + (end - from) * Math.sqrt(part)) * k, 0, 2 * Math.PI);
      to.stroke();
    }
    to.globalAlpha = 1;
  }

  /** Where hits on the own tank came from, around it. */
  drawHits(to: CanvasRenderingContext2D, camera: Camera, scene: Scene): void {
    const { self } = scene;
    if (!self) return;
    const { width, height, scale: k } = camera;
    const x = width / 2 + (self.x / UNIT) * k;
    const y = height / 2 - (self.y / UNIT) * k;
    to.lineCap = 'butt';
    for (let i = 0; i < HITS; i += 1) {
      const age = (this.hitAge[i] as number) / HIT_SHOWN;
      if (age >= 1) continue;
      const angle = -(this.hitFrom[i] as number);
      const strength = this.hitStrength[i] as number;
      const half = 0.32 + 0.3 * strength;
      to.globalAlpha = (1 - age) ** 1.5;
      to.strokeStyle = '#ff5d47';
      to.lineWidth = (0.13 + 0.12 * strength) * k;
      to.beginPath();
      to.arc(x, y, (1.05 + 0.25 * age) * k, angle - half, angle + half);
      to.stroke();
      // An arrow head that points to where it came from.
      const tip = (1.42 + 0.25 * age) * k;
      to.fillStyle = '#ff5d47';
      to.beginPath();
      to.moveTo(x + Math.cos(angle) * tip, y + Math.sin(angle) * tip);
      to.lineTo(x + Math.cos(angle - 0.22) * tip * 0.8, y + Math.sin(angle - 0.22) * tip * 0.8);
      to.lineTo(x + Math.cos(angle + 0.22) * tip * 0.8, y + Math.sin(angle + 0.22) * tip * 0.8);
      to.fill();
    }
    to.globalAlpha = 1;
  }

  drawTexts(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera): void {
    for (const { picture, x, y, age } of this.texts) {
      if (!picture || age >= 1.4) continue;
      to.globalAlpha = Math.min(1, 2.8 - 2 * age);
      // As names, words stay inside the picture.
      const left = width / 2 + x * k - picture.width / 2;
      const top = height / 2 - (y + 0.8 + age * 0.7) * k - picture.height / 2;
      to.drawImage(picture, Math.min(Math.max(0, left), width - picture.width), Math.max(0, top));
    }
    to.globalAlpha = 1;
  }

  private drawBlast(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera, { kind, x: ux, y: uy, radius, age, key }: SceneBlast, reduced: boolean): void {
    const x = width / 2 + (ux / UNIT) * k;
    const y = height / 2 - (uy / UNIT) * k;
    const reach = (radius / UNIT) * k;
    const before = Math.min(1, age * 2);
    const after = Math.max(0, age * 2 - 1);
    if (kind !== BLAST.missile && age < 0.5) {
      // How far it will reach, while there is time to get away.
      to.globalAlpha = 0.3 + 0.5 * before;
      to.strokeStyle = '#ffcf8a';
      to.lineWidth = Math.max(1, 0.05 * k);
      to.setLineDash([0.22 * k, 0.16 * k]);
      to.lineDashOffset = -age * 3 * k;
      to.beginPath();
      to.arc(x, y, reach, 0, 2 * Math.PI);
      to.stroke();
      to.setLineDash([]);
      to.lineWidth = Math.max(1.5, 0.08 * k);
      to.beginPath();
      to.arc(x, y, reach * before, 0, 2 * Math.PI);
      to.stroke();
    }
    const size = kind === BLAST.missile ? 1.15 : kind === BLAST.tank ? 0.95 : 0.8;
    const body = reach * size * (age < 0.5 ? 0.35 + 0.5 * Math.sqrt(before) : 0.85 + 0.3 * Math.sqrt(after));
    const alpha = age < 0.5 ? 0.95 : (1 - after) ** 1.3;
    if (reduced) {
      to.globalAlpha = alpha * 0.8;
      to.drawImage(this.glows.fire, x - body, y - body, 2 * body, 2 * body);
      to.globalAlpha = 1;
      return;
    }
    to.globalCompositeOperation = 'lighter';
    const lobes = kind === BLAST.missile ? 3 : kind === BLAST.tank ? 5 : 7;
    const glow = after > 0.35 ? this.glows.ember : this.glows.fire;
    for (let i = 0; i < lobes; i += 1) {
      // Always the same for one blast, and turning slowly.
      const angle = ((key * 7 + i * 5) % 11) * 0.571 + (i / lobes) * 2 * Math.PI + age * (i % 2 ? 1.2 : -1.2);
      const off = body * (0.3 + 0.07 * ((key + i * 3) % 5)) * (0.5 + age);
      const r = body * (0.55 + 0.08 * ((key * 3 + i) % 4));
      to.globalAlpha = alpha * 0.75;
      to.drawImage(glow, x + Math.cos(angle) * off - r, y + Math.sin(angle) * off - r, 2 * r, 2 * r);
    }
    const core = body * (0.8 - 0.5 * after);
    to.globalAlpha = alpha;
    to.drawImage(this.glows.fire, x - core, y - core, 2 * core, 2 * core);
    if (after > 0 && after < 0.4) {
      // The moment of damage.
      const flash = reach * (1.1 + after);
      to.globalAlpha = (1 - after / 0.4) * (kind === BLAST.missile ? 0.5 : 0.9);
      to.drawImage(this.glows.white, x - flash, y - flash, 2 * flash, 2 * flash);
    }
    to.globalCompositeOperation = 'source-over';
    if (after > 0) {
      to.globalAlpha = (1 - after) * 0.85;
      to.strokeStyle = '#fff1d0';
      to.lineWidth = Math.max(1, 0.14 * k * (1 - after) * Math.min(1.6, radius / UNIT));
      to.beginPath();
      to.arc(x, y, reach * (1 + 0.28 * Math.sqrt(after)), 0, 2 * Math.PI);
      to.stroke();
    }
    to.globalAlpha = 1;
  }

  /** The moment at which a blast does its damage. */
  private boom({ kind, x, y, radius }: SceneBlast, scene: Scene, reduced: boolean): void {
    const [cx, cy, r] = [x / UNIT, y / UNIT, radius / UNIT];
    const some = reduced ? 0.3 : 1;
    this.scorch(cx, cy, r * (kind === BLAST.missile ? 0.9 : 1.05));
    if (kind === BLAST.missile) return;
    const big = kind === BLAST.destruct;
    this.particles.burst(PARTICLE.flame, Math.round((big ? 26 : 10) * some), cx, cy, 0, 2 * Math.PI, big ? 9 : 4.5, 0.55, big ? 0.5 : 0.3, '');
    this.particles.burst(PARTICLE.smoke, Math.round((big ? 22 : 7) * some), cx, cy, 0, 2 * Math.PI, big ? 5.5 : 2.2, big ? 2.2 : 1.4, big ? 0.75 : 0.45, '');
    this.particles.burst(PARTICLE.spark, Math.round((big ? 40 : 16) * some), cx, cy, 0, 2 * Math.PI, big ? 16 : 9, 0.6, 0.055, SPARK);
    this.knock(this.near(scene, cx, cy) * (big ? 10 : 4));
  }

  private hurt({ own, from, damage }: { readonly own: boolean; readonly from: number; readonly damage: number }): void {
    if (!own || damage <= 0) return;
    const strength = Math.min(1, damage / 16_384);
    this.hitFrom[this.nextHit] = from * TURN;
    this.hitAge[this.nextHit] = 0;
    this.hitStrength[this.nextHit] = strength;
    this.nextHit = (this.nextHit + 1) % HITS;
    this.alarm = Math.max(this.alarm, 0.35 + 0.65 * strength);
    this.knock(2 + 6 * strength);
  }

  /** 1 where the own tank is; for somebody who only watches the same everywhere. */
  private near({ self }: Scene, x: number, y: number): number {
    if (!self) return 0.35;
    return Math.max(0.08, 1 - Math.hypot(self.x / UNIT - x, self.y / UNIT - y) / 9);
  }

  private knock(pixels: number): void {
    this.shake = Math.min(SHAKE_MAX, this.shake + pixels);
  }

  private ring(x: number, y: number, from: number, to: number, life: number, colour: string): void {
    const ring = this.rings[this.nextRing] as Ring;
    this.nextRing = (this.nextRing + 1) % RINGS;
    Object.assign(ring, { x, y, from, to, age: 0, life, colour });
  }

  private say(words: string, x: number, y: number, colour: string): void {
    const text = this.texts[this.nextText] as Text;
    this.nextText = (this.nextText + 1) % TEXTS;
    Object.assign(text, { picture: makeLabel(words, Math.max(12, this.textSize), 700, colour), x, y, age: 0 });
  }

  /** Pixels of words that rise. */
  textSize = 14;
}

function inU({ x, y }: { readonly x: number; readonly y: number }): { readonly x: number; readonly y: number } {
  return { x: x / UNIT, y: y / UNIT };
}
