//! Limits that no user needs to change, each with its reason. What users may change is in `settings`.

use std::time::Duration;

/// Unsent bytes that a player's socket may hold: a keyframe with a second of frames behind it fits several times.
pub const SOCKET_BUFFER_BYTES: usize = 256 << 10;

/// A socket that is closed with a code has so long to read it.
pub const FAREWELL: Duration = Duration::from_secs(1);

/// A new websocket has so long to say Hello.
pub const HELLO: Duration = Duration::from_secs(5);

/// Who knows of a game that the registry does not is kept waiting for so long: it may have come back empty, and its owner puts
/// the game back within this, a lease and a second after it reaches it.
pub const MISSING_GAME: Duration = Duration::from_secs(10);

/// An HTTP request's headers must be complete within this.
pub const HTTP_HEADER: Duration = Duration::from_secs(5);

/// What addresses and players of one game have left of an allowance is remembered for so many before full ones are forgotten.
pub const ALLOWANCES_KEPT: usize = 512;

/// A player's messages in a second; the client sends at most 10 keys' changes twice, 5 Seens and a Ping.
pub const MESSAGES_PER_SECOND: u32 = 120;

/// What a player's socket may send in a second, in bytes of TCP: eight times what the client sends at most. Messages alone do
/// not bound it: a message may come in any number of empty pieces.
pub const BYTES_PER_SECOND: u32 = 32 << 10;

/// What it may send at once: all that a client kept while its network was away.
pub const BYTES_BURST: u32 = 64 << 10;

/// New players that may come to one game from one address at once, two full games of people; the setting says how many in a
/// minute: whoever comes and goes shows up in the others' chat each time.
pub const JOINS_BURST: u32 = 64;

/// Requests of an address may come at once that fill the setting's second so many times.
pub const REQUESTS_BURST: u32 = 2;

/// A request's body must be complete within this.
pub const HTTP_BODY: Duration = Duration::from_secs(5);

/// A connection that is one too many of its address has so long to ask for something, and is told so.
pub const EXCESS_CONNECTION: Duration = Duration::from_secs(1);

/// Of these at once; more are dropped without a word.
pub const EXCESS_CONNECTIONS: usize = 1024;

/// Addresses that are told apart before those that have nothing open are forgotten.
pub const ADDRESSES_KNOWN: usize = 16_384;

/// Messages and renames that a player may send at once; the setting says how many in a minute.
pub const CHAT_BURST: u16 = 5;

/// Messages and renames of one player that one tick takes: what comes through several members at once is bounded here.
pub const WORDS_PER_TICK: usize = 2;

/// A client that is so many ticks behind what was written, by its own account, is a slow reader.
pub const UNSEEN_TICKS: u64 = 50;

/// What the kernel keeps of a player's socket in each direction: a keyframe and a few seconds of frames. More would only
/// delay the moment at which a reader that stopped is noticed.
pub const KERNEL_BUFFER_BYTES: usize = 8192;

/// A reader that takes nothing for so long is closed.
pub const STALLED_READER: Duration = Duration::from_secs(5);

/// Messages waiting for a hub: a burst of 64 frames from two sources and the inputs of a full game fit.
pub const HUB_QUEUE: usize = 4096;

/// Of these, kept free of peers' messages: what ownership wants, and sockets, must not get lost.
pub const HUB_QUEUE_RESERVE: usize = HUB_QUEUE / 4;

/// Messages waiting for a peer link's writer; a link that falls behind by more is cut, and its edges resubscribe.
pub const LINK_QUEUE: usize = 8192;

/// Events waiting for the ownership driver.
pub const DRIVER_QUEUE: usize = 8192;

/// Events that the ownership driver takes before it does what came of them, and how long it takes at most.
pub const DRIVER_BATCH: usize = 64;

/// See [`DRIVER_BATCH`]: far less than a tick, for a game may stand still until then.
pub const DRIVER_BATCH_TIME: Duration = Duration::from_millis(1);

/// Things that players of a game did and that wait while the game is frozen between two owners.
pub const FROZEN_ACTS: usize = 4096;

/// Inputs of one player that wait for their tick or for an earlier one.
pub const PLAYER_INPUTS: usize = 64;

/// Inputs of one player applied in one tick; the rest waits for the next.
pub const INPUTS_PER_TICK: usize = 8;

/// An input that comes so many ticks after its own moves the tank, but no longer fires, launches or destroys it.
pub const STALE_TICKS: u64 = sim::STALE_TICKS;

/// Frames say that the registry is away when nothing has become durable for so many ticks: more than a hand-over takes, and
/// more than there are from one stored snapshot to the next: 40, and 100 at most.
pub const AWAY_TICKS: u64 = 150;

/// The registry is told at once who came or went, but not more often than this: others then know within 200 ms.
pub const NEWS: Duration = Duration::from_millis(100);

/// How many ticks ahead an input may aim.
pub const INPUT_AHEAD: u64 = 10;

/// At a take-over the answers of other members, what they were shown beyond the last durable tick, are waited for so long. They
/// come within some milliseconds; where the crash leaves everybody short of processors, later. What comes too late is taken back
/// before the eyes of players, so this is patient: it costs time only where a member with an unbroken link does not answer.
pub const TAIL: Duration = Duration::from_millis(150);

/// Ticks in a second.
pub const SECOND_TICKS: u64 = 1_000_000 / protocol::TICK_MICROS;

/// A game whose tick is later than this gives up the lost time and says so.
pub const CATCH_UP: Duration = Duration::from_millis(100);

/// A game whose tick is later than this may have been taken over meanwhile, its member having stood still: it shows nothing
/// until the registry was asked. Half a lease.
pub const STALLED: Duration = Duration::from_secs(1);

/// A player who is not heard of for so many ticks (60 s) is removed.
pub const SILENT_PLAYER_TICKS: u64 = sim::GONE_TICKS;

/// Between two looks at the cluster for those that listen. With a tick, [`NEWS`] and the way through the registry, a change
/// that follows another at once is still told within 200 ms.
pub const EVENT_PAUSE: Duration = Duration::from_millis(75);

/// Between two looks where nothing hints at a change: what has no hint, and lost hints.
pub const EVENT_POLL: Duration = Duration::from_millis(500);

/// A listener that nothing is told for so long gets a comment, so that nobody in between takes the connection for dead.
pub const EVENT_COMMENT: Duration = Duration::from_secs(15);

/// A listener that lost its connection comes back after this.
pub const EVENT_RETRY: Duration = Duration::from_millis(300);

/// A connection whose other end takes nothing that is sent for so long is cut by the kernel.
pub const UNSENT: Duration = Duration::from_secs(10);

/// Completed moves that a member remembers for people.
pub const MOVES_REMEMBERED: usize = 100;

/// Completed moves that wait for the registry's ledger; more are left out of it.
pub const MOVES_UNTOLD: usize = 8192;

/// Of these, told in one request.
pub const MOVES_TOLD_AT_ONCE: usize = 256;

/// What players saw of a move is measured from so long before the first frame of its epoch to so long after.
pub const AROUND_A_MOVE: Duration = Duration::from_millis(100);

const _: () = assert!(NEWS.as_millis() + EVENT_PAUSE.as_millis() < 200);
