/**
 * One websocket to a game: from Hello to its end.
 *
 * Owns decoding and the view that this socket's frames lead to; asks for a keyframe when it has lost its way, or to hear whether
 * its server lives. Does not know why it was opened or what follows it: that is `session`'s.
 */
import { ProtocolError } from '../protocol/bytes';
import { type ClientMessage, type Hello, type Input, MAX_INPUTS, encodeClient } from '../protocol/client';
import { type Verdict, verdict } from '../protocol/close';
import type { Frame } from '../protocol/frame';
import { GRACE_CUT_OFF, type Host, type ServerMessage, type Welcome, decodeServer } from '../protocol/server';
import { type Maze, parseMaze } from '../game/maze';
import { OutOfStep, type View, fromKeyframe, step } from '../game/view';

/** What of a WebSocket a link uses. */
export interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  /** `at`: when it arrived, on the page's clock, where somebody else than the page has looked (see `socket`). */
  onmessage: ((event: { data: unknown; at?: number }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

/** What a link tells the session. */
export interface LinkEvents {
  welcome(link: Link): void;
  host(link: Link): void;
  /** The view has been replaced as a whole, by what arrived at `at`. */
  keyframe(link: Link, at: number): void;
  /** The view has gone on by one tick from `before`. */
  frame(link: Link, frame: Frame, before: View, at: number): void;
  /** `slack`: milliseconds that the ping was at the owner before its tick was due. */
  pong(link: Link, nonce: number, slack: number): void;
  expect(link: Link, seq: number): void;
  goAway(link: Link): void;
  /** Ticks will not come: a keyframe follows. */
  skipped(link: Link, ticks: number): void;
  /** Something was refused, for this reason. */
  notice(link: Link, sentence: string): void;
  /** The last event of a link. `sentence` is the server's own, where it gave one. */
  closed(link: Link, why: Verdict): void;
}

/** A sign of life for every so many frames. */
const SEEN_FRAMES = 10;
/**
 * After so many milliseconds without a word, and again each time, a server is asked for a keyframe: it has one itself, whoever runs
 * the game. In play something comes every 20 ms, and a planned move leaves out less than 100.
 */
const ASK_MS = 400;
/**
 * When so many asks have gone out with no word between them the server is dead: after 1.2 s, well within a lease and a second. They
 * are counted because time alone says nothing where the page itself stood still.
 */
const ASKS = 3;

export class Link {
  welcome: Welcome | null = null;
  host: Host | null = null;
  maze: Maze | null = null;
  view: View | null = null;
  /** This member has said that it is leaving, or is cut off. */
  leaving = false;
  /** This member has said that it is cut off from the others. */
  cutOff = false;
  readonly openedAt: number;
  /** Frames since the last keyframe. */
  frames = 0;

  private lost = false;
  private over = false;
  private unseen = 0;
  /** A server has answered. It may have nothing to show yet: Welcome waits for whoever runs the game. */
  opened = false;
  /** When something came last, or the socket was opened. */
  private heardAt: number;
  private askedAt = Number.NEGATIVE_INFINITY;
  /** Asks since something came. */
  private unanswered = 0;

  constructor(
    private readonly socket: Socket,
    hello: Hello,
    private readonly events: LinkEvents,
    /** The page's clock, in milliseconds. */
    now: () => number,
  ) {
    this.openedAt = now();
    this.heardAt = this.openedAt;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.opened = true;
      this.send({ type: 'hello', ...hello });
    };
    socket.onmessage = ({ data, at }) => {
      this.heardAt = now();
      this.unanswered = 0;
      this.receive(data, at ?? this.heardAt);
    };
    socket.onclose = ({ code }) => this.end(verdict(code));
  }

  /** Gives the socket up; no event follows. */
  drop(): void {
    this.over = true;
    this.socket.close(1000);
  }

  /** Ends the link as if its connection had broken. */
  fail(sentence: string): void {
    this.end({ sentence, retry: true, forgetToken: false, cutOff: false });
    this.socket.close(1000);
  }

  /** Sends inputs in order, in as many messages as they need. */
  sendInputs(inputs: readonly Input[]): void {
    if (!this.view) return;
    for (let i = 0; i < inputs.length; i += MAX_INPUTS) {
      this.unseen = 0;
      this.send({ type: 'inputs', seen: this.view.tick, inputs: inputs.slice(i, i + MAX_INPUTS) });
    }
  }

  /** `tick`: the one that an input sent now would aim at. */
  ping(nonce: number, tick: number): void {
    if (this.view) this.send({ type: 'ping', nonce, tick });
  }

  leave(): void {
    this.send({ type: 'leave' });
  }

  /** Its server is dead, or out of reach. To be asked every now and then: that is when it asks whether anybody is there. */
  silent(now: number): boolean {
    if (now - Math.max(this.heardAt, this.askedAt) >= ASK_MS) {
      this.askedAt = now;
      this.unanswered += 1;
      this.send({ type: 'keyframePlease' });
    }
    return this.unanswered >= ASKS;
  }

  send(message: ClientMessage): void {
    if (!this.over) this.socket.send(encodeClient(message));
  }

  private end(why: Verdict): void {
    if (this.over) return;
    this.over = true;
    this.events.closed(this, why);
  }

  private receive(data: unknown, at: number): void {
    if (this.over) return;
    try {
      if (!(data instanceof ArrayBuffer)) throw new ProtocolError('the server sent text');
      this.handle(decodeServer(new Uint8Array(data), this.welcome?.slots ?? null), at);
    } catch (error) {
      if (error instanceof OutOfStep) this.loseWay();
      else if (error instanceof ProtocolError) this.fail(`The server sent something that this page does not understand (${error.message}).`);
      else throw error;
    }
  }

  private handle(message: ServerMessage, at: number): void {
    switch (message.type) {
      case 'welcome':
        // When it comes again, it brings another token only.
        this.maze ??= readMaze(message.maze);
        this.welcome = message;
        this.events.welcome(this);
        break;
      case 'host':
        this.host = message;
        this.events.host(this);
        break;
      case 'keyframe':
        this.view = fromKeyframe(message);
        this.lost = false;
        this.frames = 0;
        this.events.keyframe(this, at);
        break;
      case 'frame':
        this.frame(message, at);
        break;
      case 'pong':
        this.events.pong(this, message.nonce, message.slackMs);
        break;
      case 'expect':
        this.events.expect(this, message.seq);
        break;
      case 'goAway':
        this.leaving = true;
        this.cutOff = message.graceMs === GRACE_CUT_OFF;
        this.events.goAway(this);
        break;
      case 'skipped':
        // A keyframe follows by itself; frames until then lead nowhere.
        this.lost = true;
        this.events.skipped(this, message.to - message.from + 1);
        break;
      case 'notice':
        this.events.notice(this, message.sentence);
        break;
    }
  }

  private frame(frame: Frame, at: number): void {
    if (!this.view || !this.maze || this.lost) return;
    const before = this.view;
    this.view = step(before, frame, this.maze);
    this.frames += 1;
    this.unseen += 1;
    if (this.unseen >= SEEN_FRAMES) {
      this.unseen = 0;
      this.send({ type: 'seen', tick: this.view.tick });
    }
    this.events.frame(this, frame, before, at);
  }

  private loseWay(): void {
    if (this.lost) return;
    this.lost = true;
    this.send({ type: 'keyframePlease' });
  }
}

function readMaze(text: string): Maze {
  try {
    return parseMaze(text);
  } catch (error) {
    throw new ProtocolError(error instanceof Error ? error.message : String(error));
  }
}
