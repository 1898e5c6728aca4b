/**
 * What a picture of the game is made of, and what happened since the one before it.
 *
 * Owns the types between the client's core, which fills them (`stage`), and whatever draws and sounds them. Lengths are in
 * units (12,800 to the arena's own length unit), headings 65,536 to the full turn, counter-clockwise from the right.
 */
import type { Pose } from './motion';
import type { Player } from './view';

/** One picture. It belongs to the stage and is filled anew for the next one: keep nothing of it. */
export interface Scene {
  /** The tick that others are shown at, with its fraction. */
  readonly tick: number;
  /** Tanks, by rising slot. */
  readonly actors: readonly Actor[];
  readonly missiles: readonly SceneMissile[];
  readonly blasts: readonly SceneBlast[];
  readonly items: readonly SceneItem[];
  readonly round: SceneRound;
  /** The tank of the player who looks, which is among `actors` too; null while there is none. */
  readonly self: Actor | null;
}

/** A tank where it is drawn. */
export interface Actor extends Pose {
  /** As of the newest tick. */
  readonly player: Player;
  /** Q14: 16,384 is 1.0; at most `ARMOUR_MAX`. */
  readonly armour: number;
  /** Ticks until it may shoot again, with a fraction; 0: it may. */
  readonly reload: number;
  /** Its missiles bounce once. */
  readonly bounce: boolean;
  /** Driven by the player who looks: predicted. */
  readonly own: boolean;
  /** Bits of `KEY` that move it at this moment. */
  readonly keys: number;
  /** 1, or less while it fades in at another place than it was drawn at. */
  readonly alpha: number;
  /** Where it was drawn before, fading out, after a jump that is too wide to be smoothed. */
  readonly ghost: (Pose & { readonly alpha: number }) | null;
}

export interface SceneMissile extends Pose {
  /** The same for one missile from its first picture to its last, and for no other one. */
  readonly key: number;
  readonly slot: number;
  /** It will bounce at the next wall. */
  readonly bounce: boolean;
  /** Of the player who looks. */
  readonly own: boolean;
  /** Shown at the key press; no frame has confirmed it yet. */
  readonly predicted: boolean;
  /** 1, or less while it fades because it never was. */
  readonly alpha: number;
}

export interface SceneBlast {
  readonly key: number;
  /** One of `BLAST`. */
  readonly kind: number;
  /** Whose, 255 for nobody's. */
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  /** Units; the radius in which it does damage. */
  readonly radius: number;
  /** From 0, new, to 1, gone. It does its damage at 0.5. */
  readonly age: number;
}

export interface SceneItem {
  readonly id: number;
  /** One of `ITEM`. */
  readonly kind: number;
  readonly x: number;
  readonly y: number;
  /** Seconds until it vanishes. */
  readonly left: number;
}

export interface SceneRound {
  /** From 1. */
  readonly number: number;
  /** Between two rounds: nobody plays. */
  readonly resting: boolean;
  /** Seconds until the round, or the rest after it, is over; null: never. */
  readonly left: number | null;
}

/** Happens at a place. */
interface At {
  /** Tick in which it happened. */
  readonly tick: number;
  readonly x: number;
  readonly y: number;
}

/**
 * Something that became visible since the picture before: for sound, particles and shake. `own`: it is about the tank or
 * missile of the player who looks. Told once, in order, with the picture that shows it; an own shot at the key press.
 * What counts (scores, their sounds) waits for the session's feed.
 */
export type Happening =
  /** A tank came in. */
  | (At & { readonly type: 'launch'; readonly slot: number; readonly heading: number; readonly own: boolean })
  /** A missile left a muzzle, at the place and along the heading. `key` is the missile's in scenes. */
  | (At & { readonly type: 'shot'; readonly slot: number; readonly heading: number; readonly key: number; readonly own: boolean })
  /** A missile was thrown back by a wall; `heading` is the new one. */
  | (At & { readonly type: 'bounce'; readonly slot: number; readonly heading: number; readonly key: number; readonly own: boolean })
  /** A missile ended at a wall; `heading` is the one it came with. */
  | (At & { readonly type: 'burst'; readonly slot: number; readonly heading: number; readonly own: boolean })
  /** A missile ended at a tank, at the place. */
  | (At & {
      readonly type: 'hit';
      /** The tank's. */
      readonly slot: number;
      /** The missile's. */
      readonly by: number;
      /** Heading from the tank to where the missile came from. */
      readonly from: number;
      /** Q14. */
      readonly damage: number;
      readonly armour: number;
      /** The tank is the own one. */
      readonly own: boolean;
      /** The missile was an own one. */
      readonly byOwn: boolean;
    })
  /** A blast did damage to a tank, which stands at the place. */
  | (At & {
      readonly type: 'hurt';
      readonly slot: number;
      /** Whose blast, 255 for nobody's. */
      readonly by: number;
      /** Heading from the tank to the middle of the blast. */
      readonly from: number;
      readonly damage: number;
      readonly armour: number;
      readonly own: boolean;
      readonly byOwn: boolean;
    })
  /** A tank was destroyed, at the place. */
  | (At & { readonly type: 'kill'; readonly slot: number; readonly by: number; readonly own: boolean; readonly byOwn: boolean })
  /** A tank destroyed itself. */
  | (At & { readonly type: 'destruct'; readonly slot: number; readonly own: boolean })
  /** A tank took an item; `kind` is one of `ITEM`. */
  | (At & { readonly type: 'pickUp'; readonly slot: number; readonly kind: number; readonly own: boolean })
  /** A round ended; `winner` is a slot, 255 for nobody. */
  | { readonly type: 'roundOver'; readonly tick: number; readonly winner: number; readonly own: boolean }
  | { readonly type: 'roundStart'; readonly tick: number; readonly number: number };

