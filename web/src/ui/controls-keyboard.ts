/**
 * The keyboard: which key does what, and when it is not ours.
 *
 * Keys that belong to a form field, a focused button or an open dialog are left alone.
 */
import { KEY } from '../protocol/client';
import type { Controls } from './controls';

const DRIVE: Readonly<Record<string, number>> = {
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

/** Tab pressed for less than this goes into the panels, as everywhere; held, it shows the score board. */
export const TAB_MS = 250;

/** What keys do besides driving. */
export interface Commands {
  chat(): void;
  mute(): void;
  fullScreen(): void;
  help(): void;
  /** The large score board is wanted, or not any more. */
  scores(shown: boolean): void;
  /** The keyboard goes to the page's first button. */
  enterPanels(): void;
  /** A dialog has the keyboard. */
  modal(): boolean;
}

/** Listens until the returned function is called. `commands.modal` is asked before anything else. */
export function listenKeyboard(controls: Controls, commands: Commands, on: Window = window): () => void {
  const held = new Set<string>();
  let tabAt: number | null = null;
  const tell = () => controls.setKeyboard([...held].reduce((keys, code) => keys | (DRIVE[code] ?? 0), 0));
  const down = (event: KeyboardEvent): void => {
    if (commands.modal() || event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    const { code, repeat } = event;
    if (code === 'Tab' && !event.shiftKey && !onControl(event)) {
      event.preventDefault();
      if (tabAt === null) {
        tabAt = event.timeStamp;
        commands.scores(true);
      }
      return;
    }
    if ((code === 'Enter' || code === 'Space') && !repeat && controls.launch(null, event.timeStamp, code === 'Space')) {
      event.preventDefault();
      return;
    }
    if (letter(event) === 'z' && !(code in DRIVE)) {
      if (!repeat) controls.askDestruct('keyboard', true, event.timeStamp);
      return;
    }
    if (code in DRIVE) {
      event.preventDefault();
      // A Space that has launched a tank fires only when it is pressed again.
      if (repeat) return;
      held.add(code);
      tell();
      return;
    }
    if (repeat) return;
    const command = commandOf(event);
    if (!command) return;
    event.preventDefault();
    commands[command]();
  };
  const up = (event: KeyboardEvent): void => {
    if (event.code === 'Tab' && tabAt !== null) {
      const short = event.timeStamp - tabAt < TAB_MS;
      tabAt = null;
      commands.scores(false);
      if (short) commands.enterPanels();
    }
    if (letter(event) === 'z') controls.askDestruct('keyboard', false, event.timeStamp);
    if (held.delete(event.code)) tell();
  };
  const release = (): void => {
    held.clear();
    if (tabAt !== null) commands.scores(false);
    tabAt = null;
    controls.release();
  };
  on.addEventListener('keydown', down);
  on.addEventListener('keyup', up);
  on.addEventListener('blur', release);
  return () => {
    on.removeEventListener('keydown', down);
    on.removeEventListener('keyup', up);
    on.removeEventListener('blur', release);
    release();
  };
}

function commandOf(event: KeyboardEvent): 'chat' | 'mute' | 'fullScreen' | 'help' | null {
  if (event.key === '?') return 'help';
  if (event.key === '/') return 'chat';
  switch (letter(event)) {
    case 't':
      return 'chat';
    case 'm':
      return 'mute';
    case 'f':
      return 'fullScreen';
    default:
      return null;
  }
}

/** The letter on the key; on keyboards without Latin letters the one at its place. */
function letter({ code, key }: KeyboardEvent): string | null {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : null;
}

/** Has something on the page, besides the arena, the keyboard? */
function onControl({ target }: KeyboardEvent): boolean {
  return closest(target, 'button, a, input, textarea, select, summary, [tabindex]:not(main)');
}

function taken(event: KeyboardEvent): boolean {
  if (closest(event.target, 'input, textarea, select')) return true;
  return (event.code === 'Enter' || event.code === 'Space') && closest(event.target, 'button, a, summary');
}

function closest(target: EventTarget | null, selector: string): boolean {
  return target !== null && 'closest' in target && (target as Element).closest(selector) !== null;
}
