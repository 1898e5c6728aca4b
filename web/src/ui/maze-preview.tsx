/** Mazes as small drawings. */
import { useEffect, useReducer } from 'preact/hooks';
import { parseMaze } from '../game/maze';
import { UNIT } from '../game/motion';
import { type MazeText, listMazes } from '../net/api';

/** Mazes that servers know, as far as this page asked. */
let mazes: readonly MazeText[] = [];
let asked: { readonly at: number; readonly answer: Promise<void> } | null = null;
/** After no answer, or one without the name: servers of another build may know it. */
const ASK_AGAIN_MS = 3000;

/** One question for all who want to know at about the same time. */
function ask(now: number): Promise<void> {
  if (!asked || now - asked.at >= ASK_AGAIN_MS) {
    const answer = listMazes().then(
      (list) => {
        mazes = list;
      },
      // Drawings are decoration: without them names remain.
      () => {},
    );
    asked = { at: now, answer };
  }
  return asked.answer;
}

export function useMazes(wanted?: string): readonly MazeText[] {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const known = wanted === undefined || wanted === '' ? mazes.length > 0 : mazes.some(({ name }) => name === wanted);
  useEffect(() => {
    if (known) return;
    let open = true;
    let again: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      await ask(performance.now());
      if (!open) return;
      again = setTimeout(() => void turn(), ASK_AGAIN_MS);
      redraw(undefined);
    };
    void turn();
    return () => {
      open = false;
      clearTimeout(again);
    };
  }, [wanted, known]);
  return mazes;
}

/** The maze of a game by its name: an empty arena until it is known. */
export function NamedMaze({ name }: { name: string }) {
  const text = useMazes(name).find((maze) => maze.name === name)?.text;
  return <MazePreview text={text ?? ''} />;
}

export function MazePreview({ text }: { text: string }) {
  const { path, width, height } = drawn(text);
  return (
    <svg class="maze" viewBox={`${-width / 2 - 0.3} ${-height / 2 - 0.3} ${width + 0.6} ${height + 0.6}`} aria-hidden="true" focusable="false">
      <rect x={-width / 2} y={-height / 2} width={width} height={height} rx="0.6" />
      <path d={path} />
    </svg>
  );
}

interface Drawing {
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

/** Each is drawn once: a game that moves to another house is a new thing on the page. */
const drawings = new Map<string, Drawing>();

function drawn(text: string): Drawing {
  const known = drawings.get(text) ?? drawing(text);
  drawings.set(text, known);
  return known;
}

/** Lengths in u, y downwards as SVG has it. */
export function drawing(text: string): Drawing {
  try {
    const { walls, halfWidth, halfHeight } = parseMaze(text);
    const place = (units: number) => Number((units / UNIT).toFixed(2));
    const path = walls.map((wall) => `M${wall.map(({ x, y }) => `${place(x)} ${place(-y)}`).join('L')}Z`).join('');
    return { path, width: (2 * halfWidth) / UNIT, height: (2 * halfHeight) / UNIT };
  } catch {
    // A maze in a later format: its name has to do.
    return { path: '', width: 20, height: 20 };
  }
}
