/** Colours as people with and without colour blindness see them. */
import { describe, expect, it } from 'vitest';
import { PATTERNS, REVISIONS, SLOTS, revisionColour, slotColour, slotPattern } from './colours';

type Rgb = readonly [number, number, number];

/** The page's panels and the arena's floor. */
const GROUNDS = ['#131a22', '#1b2530'];

/** What is left of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1), and the least distance asked of any two. */
const SIGHT: Readonly<Record<string, { readonly matrix: readonly number[]; readonly distance: number }>> = {
  ordinary: { matrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], distance: 0.14 },
  deuteranopia: { matrix: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881], distance: 0.12 },
  protanopia: { matrix: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998], distance: 0.12 },
  tritanopia: { matrix: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039], distance: 0.09 },
};

function linear(hex: string): Rgb {
  const channel = (at: number) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function seen([r, g, b]: Rgb, m: readonly number[]): Rgb {
  const row = (i: number) => Math.min(1, Math.max(0, (m[i] ?? 0) * r + (m[i + 1] ?? 0) * g + (m[i + 2] ?? 0) * b));
  return [row(0), row(3), row(6)];
}

/** Distances in Oklab follow what people call different. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function contrast(a: string, b: string): number {
  const luminance = (hex: string) => {
    const [r, g, b] = linear(hex);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe('colours of places', () => {
  it.each(Object.keys(SIGHT))('are told apart with %s sight', (name) => {
    const { matrix, distance } = SIGHT[name] as (typeof SIGHT)[string];
    const places = SLOTS.map((hex) => oklab(seen(linear(hex), matrix)));
    const close = places.flatMap((a, i) =>
      places.slice(0, i).flatMap((b, j) => {
        const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        return apart < distance ? [`${SLOTS[i]} and ${SLOTS[j]}: ${apart.toFixed(3)}`] : [];
      }),
    );
    expect(close).toEqual([]);
  });

  it.each([...SLOTS])('%s can be read as text on every ground', (hex) => {
    for (const ground of GROUNDS) expect(contrast(hex, ground)).toBeGreaterThanOrEqual(4.2);
    expect(contrast(hex, GROUNDS[0] as string)).toBeGreaterThanOrEqual(4.5);
  });

  it('with their patterns tell 32 places apart', () => {
    const looks = Array.from({ length: 32 }, (_, slot) => `${slotColour(slot)} ${slotPattern(slot)}`);
    expect(new Set(looks).size).toBe(32);
    expect(looks.slice(0, 8).every((look) => look.endsWith(PATTERNS[0]))).toBe(true);
  });
});

describe('colours of revisions', () => {
  it.each(Object.keys(SIGHT))('that follow each other are far apart with %s sight', (name) => {
    const { matrix } = SIGHT[name] as (typeof SIGHT)[string];
    const seenAs = (i: number) => oklab(seen(linear(REVISIONS[i % REVISIONS.length] ?? REVISIONS[0]), matrix));
    const apart = REVISIONS.map((_, i) => Math.hypot(...seenAs(i).map((part, axis) => part - (seenAs(i + 1)[axis] ?? 0))));
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(0.14);
  });

  it('stay, and differ while there are free ones', () => {
    const first = ['1', '2', '3', '7d9fc6b5d', '6c8b4'].map(revisionColour);
    expect(new Set(first).size).toBe(5);
    expect(['1', '2', '3', '7d9fc6b5d', '6c8b4'].map(revisionColour)).toEqual(first);
  });

  it.each([...REVISIONS])('%s can be read as text', (hex) => {
    expect(contrast(hex, GROUNDS[0] as string)).toBeGreaterThanOrEqual(4.5);
  });
});
