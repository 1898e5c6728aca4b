/**
 * How things on the board get from one place to another: games fly in an arc with a trail, the rest slides.
 *
 * Owns geometry and animations; the page's layout stays the browser's. A thing is put where it belongs at once and only drawn
 * where it was, so nothing here can leave it in a wrong place.
 */

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export const FLIGHT_MS = 700;
const SLIDE_MS = 420;
/** Between two games that leave at the same time. */
export const STAGGER_MS = 110;
/** The trail stays for so long after the landing. */
const TRAIL_MS = 1600;
/** One that leads astray is gone after so long. */
const CLEAR_MS = 200;
const STEPS = 24;
/** Flights stay below this, in pixels from the board's upper edge. */
const TOP = 4;

/** Where the middle of a flight is, between 0 and 1: over the roofs, or past the houses where they stand in a column. */
export function onArc(from: Point, to: Point, part: number): Point {
  const top = apex(from, to);
  const rest = 1 - part;
  const along = (a: number, b: number, c: number) => rest * rest * a + 2 * rest * part * b + part * part * c;
  return { x: along(from.x, top.x, to.x), y: along(from.y, top.y, to.y) };
}

/** The point that the curve is drawn towards. */
export function apex(from: Point, to: Point): Point {
  const [dx, dy] = [Math.abs(to.x - from.x), Math.abs(to.y - from.y)];
  const between = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  // To the left: to the right a page would grow wider.
  if (dy > dx) return { x: between.x - Math.min(80, 0.3 * dy), y: between.y };
  // The curve's top is half way between its ends and this point.
  const top = Math.max(TOP, Math.min(from.y, to.y) - 60 - 0.35 * dx);
  return { x: between.x, y: Math.min(2 * top - between.y, between.y - 40) };
}

/** Slow, fast, slow. */
export function eased(part: number): number {
  return part < 0.5 ? 4 * part ** 3 : 1 - (-2 * part + 2) ** 3 / 2;
}

export function middle({ x, y, width, height }: Place): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

/** Where a thing belongs, relative to an element around it, whatever is being animated. */
export function placeIn(element: HTMLElement, around: HTMLElement): Place {
  let [x, y] = [0, 0];
  for (let at: HTMLElement | null = element; at && at !== around; at = at.offsetParent as HTMLElement | null) {
    x += at.offsetLeft;
    y += at.offsetTop;
  }
  return { x, y, width: element.offsetWidth, height: element.offsetHeight };
}

/** Where a thing is seen at this moment. */
export function seenIn(element: HTMLElement, around: HTMLElement): Place {
  const [box, base] = [element.getBoundingClientRect(), around.getBoundingClientRect()];
  return { x: box.left - base.left, y: box.top - base.top, width: box.width, height: box.height };
}

export function slide(element: HTMLElement, dx: number, dy: number): void {
  stopMoving(element);
  const animation = element.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: 'none' }], {
    duration: SLIDE_MS,
    easing: 'cubic-bezier(0.3, 0, 0.2, 1)',
  });
  animation.id = 'move';
}

/** From where it was seen to where it belongs. `drift`: how far its house is away from its own place at the start. */
export function fly(element: HTMLElement, from: Place, to: Place, drift: Point, delay: number, trails: SVGElement | null, colour: string): void {
  stopMoving(element);
  const [start, end] = [middle(from), middle(to)];
  const frames = Array.from({ length: STEPS + 1 }, (_, step): Keyframe => {
    const part = eased(step / STEPS);
    const at = onArc(start, end, part);
    const [x, y] = [at.x - end.x - drift.x * (1 - part), at.y - end.y - drift.y * (1 - part)];
    return { transform: `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) scale(${(1 + 0.1 * Math.sin(Math.PI * part)).toFixed(3)})` };
  });
  const animation = element.animate(frames, { duration: FLIGHT_MS, delay, fill: 'backwards' });
  animation.id = 'move';
  // No class: the page sets those anew when the move is told, which may be a moment later.
  element.dataset.flying = '';
  const landed = (): void => {
    delete element.dataset.flying;
  };
  animation.onfinish = landed;
  animation.oncancel = landed;
  if (trails) leaveTrail(trails, start, end, delay, colour);
}

export function isFlying(element: HTMLElement): boolean {
  return element.dataset.flying !== undefined;
}

function stopMoving(element: HTMLElement): void {
  for (const animation of element.getAnimations()) {
    if (animation.id !== 'move') continue;
    // Told late, it would end what comes next.
    animation.oncancel = null;
    animation.cancel();
  }
  delete element.dataset.flying;
}

/** Lets all trails fade now. */
export function clearTrails(trails: SVGElement | null): void {
  for (const path of trails?.children ?? []) {
    const fading = path.animate([{}, { opacity: 0 }], { duration: CLEAR_MS, fill: 'forwards' });
    fading.onfinish = () => path.remove();
  }
}

function leaveTrail(trails: SVGElement, from: Point, to: Point, delay: number, colour: string): void {
  const top = apex(from, to);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', `M${from.x} ${from.y}Q${top.x} ${top.y} ${to.x} ${to.y}`);
  path.setAttribute('pathLength', '1');
  path.style.stroke = colour;
  trails.append(path);
  const drawn = Array.from({ length: STEPS + 1 }, (_, step): Keyframe => ({ strokeDashoffset: String(1 - eased(step / STEPS)) }));
  path.animate(drawn, { duration: FLIGHT_MS, delay, fill: 'both' });
  const fading = path.animate([{ opacity: 0.9 }, { opacity: 0 }], { duration: TRAIL_MS, delay: delay + FLIGHT_MS, fill: 'both', easing: 'ease-in' });
  fading.onfinish = () => path.remove();
}
