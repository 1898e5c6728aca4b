/**
 * Tanks as pictures: hulls with running tracks, and turrets.
 *
 * Owns what a tank looks like. Pictures point to the right, are made when a place in the game is first drawn at a scale, and
 * are put down turned from then on.
 */
import { type Pattern, slotColour, slotPattern } from './colours';
import { mix, sprite } from './draw-sprites';

/** Half the side of a tank's pictures, in u. */
export const TANK_REACH = 0.66;
/** Steps in which the links of the tracks run. */
export const TRACK_STEPS = 4;
/** Distance between two links, in u. */
export const LINK = 0.12;

const RIM = '#070a0e';
const TREAD = '#12181f';
const LINKS = '#3a4858';
const STEEL = '#c4d0dd';
const STEEL_DARK = '#5d6b7a';

export interface TankPictures {
  /** Hull and turret as one, by step of the tracks; apart while the gun recoils. */
  readonly whole: readonly HTMLCanvasElement[];
  /** By step of the tracks. */
  readonly hulls: readonly HTMLCanvasElement[];
  readonly turret: HTMLCanvasElement;
}

export function makeTank(slot: number, own: boolean, scale: number): TankPictures {
  const colour = slotColour(slot);
  const picture = (draw: (to: CanvasRenderingContext2D) => void) =>
    sprite(2 * TANK_REACH * scale, 2 * TANK_REACH * scale, (to) => {
      to.setTransform(scale, 0, 0, scale, to.canvas.width / 2, to.canvas.height / 2);
      draw(to);
    });
  const steps = Array.from({ length: TRACK_STEPS }, (_, step) => (to: CanvasRenderingContext2D) => hull(to, colour, slotPattern(slot), own, (step / TRACK_STEPS) * LINK));
  return {
    whole: steps.map((step) =>
      picture((to) => {
        step(to);
        turret(to, colour, own);
      }),
    ),
    hulls: steps.map(picture),
    turret: picture((to) => turret(to, colour, own)),
  };
}

function hull(to: CanvasRenderingContext2D, colour: string, pattern: Pattern, own: boolean, shift: number): void {
  for (const side of [-1, 1]) track(to, side, shift);
  // The body, wedge-shaped in front.
  const body = (): void => {
    to.beginPath();
    to.moveTo(-0.43, -0.24);
    to.lineTo(-0.37, -0.29);
    to.lineTo(0.26, -0.29);
    to.lineTo(0.45, -0.16);
    to.lineTo(0.45, 0.16);
    to.lineTo(0.26, 0.29);
    to.lineTo(-0.37, 0.29);
    to.lineTo(-0.43, 0.24);
    to.closePath();
  };
  body();
  if (own) {
    to.strokeStyle = '#ffffff';
    to.lineWidth = 0.12;
    to.lineJoin = 'round';
    to.stroke();
  }
  const fill = to.createLinearGradient(0, -0.29, 0, 0.29);
  fill.addColorStop(0, mix(colour, '#000000', 0.32));
  fill.addColorStop(0.28, colour);
  fill.addColorStop(0.72, colour);
  fill.addColorStop(1, mix(colour, '#000000', 0.32));
  to.fillStyle = fill;
  to.fill();
  to.save();
  to.clip();
  // The slope in front takes the light.
  to.fillStyle = mix(colour, '#ffffff', 0.35);
  to.beginPath();
  to.moveTo(0.26, -0.29);
  to.lineTo(0.45, -0.16);
  to.lineTo(0.45, 0.16);
  to.lineTo(0.26, 0.29);
  to.closePath();
  to.fill();
  // The engine's grille.
  to.fillStyle = mix(colour, '#000000', 0.6);
  for (let i = 0; i < 3; i += 1) to.fillRect(-0.4 + i * 0.06, -0.17, 0.03, 0.34);
  drawPattern(to, pattern, mix(colour, '#000000', 0.72));
  to.restore();
  body();
  to.strokeStyle = RIM;
  to.lineWidth = 0.035;
  to.lineJoin = 'round';
  to.stroke();
}

function track(to: CanvasRenderingContext2D, side: number, shift: number): void {
  const top = side < 0 ? -0.43 : 0.23;
  to.save();
  to.beginPath();
  to.roundRect(-0.47, top, 0.94, 0.2, 0.08);
  to.fillStyle = TREAD;
  to.fill();
  to.clip();
  to.fillStyle = LINKS;
  for (let x = -0.6 + shift; x < 0.5; x += LINK) to.fillRect(x, top + 0.02, 0.05, 0.16);
  to.fillStyle = 'rgb(0 0 0 / 0.45)';
  to.fillRect(-0.47, side < 0 ? top + 0.13 : top, 0.94, 0.07);
  to.restore();
  to.beginPath();
  to.roundRect(-0.47, top, 0.94, 0.2, 0.08);
  to.strokeStyle = RIM;
  to.lineWidth = 0.03;
  to.stroke();
}

function drawPattern(to: CanvasRenderingContext2D, pattern: Pattern, colour: string): void {
  to.fillStyle = colour;
  to.strokeStyle = colour;
  to.lineWidth = 0.07;
  switch (pattern) {
    case 'plain':
      break;
    case 'stripes':
      to.fillRect(-0.5, -0.21, 1, 0.07);
      to.fillRect(-0.5, 0.14, 1, 0.07);
      break;
    case 'chevron':
      to.beginPath();
      to.moveTo(-0.2, -0.3);
      to.lineTo(0.22, 0);
      to.lineTo(-0.2, 0.3);
      to.stroke();
      break;
    case 'ring':
      to.fillRect(-0.28, -0.3, 0.07, 0.6);
      to.fillRect(0.16, -0.3, 0.07, 0.6);
      break;
  }
}

function turret(to: CanvasRenderingContext2D, colour: string, own: boolean): void {
  const barrel = (): void => {
    to.beginPath();
    to.rect(0.12, -0.055, 0.36, 0.11);
    to.rect(0.45, -0.085, 0.1, 0.17);
  };
  to.lineJoin = 'round';
  barrel();
  to.strokeStyle = RIM;
  to.lineWidth = 0.06;
  to.stroke();
  const steel = to.createLinearGradient(0, -0.08, 0, 0.08);
  steel.addColorStop(0, STEEL_DARK);
  steel.addColorStop(0.35, own ? '#ffffff' : STEEL);
  steel.addColorStop(1, STEEL_DARK);
  to.fillStyle = steel;
  barrel();
  to.fill();
  const top = to.createRadialGradient(-0.06, -0.05, 0.02, 0, 0, 0.24);
  top.addColorStop(0, mix(colour, '#ffffff', 0.55));
  top.addColorStop(0.6, mix(colour, '#ffffff', 0.12));
  top.addColorStop(1, mix(colour, '#000000', 0.3));
  to.beginPath();
  to.moveTo(0.2, -0.1);
  to.lineTo(0.2, 0.1);
  to.arc(0, 0, 0.215, 0.5, 2 * Math.PI - 0.5);
  to.closePath();
  to.fillStyle = top;
  to.fill();
  to.strokeStyle = RIM;
  to.lineWidth = 0.035;
  to.stroke();
  // The hatch.
  to.beginPath();
  to.arc(-0.06, 0.02, 0.085, 0, 2 * Math.PI);
  to.fillStyle = mix(colour, '#000000', 0.45);
  to.fill();
  to.lineWidth = 0.02;
  to.stroke();
}
