/** Whether this device has a network, as far as the browser knows. */
export interface Network {
  readonly online: boolean;
  /** Calls `changed` whenever that changes, until the returned function is called. */
  listen(changed: () => void): () => void;
}

export const browserNetwork: Network = {
  get online() {
    // Where nobody can tell, there is one.
    return typeof navigator === 'undefined' || navigator.onLine !== false;
  },
  listen(changed) {
    if (typeof window === 'undefined') return () => {};
    addEventListener('online', changed);
    addEventListener('offline', changed);
    return () => {
      removeEventListener('online', changed);
      removeEventListener('offline', changed);
    };
  },
};
