/** The roll: how to start one, and how far it is. */
import { useState } from 'preact/hooks';
import { rollDemo } from '../net/api';
import { type Progress, counted, deploymentOf } from './cluster-facts';
import type { Story } from './cluster-story';
import { Revision } from './revision';
import { revisionColour } from './colours';

/** The demo's button; on Kubernetes the command that does the same; nothing where servers are nobody's Deployment. */
export function RollStarter({ story }: { story: Story }) {
  if (story.cluster.demo) return <DemoButton rolling={story.cluster.rolling} />;
  const deployment = deploymentOf(story.cluster.members);
  return deployment === null ? null : <Command deployment={deployment} />;
}

function DemoButton({ rolling }: { rolling: boolean }) {
  const [error, setError] = useState('');
  const roll = async (): Promise<void> => {
    setError('');
    try {
      await rollDemo();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
  };
  return (
    <div class="starter">
      <button class="button primary big" aria-disabled={rolling} onClick={() => !rolling && void roll()}>
        {rolling ? 'Replacing the servers…' : 'Replace the servers, one after the other'}
        <small>all of them, while everyone plays</small>
      </button>
      <p class={error ? 'notice' : 'quiet'} role="status">
        {error || 'Demo: one build, one process; three servers in it.'}
      </p>
    </div>
  );
}

function Command({ deployment }: { deployment: string }) {
  const command = `kubectl set image deployment/${deployment} gamed=IMAGE`;
  return (
    <div class="starter">
      <p>Replace all servers while everyone plays:</p>
      <code tabIndex={0}>{command}</code>
      <p class="quiet">IMAGE: the next image of the game server.</p>
    </div>
  );
}

export function RollProgress({ progress: { revision, servers, games, over } }: { progress: Progress }) {
  const part = servers.all === 0 ? 0 : servers.done / servers.all;
  return (
    <section class={over ? 'progress over' : 'progress'} style={{ '--revision': revisionColour(revision) }} aria-label="Rolling update">
      <p>
        <strong>{over ? 'Rolled to' : 'Rolling to'}</strong> <Revision revision={revision} />
      </p>
      <div class="bar" role="progressbar" aria-label="Servers replaced" aria-valuemin={0} aria-valuemax={servers.all} aria-valuenow={servers.done}>
        <i style={{ width: `${part * 100}%` }} />
        {Array.from({ length: Math.max(0, servers.all - 1) }, (_, n) => (
          <b key={n} style={{ left: `${((n + 1) / servers.all) * 100}%` }} />
        ))}
      </div>
      <p class="counts">
        {servers.done} of {counted(servers.all, 'server')} · {games.done} of {counted(games.all, 'game')} moved
      </p>
    </section>
  );
}
