/**
 * Draws the game, picture by picture.
 *
 * Owns the order in which things lie over each other, and pictures made in advance for the canvas's present size. Knows of
 * the game only what a scene shows. Allocates next to nothing per picture.
 */
import type { Maze } from '../game/maze';
import { ARMOUR_MAX, RELOAD_TICKS, UNIT } from '../game/motion';
import type { Actor, Happening, Scene, SceneItem, SceneMissile } from '../game/scene';
import { ITEM } from '../game/view';
import { type Camera, ENTRY_ZONE, cameraFor, isFree } from './arena';
import { slotColour } from './colours';
import { BOUNCE_COLOUR, Effects, HEALTH_COLOUR } from './draw-effects';
import { Ground } from './draw-ground';
import { type Glows, makeGlows, makeLabel, makeTrail } from './draw-sprites';
import { LINK, TANK_REACH, TRACK_STEPS, type TankPictures, makeTank } from './draw-tank';

/** More pixels than this are not worth their time. */
const PIXELS_MAX = 2_600_000;
const DENSITY_MAX = 2;
const ACCENT = '#5ec8a8';
const DANGER = '#ff6b57';
/** Distance between two prints of a track, in u. */
const PRINT = 0.13;
/** A tank that was moved further than this was not driven. */
const LEAP = 1;
const LABELS_MAX = 96;
/** Below this part of the full armour the next hit may be the last. */
export const LOW_ARMOUR = 0.3;
/** Reach of the blast of a self-destruction, in u. */
const DESTRUCT_RADIUS = 2.5;
/** Items blink for so many seconds before they vanish. */
const BLINKS = 3;
const TURN = Math.PI / 32_768;

/** What the visitor wants to see. */
export interface Looks {
  readonly shake: boolean;
  readonly reduced: boolean;
  readonly names: boolean;
}

/** What else is to be marked. */
export interface Marks {
  /** Entry points are offered: the player has no tank and may launch one. */
  readonly launchable: boolean;
  /** Slot of whoever destroyed the player's tank, while there is no new one. */
  readonly killer: number | null;
  /** The entry point that is pointed at. */
  readonly pointed: number | null;
  /** 0 to 1: how near the player is to self-destruction. */
  readonly destructing: number;
}

