/**
 * Colours that mean something: places in a game, and revisions of the servers.
 *
 * Owns both tables. They are told apart with the usual kinds of colour blindness (steps in lightness, not only in hue) and
 * have a contrast of at least 4.5 : 1 on the page's dark ground. Colour is never the only sign: names stand beside it.
 */

/**
 * By slot: sky, orange, mint, yellow, rust, mauve, indigo, white. Found by a search for the largest smallest distance between
 * any two as people with and without each of the three kinds of colour blindness see them. Games with more places begin
 * again, with a pattern on top.
 */
export const SLOTS = ['#5fb8ff', '#ffa01a', '#9be3b4', '#ffe733', '#e0622f', '#bd72a6', '#6f7bff', '#f7fbff'] as const;

/** What a place beyond the eighth has on its colour. */
export const PATTERNS = ['plain', 'stripes', 'chevron', 'ring'] as const;
export type Pattern = (typeof PATTERNS)[number];

/**
 * By revision: sky, amber, violet, lime, pink, white. A roll shows one and the next: those are far apart in all kinds of sight,
 * and none is the page's accent.
 */
export const REVISIONS = ['#4cc3ff', '#ffb000', '#b388ff', '#d3ea5c', '#ff6fae', '#eaf0f7'] as const;

/** A revision of which nothing is known. */
export const UNKNOWN_REVISION = '#8496a9';

/** The colour of a place in a game. */
export function slotColour(slot: number): string {
  return SLOTS[slot % SLOTS.length] ?? SLOTS[0];
}

/** The pattern of a place in a game. */
export function slotPattern(slot: number): Pattern {
  return PATTERNS[Math.floor(slot / SLOTS.length) % PATTERNS.length] ?? 'plain';
}

/** Revision to place in the table, in the order in which this page met them. */
const met = new Map<string, number>();

/**
 * The colour of a revision, the same for as long as the page is open.
 *
 * Numbered revisions follow each other in the table, others are spread by their text, so that most pages agree without
 * asking. Two revisions that this page has met never share a colour while there is a free one.
 */
export function revisionColour(revision: string): string {
  if (revision === '') return UNKNOWN_REVISION;
  let place = met.get(revision);
  if (place === undefined) {
    place = freePlace(wanted(revision), new Set([...met.values()].slice(1 - REVISIONS.length)));
    met.set(revision, place);
  }
  return REVISIONS[place] ?? UNKNOWN_REVISION;
}

function wanted(revision: string): number {
  if (/^\d{1,9}$/.test(revision)) return (Number(revision) + REVISIONS.length - 1) % REVISIONS.length;
  let hash = 0;
  for (const char of revision) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % REVISIONS.length;
}

function freePlace(first: number, taken: ReadonlySet<number>): number {
  for (let step = 0; step < REVISIONS.length; step += 1) {
    const place = (first + step) % REVISIONS.length;
    if (!taken.has(place)) return place;
  }
  return first;
}
