/** A revision of the servers: its name, and the colour that it has on all pages. */
import { revisionLabel } from './cluster-facts';
import { revisionColour } from './colours';

export function Revision({ revision }: { revision: string }) {
  return (
    <span class="revision" style={{ '--revision': revisionColour(revision) }}>
      <i aria-hidden="true" />
      {revisionLabel(revision)}
    </span>
  );
}
