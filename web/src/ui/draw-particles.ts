/**
 * Sparks, splinters, smoke and flames: many small things that fly, slow down and go.
 *
 * Owns a pool of fixed size; a new one takes the place of the oldest. Nothing is allocated while it runs. Lengths are in u,
 * y upwards, times in seconds.
 */
import type { Camera } from './arena';
import type { Glows } from './draw-sprites';

const POOL = 600;

export const PARTICLE = { spark: 0, splinter: 1, smoke: 2, flame: 3 } as const;
export type ParticleKind = (typeof PARTICLE)[keyof typeof PARTICLE];

/** Part of its speed that is left after a second. */
const KEEPS = [0.06, 0.12, 0.1, 0.05] as const;

export class Particles {
  private readonly kind = new Uint8Array(POOL);
  private readonly x = new Float32Array(POOL);
  private readonly y = new Float32Array(POOL);
  private readonly vx = new Float32Array(POOL);
  private readonly vy = new Float32Array(POOL);
  private readonly age = new Float32Array(POOL);
  private readonly life = new Float32Array(POOL);
  private readonly size = new Float32Array(POOL);
  private readonly turn = new Float32Array(POOL);
  private readonly spin = new Float32Array(POOL);
  private readonly colour: string[] = new Array<string>(POOL).fill('#ffffff');
  private next = 0;

  /** Makes one; `size` is a length of a spark or splinter and a radius of smoke or a flame. */
  add(kind: ParticleKind, x: number, y: number, vx: number, vy: number, life: number, size: number, colour: string): void {
    const i = this.next;
    this.next = (i + 1) % POOL;
    this.kind[i] = kind;
    this.x[i] = x;
    this.y[i] = y;
    this.vx[i] = vx;
    this.vy[i] = vy;
    this.age[i] = 0;
    this.life[i] = life;
    this.size[i] = size;
    this.turn[i] = Math.random() * Math.PI * 2;
    this.spin[i] = (Math.random() - 0.5) * 14;
    this.colour[i] = colour;
  }

  /** A number of them from one place; angles in radians around `direction`, speeds up to `speed`. */
  burst(kind: ParticleKind, count: number, x: number, y: number, direction: number, spread: number, speed: number, life: number, size: number, colour: string): void {
    for (let i = 0; i < count; i += 1) {
      const angle = direction + (Math.random() - 0.5) * spread;
      const v = speed * (0.25 + 0.75 * Math.random());
      this.add(kind, x, y, Math.cos(angle) * v, Math.sin(angle) * v, life * (0.5 + 0.5 * Math.random()), size * (0.6 + 0.4 * Math.random()), colour);
    }
  }

  clear(): void {
    this.life.fill(0);
  }

  step(seconds: number): void {
    for (let i = 0; i < POOL; i += 1) {
      if ((this.age[i] as number) >= (this.life[i] as number)) continue;
      const keeps = (KEEPS[this.kind[i] as ParticleKind] as number) ** seconds;
      this.age[i] = (this.age[i] as number) + seconds;
      this.vx[i] = (this.vx[i] as number) * keeps;
      this.vy[i] = (this.vy[i] as number) * keeps;
      this.x[i] = (this.x[i] as number) + (this.vx[i] as number) * seconds;
      this.y[i] = (this.y[i] as number) + (this.vy[i] as number) * seconds;
      this.turn[i] = (this.turn[i] as number) + (this.spin[i] as number) * seconds;
    }
  }

  /** Draws those of one kind. */
  draw(to: CanvasRenderingContext2D, kind: ParticleKind, { width, height, scale: k }: Camera, glows: Glows): void {
    to.lineCap = 'round';
    for (let i = 0; i < POOL; i += 1) {
      const life = this.life[i] as number;
      const age = this.age[i] as number;
      if (age >= life || this.kind[i] !== kind) continue;
      const part = age / life;
      const x = width / 2 + (this.x[i] as number) * k;
      const y = height / 2 - (this.y[i] as number) * k;
      const size = (this.size[i] as number) * k;
      to.globalAlpha = kind === PARTICLE.smoke ? (1 - part) * 0.8 : 1 - part * part;
      switch (kind) {
        case PARTICLE.spark: {
          const stretch = 0.045 * k;
          to.strokeStyle = this.colour[i] as string;
          to.lineWidth = size;
          to.beginPath();
          to.moveTo(x, y);
          to.lineTo(x - (this.vx[i] as number) * stretch, y + (this.vy[i] as number) * stretch);
          to.stroke();
          break;
        }
        case PARTICLE.splinter: {
          const turn = this.turn[i] as number;
          const dx = Math.cos(turn) * size;
          const dy = Math.sin(turn) * size;
          to.fillStyle = this.colour[i] as string;
          to.beginPath();
          to.moveTo(x + dx, y + dy);
          to.lineTo(x - dy * 0.6, y + dx * 0.6);
          to.lineTo(x - dx, y - dy);
          to.lineTo(x + dy * 0.5, y - dx * 0.5);
          to.fill();
          break;
        }
        case PARTICLE.smoke: {
          const r = size * (0.6 + 1.1 * part);
          to.drawImage(glows.smoke, x - r, y - r, 2 * r, 2 * r);
          break;
        }
        case PARTICLE.flame: {
          const r = size * (1 - 0.6 * part);
          to.drawImage(part < 0.5 ? glows.fire : glows.ember, x - r, y - r, 2 * r, 2 * r);
          break;
        }
      }
    }
    to.globalAlpha = 1;
  }
}
