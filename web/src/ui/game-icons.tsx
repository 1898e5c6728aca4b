/** Pictures on buttons. They say nothing by themselves: the button has a name. */

const PATHS = {
  scores: 'M5 20v-7h4v7M10 20V6h4v14M15 20v-10h4v10',
  chat: 'M4 5h16v11H11l-5 4v-4H4z',
  share: 'M12 15V4M8 7l4-4 4 4M6 11H5v9h14v-9h-1',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  help: 'M9 9.2a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.2M12 17.6v.4',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  leave: 'M14 4H5v16h9M10 12h10M17 8.5l3.5 3.5-3.5 3.5',
  sound: 'M4 9.5h3.5L12 5.5v13l-4.5-4H4zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11',
  muted: 'M4 9.5h3.5L12 5.5v13l-4.5-4H4zM16 9.5l5 5M21 9.5l-5 5',
  rename: 'M5 19l.8-3.6L16 5.2l2.8 2.8L8.6 18.2z',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M5 12h13M13 6.5l5.5 5.5-5.5 5.5',
  play: 'M8 5l11 7-11 7z',
  more: 'M6 10l6 6 6-6',
} as const;

export function Icon({ of }: { of: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[of]} />
    </svg>
  );
}
