/**
 * Controls for thumbs: a stick that appears where one goes down, and a fire button that also launches.
 *
 * Owns where on the screen they are; what a stick does to a tank is `touch`'s. Each follows one finger.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Controls } from './controls';
import { DESTRUCT_HOLD_MS } from './controls';

/** Pixels from the middle of the stick to its rim. */
const RADIUS = 58;

export function TouchPad({ controls, launchable, leftHanded }: { controls: Controls; launchable: boolean; leftHanded: boolean }) {
  useEffect(() => () => controls.release(), [controls]);
  return (
    <div class={`touch-pad${leftHanded ? ' left-handed' : ''}`}>
      <StickZone controls={controls} idle={launchable} />
      <FireZone controls={controls} launchable={launchable} />
    </div>
  );
}

function StickZone({ controls, idle }: { controls: Controls; idle: boolean }) {
  const finger = useRef<number | null>(null);
  const base = useRef({ x: 0, y: 0 });
  const stick = useRef<HTMLDivElement>(null);
  const knob = useRef<HTMLElement>(null);
  const show = (x: number, y: number): void => {
    stick.current?.style.setProperty('transform', `translate(${base.current.x}px, ${base.current.y}px)`);
    knob.current?.style.setProperty('transform', `translate(${x}px, ${y}px)`);
  };
  const end = (event: PointerEvent): void => {
    if (event.pointerId !== finger.current) return;
    finger.current = null;
    stick.current?.classList.remove('held');
    controls.setStick(null);
  };
  return (
    <div
      class={`stick-zone${idle ? ' idle' : ''}`}
      aria-hidden="true"
      onPointerDown={(event) => {
        if (finger.current !== null) return;
        finger.current = event.pointerId;
        event.currentTarget.setPointerCapture(event.pointerId);
        const box = event.currentTarget.getBoundingClientRect();
        base.current = { x: event.clientX - box.left, y: event.clientY - box.top };
        stick.current?.classList.add('held');
        show(0, 0);
        controls.setStick({ x: 0, y: 0 });
      }}
      onPointerMove={(event) => {
        if (event.pointerId !== finger.current) return;
        const box = event.currentTarget.getBoundingClientRect();
        let x = event.clientX - box.left - base.current.x;
        let y = event.clientY - box.top - base.current.y;
        const far = Math.hypot(x, y);
        if (far > RADIUS) {
          // The stick comes along, so that turning back is never a long way.
          base.current = { x: base.current.x + x * (1 - RADIUS / far), y: base.current.y + y * (1 - RADIUS / far) };
          x *= RADIUS / far;
          y *= RADIUS / far;
        }
        show(x, y);
        controls.setStick({ x: x / RADIUS, y: y / RADIUS });
      }}
      onPointerUp={end}
      onPointerCancel={end}
    >
      <div ref={stick} class="stick">
        <i ref={knob} />
      </div>
    </div>
  );
}

function FireZone({ controls, launchable }: { controls: Controls; launchable: boolean }) {
  const finger = useRef<number | null>(null);
  const [held, setHeld] = useState(false);
  const end = (event: PointerEvent): void => {
    if (event.pointerId !== finger.current) return;
    finger.current = null;
    setHeld(false);
    controls.setFire(false);
  };
  return (
    <div
      class={`fire-zone${launchable ? ' idle' : ''}`}
      onPointerDown={(event) => {
        if (finger.current !== null || launchable) return;
        finger.current = event.pointerId;
        event.currentTarget.setPointerCapture(event.pointerId);
        setHeld(true);
        controls.setFire(true);
      }}
      onPointerUp={end}
      onPointerCancel={end}
    >
      {launchable ? (
        <button type="button" class="fire launch" onClick={(event) => controls.launch(null, event.timeStamp)}>
          Launch
        </button>
      ) : (
        <>
          <button type="button" class={`fire${held ? ' held' : ''}`} tabIndex={-1}>
            Fire
          </button>
          <DestructButton controls={controls} />
        </>
      )}
    </div>
  );
}

function DestructButton({ controls }: { controls: Controls }) {
  const [held, setHeld] = useState(false);
  const ask = (asks: boolean) => (event: PointerEvent) => {
    event.stopPropagation();
    setHeld(asks);
    controls.askDestruct('touch', asks, performance.now());
  };
  return (
    <button
      type="button"
      class={`destruct${held ? ' held' : ''}`}
      style={{ '--hold': `${DESTRUCT_HOLD_MS}ms` }}
      tabIndex={-1}
      aria-label="Self-destruct: hold"
      onPointerDown={ask(true)}
      onPointerUp={ask(false)}
      onPointerCancel={ask(false)}
      onPointerLeave={ask(false)}
    >
      <svg viewBox="0 0 44 44" aria-hidden="true">
        <circle class="hold" cx="22" cy="22" r="20" pathLength="1" />
        <path d="M22 10c1.5 5 7.5 7.5 7.5 14a7.5 7.5 0 0 1-15 0c0-3.2 1.7-5.2 3.2-6.8.2 2.1 1 3.1 2.1 3.6-.7-4.6.4-8.1 2.2-10.8z" />
      </svg>
    </button>
  );
}