/** A line of what counts, shown once it cannot be taken back. */
export interface FeedLine {
  /** Rises; the same for one line as long as it stands. */
  readonly key: number;
  readonly tick: number;
  /** Shown although a crash could still undo it: the registry is away. */
  readonly unsaved: boolean;
  readonly what:
    /** `by` null: nobody. Both the same: by one's own missile or blast. */
    | { readonly type: 'kill'; readonly victim: Named; readonly by: Named | null }
    | { readonly type: 'destruct'; readonly victim: Named }
    | { readonly type: 'roundOver'; readonly winner: Named | null; readonly kills: number };
}

/** A player by the name of that moment. */
export interface Named {
  readonly slot: number;
  readonly name: string;
  readonly own: boolean;
}

/** One row of the score board: what counts as of the durable tick, presence as of the newest. */
export interface Standing {
  readonly id: string;
  readonly slot: number;
  readonly name: string;
  readonly bot: boolean;
  readonly own: boolean;
  /** Has a socket (as far as is known). */
  readonly connected: boolean;
  /** Has a tank. */
  readonly alive: boolean;
  readonly score: number;
  readonly deaths: number;
  /** Rounds won. */
  readonly wins: number;
}

/** The game went on under another owner while this page watched. */
export interface Move {
  readonly epoch: string;
  readonly tick: number;
  /** `handOver`: planned, no tick is missed; `takeOver`: the owner before had crashed. */
  readonly kind: 'handOver' | 'takeOver';
  /** Names of the owners before and after; empty while not known. */
  readonly from: string;
  readonly to: string;
  /** Longest time between two frames around the change, as this page saw it; 20 ms is as always. */
  readonly gapMs: number;
  /** Play that was taken back, in milliseconds; 0 for a planned move. */
  readonly rewoundMs: number;
  /** When, on the page's clock. */
  readonly at: number;
}

/** Counters of a session, for tests and the state line. Read them; they are the session's. */
export interface Stats {
  /** Newest tick, and the newest durable one. */
  readonly tick: number;
  readonly durable: number;
  readonly frames: number;
  /** Frames that came later than the delay by which others are drawn in the past. */
  readonly framesLate: number;
  /** Ticks that frames did not bring one by one (a slow reader, or a crash). */
  readonly ticksSkipped: number;
  readonly keyframes: number;
  readonly sockets: number;
  readonly handOvers: number;
  readonly takeOvers: number;
  readonly rewinds: number;
  readonly rewoundMs: number;
  /** Longest time between two frames around the last change of owners or sockets. */
  readonly lastGapMs: number;
  /** Ticks of the own tank that were predicted and then compared. */
  readonly predicted: number;
  /** Those of them that came out otherwise. */
  readonly mispredicted: number;
  /** Corrections of the own tank by more than 0.25 u. */
  readonly jumps: number;
  /** Own missiles shown at the key press, and those that never came. */
  readonly shotsPredicted: number;
  readonly shotsFaded: number;
  readonly inputs: number;
  /** Inputs that were sent again. */
  readonly inputsResent: number;
  /** Inputs that were applied later than they aimed at. */
  readonly inputsLate: number;
  /** Round trip to the member that runs the game; null while it was not measured. */
  readonly pingMs: number | null;
  /** How far ahead of the newest frame inputs aim, and its safety margin. */
  readonly leadMs: number;
  readonly marginMs: number;
  /** The 95th percentile of how much later than the fastest frame frames come. */
  readonly jitterMs: number;
  /** How far in the past others are drawn. */
  readonly delayMs: number;
}
