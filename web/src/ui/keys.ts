/**
 * The keyboard as tank controls.
 *
 * Owns which key does what. Keys that belong to a form field or a focused button are left alone.
 */
import { KEY } from '../protocol/client';

const CODES: Readonly<Record<string, number>> = {
  ArrowUp: KEY.forward,
  KeyI: KEY.forward,
  KeyW: KEY.forward,
  ArrowDown: KEY.back,
  KeyK: KEY.back,
  KeyS: KEY.back,
  ArrowLeft: KEY.left,
  KeyJ: KEY.left,
  KeyA: KEY.left,
  ArrowRight: KEY.right,
  KeyL: KEY.right,
  KeyD: KEY.right,
  Space: KEY.fire,
};

export interface Controls {
  /** These keys are held now. */
  hold(keys: number): void;
  /** Is there no tank to drive, so that Enter and Space launch one? */
  launchable(): boolean;
  launch(): void;
}

/** Listens until the returned function is called. */
export function listen(controls: Controls): () => void {
  const held = new Set<string>();
  const tell = () => controls.hold([...held].reduce((keys, code) => keys | (CODES[code] ?? 0), 0));
  const down = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    if ((event.code === 'Enter' || event.code === 'Space') && controls.launchable()) {
      event.preventDefault();
      if (!event.repeat) controls.launch();
      return;
    }
    if (!(event.code in CODES)) return;
    event.preventDefault();
    // A Space that has launched a tank fires only when it is pressed again.
    if (event.repeat) return;
    held.add(event.code);
    tell();
  };
  const up = (event: KeyboardEvent): void => {
    if (held.delete(event.code)) tell();
  };
  const release = (): void => {
    held.clear();
    tell();
  };
  addEventListener('keydown', down);
  addEventListener('keyup', up);
  addEventListener('blur', release);
  return () => {
    removeEventListener('keydown', down);
    removeEventListener('keyup', up);
    removeEventListener('blur', release);
  };
}

function taken({ target, code }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input, textarea, select')) return true;
  return (code === 'Enter' || code === 'Space') && target.closest('button, a') !== null;
}
