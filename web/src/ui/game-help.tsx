/** All keys, and what is worth knowing about the game. */
import { Dialog } from './game-dialog';

const KEYS: readonly (readonly [readonly string[], string])[] = [
  [['↑ ↓ ← →', 'W A S D', 'I J K L'], 'Drive and turn'],
  [['Space'], 'Fire; hold it to fire again as soon as the gun is loaded'],
  [['Enter', 'Space'], 'Launch a tank, when you have none'],
  [['Z'], 'Hold for half a second: destroy yourself, and whoever is near'],
  [['T', '/'], 'Chat; Escape leads back'],
  [['Tab'], 'Hold: the score board, large. A short press goes to the buttons'],
  [['M'], 'Sound on or off'],
  [['F'], 'Full screen'],
  [['?'], 'This list'],
];

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog title="How to play" close={close}>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <ul class="tips">
        <li>
          <strong>Touch:</strong> put a thumb down on the left and push it where the tank is to go; press on the right to fire. Hold the flame to destroy yourself.
        </li>
        <li>
          <strong>Game pad:</strong> left stick or d-pad drives, A fires and launches, Y held destroys yourself.
        </li>
        <li>Click or tap an entry point to launch from there, if no tank stands in its zone.</li>
        <li>A hit in the middle costs half of your armour. A blast hurts half way through its life: there is time to get away.</li>
        <li>
          A destroyed tank leaves <span class="health">armour</span> or <span class="bounce">missiles that bounce once</span>. Both vanish after 10 s.
        </li>
        <li>Kills count when they are safe from a crash; that takes a moment. Below the arena you see which servers run your game. They may be replaced while you play.</li>
      </ul>
    </Dialog>
  );
}
