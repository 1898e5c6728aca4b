/** The game's chat: what was said, who came and went, and a line to say something. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ChatLine } from '../game/view';
import { slotColour } from './colours';
import { Icon } from './game-icons';

/** Most characters of a message, as the server counts them. */
const TEXT_MAX = 120;

export function Chat({ lines, say, input, leave }: { lines: readonly ChatLine[]; say: ((text: string) => void) | null; input: RefObject<HTMLInputElement | null>; leave: () => void }) {
  const [text, setText] = useState('');
  const log = useRef<HTMLDivElement>(null);
  const newest = lines.at(-1);
  useLayoutEffect(() => {
    log.current?.scrollTo(0, log.current.scrollHeight);
  }, [newest?.tick, lines.length]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const said = text.trim();
    if (said !== '') say?.(said);
    setText('');
    // Back to the tank.
    leave();
  };
  return (
    <div class="chat">
      <div ref={log} class="log" role="log" aria-label="Chat" tabIndex={0}>
        {lines.length === 0 && <p class="line quiet">Nobody has said anything yet.</p>}
        {lines.map((line, i) => (
          <p key={`${line.tick} ${line.slot} ${i}`} class={line.what.type === 'said' ? 'line' : 'line quiet'}>
            <Line line={line} />
          </p>
        ))}
      </div>
      {say && (
        <form onSubmit={submit}>
          <input
            ref={input}
            aria-label="Say something"
            placeholder="Say something (T)"
            value={text}
            maxLength={TEXT_MAX}
            autocomplete="off"
            enterkeyhint="send"
            onInput={({ currentTarget }) => setText(currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') leave();
            }}
          />
          <button class="icon-button" aria-label="Send">
            <Icon of="send" />
          </button>
        </form>
      )}
    </div>
  );
}

function Line({ line: { slot, name, what } }: { line: ChatLine }) {
  const who = (
    <b class="who" style={{ '--slot': slotColour(slot) }}>
      {name}
    </b>
  );
  switch (what.type) {
    case 'entered':
      return <>{who} entered</>;
    case 'left':
      return <>{who} left</>;
    case 'renamed':
      return <>{who} is now <b class="who" style={{ '--slot': slotColour(slot) }}>{what.to}</b></>;
    case 'said':
      return <>{who} {what.text}</>;
  }
}
