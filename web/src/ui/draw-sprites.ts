/**
 * Small pictures that are drawn once and then put down many times.
 *
 * Owns colours' arithmetic, glows, fire and smoke. Everything is made for one scale and made anew when that changes.
 */

/** Draws once, on a canvas of its own. */
export function sprite(width: number, height: number, draw: (to: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.ceil(width));
  canvas.height = Math.max(1, Math.ceil(height));
  const to = canvas.getContext('2d');
  if (to) draw(to);
  return canvas;
}

/** `part` of the way from one colour (#rrggbb) to another. */
export function mix(from: string, into: string, part: number): string {
  const channel = (at: number) => {
    const a = Number.parseInt(from.slice(at, at + 2), 16);
    const b = Number.parseInt(into.slice(at, at + 2), 16);
    return Math.round(a + (b - a) * part)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

type Stop = readonly [number, string];

/** A soft disc: colours from its middle to its rim. */
function disc(size: number, stops: readonly Stop[]): HTMLCanvasElement {
  return sprite(size, size, (to) => {
    const half = size / 2;
    const fill = to.createRadialGradient(half, half, 0, half, half, half);
    for (const [at, colour] of stops) fill.addColorStop(at, colour);
    to.fillStyle = fill;
    to.fillRect(0, 0, size, size);
  });
}

const SIZE = 96;

/** Soft discs that do not depend on the scale. */
export interface Glows {
  readonly white: HTMLCanvasElement;
  readonly fire: HTMLCanvasElement;
  readonly ember: HTMLCanvasElement;
  readonly smoke: HTMLCanvasElement;
  readonly scorch: HTMLCanvasElement;
  readonly shadow: HTMLCanvasElement;
  /** The screen's edges in red. */
  readonly danger: HTMLCanvasElement;
}

export function makeGlows(): Glows {
  return {
    white: disc(SIZE, [[0, 'rgb(255 255 255 / 1)'], [0.25, 'rgb(255 248 225 / 0.8)'], [1, 'rgb(255 230 170 / 0)']]),
    fire: disc(SIZE, [[0, 'rgb(255 246 214 / 0.95)'], [0.3, 'rgb(255 200 90 / 0.85)'], [0.62, 'rgb(244 110 30 / 0.5)'], [1, 'rgb(120 30 8 / 0)']]),
    ember: disc(SIZE, [[0, 'rgb(255 150 60 / 0.7)'], [0.5, 'rgb(214 70 20 / 0.35)'], [1, 'rgb(90 20 8 / 0)']]),
    smoke: disc(SIZE, [[0, 'rgb(116 122 130 / 0.55)'], [0.55, 'rgb(84 90 98 / 0.3)'], [1, 'rgb(60 66 74 / 0)']]),
    scorch: disc(SIZE, [[0, 'rgb(4 5 7 / 0.85)'], [0.45, 'rgb(6 7 9 / 0.55)'], [0.75, 'rgb(8 9 11 / 0.2)'], [1, 'rgb(8 9 11 / 0)']]),
    shadow: disc(SIZE, [[0, 'rgb(0 0 0 / 0.6)'], [0.6, 'rgb(0 0 0 / 0.42)'], [1, 'rgb(0 0 0 / 0)']]),
    danger: sprite(SIZE, SIZE, (to) => {
      const fill = to.createRadialGradient(SIZE / 2, SIZE / 2, SIZE * 0.36, SIZE / 2, SIZE / 2, SIZE * 0.72);
      fill.addColorStop(0, 'rgb(255 60 40 / 0)');
      fill.addColorStop(1, 'rgb(255 60 40 / 0.75)');
      to.fillStyle = fill;
      to.fillRect(0, 0, SIZE, SIZE);
    }),
  };
}

/** The light that a missile of a colour draws behind it: full at the right end. */
export function makeTrail(colour: string): HTMLCanvasElement {
  const width = 128;
  const height = 24;
  return sprite(width, height, (to) => {
    for (let y = 0; y < height; y += 1) {
      const across = Math.abs(y + 0.5 - height / 2) / (height / 2);
      const fill = to.createLinearGradient(0, 0, width, 0);
      const strength = (1 - across) ** 1.6;
      const light = mix(colour, '#ffffff', strength * 0.6);
      const alpha = (part: number) =>
        Math.round(255 * part * strength)
          .toString(16)
          .padStart(2, '0');
      fill.addColorStop(0, `${light}00`);
      fill.addColorStop(0.55, `${light}${alpha(0.3)}`);
      fill.addColorStop(1, `${light}${alpha(1)}`);
      to.fillStyle = fill;
      to.fillRect(0, y, width, 1);
    }
  });
}

/** Text as a picture: with a dark rim, readable on anything. */
export function makeLabel(text: string, pixels: number, weight: number, colour: string): HTMLCanvasElement {
  const font = `${weight} ${pixels}px system-ui, sans-serif`;
  const probe = document.createElement('canvas').getContext('2d');
  if (probe) probe.font = font;
  const width = (probe?.measureText(text).width ?? pixels * text.length) + pixels * 0.6;
  return sprite(width, pixels * 1.5, (to) => {
    to.font = font;
    to.textAlign = 'center';
    to.textBaseline = 'middle';
    to.lineJoin = 'round';
    to.lineWidth = pixels * 0.28;
    to.strokeStyle = 'rgb(6 9 13 / 0.85)';
    to.strokeText(text, width / 2, pixels * 0.78);
    to.fillStyle = colour;
    to.fillText(text, width / 2, pixels * 0.78);
  });
}