export class Painter {
  private readonly to: CanvasRenderingContext2D | null;
  private readonly glows: Glows = makeGlows();
  private readonly effects: Effects;
  private camera: Camera | null = null;
  private ground: Ground | null = null;
  private maze: Maze | null = null;
  private density = 1;
  private tanks = new Map<number, TankPictures>();
  private trails = new Map<number, HTMLCanvasElement>();
  private labels = new Map<string, HTMLCanvasElement>();
  /** Where a missile came from last: a muzzle, or a wall. */
  private readonly origins = new Map<number, { readonly x: number; readonly y: number }>();
  /** By slot: the last print, and how far the tracks have run. */
  private readonly printX = new Float32Array(32).fill(Number.NaN);
  private readonly printY = new Float32Array(32);
  private readonly lastX = new Float32Array(32).fill(Number.NaN);
  private readonly lastY = new Float32Array(32);
  private readonly run = new Float32Array(32);
  private paintedAt = 0;
  /** How far the picture is pushed at present. */
  private readonly push = { x: 0, y: 0 };

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.to = canvas.getContext('2d', { alpha: false });
    this.effects = new Effects(this.glows, (x, y, radius) => this.ground?.scorch(x, y, radius));
  }

  /** Fits the picture into so many pixels of the page. */
  resize(maze: Maze, width: number, height: number): void {
    const page = cameraFor(maze, width, height);
    const density = Math.min(window.devicePixelRatio || 1, DENSITY_MAX, Math.sqrt(PIXELS_MAX / (page.width * page.height)));
    const camera = cameraFor(maze, Math.round(page.width * density), Math.round(page.height * density));
    if (this.maze === maze && this.camera && this.camera.width === camera.width && this.camera.height === camera.height) return;
    this.canvas.width = camera.width;
    this.canvas.height = camera.height;
    this.canvas.style.width = `${page.width}px`;
    this.canvas.style.height = `${page.height}px`;
    this.maze = maze;
    this.camera = camera;
    this.density = density;
    this.ground = new Ground(maze, camera, this.glows);
    this.tanks.clear();
    this.trails.clear();
    this.labels.clear();
    this.effects.textSize = 0.42 * camera.scale;
  }

  paint(now: number, scene: Scene, happenings: readonly Happening[], marks: Marks, looks: Looks): void {
    const { to, camera, ground, maze, effects } = this;
    if (!to || !camera || !ground || !maze) return;
    const seconds = Math.min(0.1, Math.max(0, (now - this.paintedAt) / 1000));
    this.paintedAt = now;
    for (const happening of happenings) {
      this.follow(happening);
      effects.react(happening, scene, looks.reduced);
    }
    effects.step(seconds, scene, looks.reduced);
    for (const actor of scene.actors) this.drive(actor, ground);
    ground.fade(now);

    this.push.x = 0;
    this.push.y = 0;
    if (looks.shake) effects.pushed(now, this.density, this.push);
    to.setTransform(1, 0, 0, 1, 0, 0);
    if (this.push.x !== 0 || this.push.y !== 0) {
      to.fillStyle = '#0b0f14';
      to.fillRect(0, 0, camera.width, camera.height);
      this.straight(to);
    }
    to.drawImage(ground.canvas, 0, 0);
    if (marks.launchable) this.drawEntries(to, camera, maze, scene, marks.pointed, now, looks.reduced);
    for (const item of scene.items) this.drawItem(to, camera, item, now, looks.reduced);
    for (const actor of scene.actors) this.drawTank(to, camera, actor, now, looks.reduced);
    for (const missile of scene.missiles) this.drawMissile(to, camera, missile, now);
    effects.drawMuzzles(to, camera, scene);
    effects.drawBlasts(to, camera, scene, looks.reduced);
    for (const actor of scene.actors) this.drawState(to, camera, actor, looks.names || actor.own);
    if (marks.killer !== null) for (const actor of scene.actors) if (actor.player.slot === marks.killer) this.drawKiller(to, camera, actor, now, looks.reduced);
    if (scene.self && marks.destructing > 0) this.drawDestructing(to, camera, scene.self, marks.destructing);
    effects.drawHits(to, camera, scene);
    effects.drawTexts(to, camera);
    to.setTransform(1, 0, 0, 1, 0, 0);
    this.drawDanger(to, camera, scene, now, looks.reduced);
    if (this.origins.size > scene.missiles.length + 8) this.forget(scene);
  }

  /** Keeps where missiles came from, so that no trail reaches back behind a muzzle or through a wall. */
  private follow(happening: Happening): void {
    if (happening.type === 'shot' || happening.type === 'bounce') this.origins.set(happening.key, { x: happening.x, y: happening.y });
    if (happening.type === 'launch') this.lastX[happening.slot % 32] = Number.NaN;
  }

  private forget(scene: Scene): void {
    for (const key of this.origins.keys()) if (!scene.missiles.some((missile) => missile.key === key)) this.origins.delete(key);
  }

  /** Runs a tank's tracks, and leaves their prints. */
  private drive({ x: ux, y: uy, heading, player }: Actor, ground: Ground): void {
    const slot = player.slot % 32;
    const x = ux / UNIT;
    const y = uy / UNIT;
    const angle = heading * TURN;
    const dx = x - (this.lastX[slot] as number);
    const dy = y - (this.lastY[slot] as number);
    // Also where there was no place before.
    if (!(Math.hypot(dx, dy) < LEAP)) this.printX[slot] = Number.NaN;
    else this.run[slot] = (this.run[slot] as number) + dx * Math.cos(angle) + dy * Math.sin(angle);
    this.lastX[slot] = x;
    this.lastY[slot] = y;
    if (Number.isNaN(this.printX[slot] as number)) {
      this.printX[slot] = x;
      this.printY[slot] = y;
    } else if (Math.hypot(x - (this.printX[slot] as number), y - (this.printY[slot] as number)) >= PRINT) {
      this.printX[slot] = x;
      this.printY[slot] = y;
      ground.track(x - Math.cos(angle) * 0.3, y - Math.sin(angle) * 0.3, angle);
    }
  }

  private drawEntries(to: CanvasRenderingContext2D, camera: Camera, maze: Maze, scene: Scene, pointed: number | null, now: number, reduced: boolean): void {
    const { width, height, scale: k } = camera;
    const pulse = reduced ? 0.5 : 0.5 + 0.5 * Math.sin(now * 0.005);
    maze.entries.forEach((entry, i) => {
      const x = width / 2 + (entry.x / UNIT) * k;
      const y = height / 2 - (entry.y / UNIT) * k;
      const free = isFree(entry, scene.actors);
      to.beginPath();
      to.arc(x, y, ENTRY_ZONE * k, 0, 2 * Math.PI);
      to.globalAlpha = free ? (pointed === i ? 0.42 : 0.14 + 0.1 * pulse) : 0.1;
      to.fillStyle = free ? ACCENT : DANGER;
      to.fill();
      to.globalAlpha = free ? 0.95 : 0.45;
      to.strokeStyle = free ? ACCENT : DANGER;
      to.lineWidth = Math.max(1.5, (pointed === i ? 0.1 : 0.06) * k);
      if (!free) to.setLineDash([0.16 * k, 0.16 * k]);
      to.stroke();
      to.setLineDash([]);
      if (free) {
        to.globalAlpha = 1;
        const r = (0.5 + 0.08 * pulse) * k;
        const angle = -entry.heading * TURN;
        to.fillStyle = '#eafff7';
        to.beginPath();
        to.moveTo(x + Math.cos(angle) * r, y + Math.sin(angle) * r);
        to.lineTo(x + Math.cos(angle + 2.5) * r, y + Math.sin(angle + 2.5) * r);
        to.lineTo(x + Math.cos(angle) * r * -0.35, y + Math.sin(angle) * r * -0.35);
        to.lineTo(x + Math.cos(angle - 2.5) * r, y + Math.sin(angle - 2.5) * r);
        to.fill();
      } else {
        this.label(to, 'taken', x, y, 0.36, 600, '#ffb3a6');
      }
    });
    to.globalAlpha = 1;
  }

  private drawItem(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera, { kind, x: ux, y: uy, left }: SceneItem, now: number, reduced: boolean): void {
    if (left < BLINKS && Math.floor(left * (left < 1.2 ? 8 : 4)) % 2 === 0 && !reduced) return;
    const x = width / 2 + (ux / UNIT) * k;
    const y = height / 2 - (uy / UNIT) * k;
    const pulse = reduced ? 0 : Math.sin(now * 0.006 + ux);
    const r = (0.36 + 0.03 * pulse) * k;
    const colour = kind === ITEM.health ? HEALTH_COLOUR : BOUNCE_COLOUR;
    to.globalCompositeOperation = 'lighter';
    to.globalAlpha = 0.2 + 0.08 * pulse;
    to.drawImage(this.glows.white, x - 2 * r, y - 2 * r, 4 * r, 4 * r);
    to.globalCompositeOperation = 'source-over';
    to.globalAlpha = left < BLINKS && reduced ? 0.55 : 1;
    to.fillStyle = '#0d141b';
    to.strokeStyle = colour;
    to.lineWidth = Math.max(1.5, 0.07 * k);
    to.lineCap = 'round';
    to.lineJoin = 'round';
    to.beginPath();
    if (kind === ITEM.health) to.roundRect(x - r, y - r, 2 * r, 2 * r, r * 0.4);
    else {
      to.moveTo(x, y - r * 1.2);
      to.lineTo(x + r * 1.2, y);
      to.lineTo(x, y + r * 1.2);
      to.lineTo(x - r * 1.2, y);
      to.closePath();
    }
    to.fill();
    to.stroke();
    to.lineWidth = Math.max(2, 0.13 * k);
    to.beginPath();
    if (kind === ITEM.health) {
      to.moveTo(x - r * 0.5, y);
      to.lineTo(x + r * 0.5, y);
      to.moveTo(x, y - r * 0.5);
      to.lineTo(x, y + r * 0.5);
    } else {
      to.lineWidth = Math.max(1.5, 0.09 * k);
      to.moveTo(x - r * 0.55, y - r * 0.2);
      to.lineTo(x, y + r * 0.42);
      to.lineTo(x + r * 0.55, y - r * 0.2);
      to.moveTo(x + r * 0.2, y - r * 0.26);
      to.lineTo(x + r * 0.55, y - r * 0.24);
      to.lineTo(x + r * 0.56, y + r * 0.12);
    }
    to.stroke();
    to.globalAlpha = 1;
  }

  private drawTank(to: CanvasRenderingContext2D, camera: Camera, actor: Actor, now: number, reduced: boolean): void {
    const { width, height, scale: k } = camera;
    const { player, heading, own, bounce } = actor;
    const x = width / 2 + (actor.x / UNIT) * k;
    const y = height / 2 - (actor.y / UNIT) * k;
    const pictures = this.tank(player.slot, own, k);
    if (actor.ghost) {
      const { ghost } = actor;
      this.place(to, pictures, width / 2 + (ghost.x / UNIT) * k, height / 2 - (ghost.y / UNIT) * k, ghost.heading, player.slot, ghost.alpha);
    }
    const alpha = actor.alpha * (player.connected || player.bot ? 1 : 0.55);
    if (own) {
      // A ring of light under the own tank.
      to.globalAlpha = 0.28 * alpha;
      to.drawImage(this.glows.white, x - k, y - k, 2 * k, 2 * k);
      to.globalAlpha = 0.9 * alpha;
      to.strokeStyle = '#ffffff';
      to.lineWidth = Math.max(1.2, 0.05 * k);
      const ready = 1 - Math.min(1, actor.reload / RELOAD_TICKS);
      to.beginPath();
      to.arc(x, y, 0.74 * k, -heading * TURN - Math.PI * ready, -heading * TURN + Math.PI * ready);
      to.stroke();
      if (ready < 1) {
        to.globalAlpha = 0.22 * alpha;
        to.beginPath();
        to.arc(x, y, 0.74 * k, 0, 2 * Math.PI);
        to.stroke();
      }
    }
    if (bounce) {
      to.globalAlpha = alpha;
      to.strokeStyle = BOUNCE_COLOUR;
      to.lineWidth = Math.max(1.5, 0.07 * k);
      const turn = reduced ? 0 : now * 0.003;
      for (let i = 0; i < 3; i += 1) {
        to.beginPath();
        to.arc(x, y, 0.63 * k, turn + i * 2.094, turn + i * 2.094 + 0.9);
        to.stroke();
      }
    }
    this.place(to, pictures, x, y, heading, player.slot, alpha);
    to.globalAlpha = 1;
  }

  private place(to: CanvasRenderingContext2D, { whole, hulls, turret }: TankPictures, x: number, y: number, heading: number, slot: number, alpha: number): void {
    const camera = this.camera as Camera;
    const k = camera.scale;
    const size = TANK_REACH * k;
    to.globalAlpha = alpha;
    to.drawImage(this.glows.shadow, x - 0.58 * k, y - 0.5 * k, 1.36 * k, 1.36 * k);
    const angle = -heading * TURN;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    to.setTransform(cos, sin, -sin, cos, this.push.x + x, this.push.y + y);
    const step = Math.floor(((this.run[slot % 32] as number) / LINK) * TRACK_STEPS);
    const shown = ((step % TRACK_STEPS) + TRACK_STEPS) % TRACK_STEPS;
    const recoil = this.effects.recoil(slot);
    if (recoil === 0) to.drawImage(whole[shown] as HTMLCanvasElement, -size, -size);
    else {
      to.drawImage(hulls[shown] as HTMLCanvasElement, -size, -size);
      to.drawImage(turret, -size - recoil * k, -size);
    }
    this.straight(to);
  }

  private drawMissile(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera, missile: SceneMissile, now: number): void {
    const { heading, slot, key, bounce, alpha } = missile;
    const x = width / 2 + (missile.x / UNIT) * k;
    const y = height / 2 - (missile.y / UNIT) * k;
    const origin = this.origins.get(key);
    const flown = origin ? Math.hypot(missile.x - origin.x, missile.y - origin.y) / UNIT : 2;
    const length = Math.min(2.3, flown + 0.1) * k;
    const angle = -heading * TURN;
    to.setTransform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), this.push.x + x, this.push.y + y);
    to.globalCompositeOperation = 'lighter';
    to.globalAlpha = 0.9 * alpha;
    to.drawImage(this.trail(slot), -length, -0.17 * k, length + 0.06 * k, 0.34 * k);
    const r = 0.3 * k;
    to.drawImage(this.glows.fire, -r, -r, 2 * r, 2 * r);
    to.globalCompositeOperation = 'source-over';
    to.globalAlpha = alpha;
    to.fillStyle = '#fffdf4';
    to.beginPath();
    to.ellipse(0, 0, 0.15 * k, 0.085 * k, 0, 0, 2 * Math.PI);
    to.fill();
    to.strokeStyle = slotColour(slot);
    to.lineWidth = Math.max(1, 0.04 * k);
    to.stroke();
    if (bounce) {
      to.strokeStyle = BOUNCE_COLOUR;
      to.lineWidth = Math.max(1, 0.045 * k);
      to.beginPath();
      to.ellipse(-0.05 * k, 0, 0.1 * k, 0.21 * k, 0, now * 0.02, now * 0.02 + 4.6);
      to.stroke();
    }
    to.globalAlpha = 1;
    this.straight(to);
  }

  /** Back to a picture that is not turned. */
  private straight(to: CanvasRenderingContext2D): void {
    to.setTransform(1, 0, 0, 1, this.push.x, this.push.y);
  }

  /** Name and armour over a tank; under it where there is no room. */
  private drawState(to: CanvasRenderingContext2D, { width, height, scale: k, halfHeight }: Camera, actor: Actor, named: boolean): void {
    const { player, armour, own, alpha } = actor;
    const x = width / 2 + (actor.x / UNIT) * k;
    const above = actor.y / UNIT < halfHeight - 0.95;
    const y = height / 2 - (actor.y / UNIT) * k - (above ? 0.83 : -0.75) * k;
    const part = armour / ARMOUR_MAX;
    const wide = (own ? 1.1 : 0.9) * k;
    const high = Math.max(4, (own ? 0.15 : 0.12) * k);
    to.globalAlpha = alpha;
    to.fillStyle = 'rgb(6 9 13 / 0.85)';
    to.fillRect(x - wide / 2 - 1, y - 1, wide + 2, high + 2);
    to.fillStyle = part > 0.6 ? '#8ff0b5' : part > LOW_ARMOUR ? '#ffc457' : DANGER;
    to.fillRect(x - wide / 2, y, wide * part, high);
    // One full hit takes half of it.
    to.fillStyle = 'rgb(6 9 13 / 0.85)';
    to.fillRect(x - 0.5, y, 1, high);
    if (named) this.label(to, player.name, x, y + (above ? -0.27 * k : high + 0.25 * k), own ? 0.44 : 0.38, own ? 700 : 500, own ? '#ffffff' : '#e2e9f1');
    to.globalAlpha = 1;
  }

  private drawKiller(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera, actor: Actor, now: number, reduced: boolean): void {
    const x = width / 2 + (actor.x / UNIT) * k;
    const y = height / 2 - (actor.y / UNIT) * k;
    const r = (reduced ? 1 : 0.98 + 0.08 * Math.sin(now * 0.008)) * k;
    to.strokeStyle = DANGER;
    to.lineWidth = Math.max(2, 0.1 * k);
    to.lineCap = 'round';
    for (let corner = 0; corner < 4; corner += 1) {
      const cx = corner % 2 === 0 ? -1 : 1;
      const cy = corner < 2 ? -1 : 1;
      to.beginPath();
      to.moveTo(x + cx * r, y + cy * r * 0.5);
      to.lineTo(x + cx * r, y + cy * r);
      to.lineTo(x + cx * r * 0.5, y + cy * r);
      to.stroke();
    }
  }

  /** How far the blast would reach, and the time that is left to change one's mind. */
  private drawDestructing(to: CanvasRenderingContext2D, { width, height, scale: k }: Camera, self: Actor, part: number): void {
    const x = width / 2 + (self.x / UNIT) * k;
    const y = height / 2 - (self.y / UNIT) * k;
    to.strokeStyle = DANGER;
    to.globalAlpha = 0.35;
    to.lineWidth = Math.max(1, 0.05 * k);
    to.setLineDash([0.2 * k, 0.2 * k]);
    to.beginPath();
    to.arc(x, y, DESTRUCT_RADIUS * k, 0, 2 * Math.PI);
    to.stroke();
    to.setLineDash([]);
    to.globalAlpha = 1;
    to.lineWidth = Math.max(3, 0.16 * k);
    to.beginPath();
    to.arc(x, y, k, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * part);
    to.stroke();
  }

  /** The edges of the picture: just hurt, or about to be destroyed. */
  private drawDanger(to: CanvasRenderingContext2D, { width, height }: Camera, { self }: Scene, now: number, reduced: boolean): void {
    const low = self && self.armour <= LOW_ARMOUR * ARMOUR_MAX ? 0.32 + (reduced ? 0 : 0.16 * Math.sin(now * 0.007)) : 0;
    const strength = Math.max(low, this.effects.warning * (reduced ? 0.3 : 0.6));
    if (strength < 0.03) return;
    to.globalAlpha = strength;
    to.drawImage(this.glows.danger, 0, 0, width, height);
    to.globalAlpha = 1;
  }

  private label(to: CanvasRenderingContext2D, text: string, x: number, y: number, size: number, weight: number, colour: string): void {
    const k = (this.camera as Camera).scale;
    const pixels = Math.max(11 * this.density, size * k);
    const key = `${text} ${weight} ${colour}`;
    let picture = this.labels.get(key);
    if (!picture) {
      if (this.labels.size >= LABELS_MAX) this.labels.clear();
      picture = makeLabel(text, pixels, weight, colour);
      this.labels.set(key, picture);
    }
    // Whole pixels keep letters sharp, and names stay inside the picture.
    const left = Math.min(Math.max(0, x - picture.width / 2), this.canvas.width - picture.width);
    to.drawImage(picture, Math.round(left), Math.round(y - picture.height / 2));
  }

  private tank(slot: number, own: boolean, scale: number): TankPictures {
    const key = own ? slot + 256 : slot;
    let pictures = this.tanks.get(key);
    if (!pictures) {
      pictures = makeTank(slot, own, scale);
      this.tanks.set(key, pictures);
    }
    return pictures;
  }

  private trail(slot: number): HTMLCanvasElement {
    let picture = this.trails.get(slot);
    if (!picture) {
      picture = makeTrail(slotColour(slot));
      this.trails.set(slot, picture);
    }
    return picture;
  }
}
