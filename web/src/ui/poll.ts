/**
 * Asking a server again and again while a page is open.
 *
 * Owns the pace: the next question follows the last answer, and what was known stays while the server does not answer.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Polled<T> {
  /** The last good answer. */
  readonly value: T | null;
  /** Why the last question failed, if it did. */
  readonly error: string | null;
  /** Asks at once. */
  readonly refresh: () => void;
}

export function usePolled<T>(load: () => Promise<T>, everyMs: number): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const ask = useRef<() => void>(() => {});
  useEffect(() => {
    let open = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    const turn = async (): Promise<void> => {
      if (asking) return;
      asking = true;
      clearTimeout(timer);
      try {
        const answer = await load();
        if (open) {
          setValue(answer);
          setError(null);
        }
      } catch (failure) {
        if (open) setError(failure instanceof Error ? failure.message : String(failure));
      }
      asking = false;
      if (open) timer = setTimeout(() => void turn(), everyMs);
    };
    ask.current = () => void turn();
    void turn();
    return () => {
      open = false;
      clearTimeout(timer);
    };
  }, [load, everyMs]);
  return { value, error, refresh: useCallback(() => ask.current(), []) };
}
