/**
 * Why a socket was closed, in words, and whether to try again.
 *
 * Owns the codes of the players' protocol and what the page says about them.
 */

/** What to do after a socket was closed. */
export interface Verdict {
  /** A sentence for the page. */
  readonly sentence: string;
  /** Does the client connect again by itself? */
  readonly retry: boolean;
  /** Is the token worthless from now on? */
  readonly forgetToken: boolean;
  /** The server is cut off from the others: another one may well be reached. */
  readonly cutOff: boolean;
}

const VERDICTS: Readonly<Record<number, Verdict>> = {
  4000: end('The server could not read a message of this page. Reload the page.'),
  4001: end('This server does not speak the protocol version of this page. Reload the page.'),
  4002: { sentence: 'The token of this page is not valid for this game any more. Join again.', retry: false, forgetToken: true, cutOff: false },
  4003: { sentence: 'There is no such game. Choose one from the lobby.', retry: false, forgetToken: true, cutOff: false },
  4004: end('All places of this game are taken. Watch it, or choose another.'),
  4005: end('That name is refused: use 1 to 16 visible characters.'),
  4006: end('A message of this page was too long. Reload the page.'),
  4007: again('This page sent too many messages.'),
  4008: again('The connection did not keep up with the game.'),
  4009: { sentence: 'This game is over. Choose another from the lobby.', retry: false, forgetToken: true, cutOff: false },
  4010: end('You have opened this game elsewhere; this page has stopped.'),
  4011: again('The server that this page was connected to has left.'),
  4012: end('The server got text where it expects binary messages. Reload the page.'),
  4013: end('This game has failed again and again and was stopped. Choose another from the lobby.'),
  4014: { ...again('The server that this page has reached is cut off from the others.'), cutOff: true },
  1009: end('A message of this page was too long. Reload the page.'),
};

/** The verdict on a close code; codes that no server of ours sends count as a broken connection. */
export function verdict(code: number): Verdict {
  return VERDICTS[code] ?? again('The connection broke.');
}

function end(sentence: string): Verdict {
  return { sentence, retry: false, forgetToken: false, cutOff: false };
}

function again(sentence: string): Verdict {
  return { sentence, retry: true, forgetToken: false, cutOff: false };
}
