//! Judges recordings against the promises.
//!
//! Owns what counts as a broken promise. It reads the raw messages of each socket, before any client logic: what the
//! bots made of them plays no part. Two kinds of judgement: what one player was shown, over all its sockets in order of
//! arrival ([`player`]), and what the players of a game were shown together ([`Verdict`]).

mod player;
mod storm;
#[cfg(test)]
mod tests;

use crate::arrivals::new_worlds;
use crate::recording::{Entry, Recording, What};
use player::Shown;
use protocol::{Epoch, GameId, Keyframe, ServerMessage, Tick};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
pub use storm::SentAway;

/// A player or game without a frame for so long at the end is cut off or lost.
pub const SILENCE: Duration = Duration::from_secs(2);
/// Most faults of a kind that are described one by one; all are counted.
const MAX_FINDINGS: u64 = 8;

/// The part of a run that is judged for gaps and moves: from the fault to the end of the watch.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Window {
    /// When the fault began.
    pub from: Duration,
    /// When the watch ended, with all bots still playing.
    pub to: Duration,
}

/// What was broken on purpose: whoever depended on it has to find another server.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// Names of servers.
    pub servers: Vec<String>,
    /// Ways to servers that live are broken as well.
    pub ways: bool,
}

/// What can be broken. Each has a column of its own in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// None of the game's players gets frames any more.
    GameLost,
    /// This player gets none, while the game goes on.
    CutOff,
    /// The player had to become a new one, or is no longer in the game.
    Rejoined,
    /// A score fell.
    ScoreLost,
    /// A tick that a socket should have shown next was left out without a Skipped.
    Jump,
    /// Ticks went back, and no flag said so.
    WentBack,
    /// A frame of a lower epoch after one of a higher.
    EpochFell,
    /// Two members say that they own a game in the same epoch.
    TwoOwners,
    /// Two different versions of the same tick of the same epoch.
    TwoHistories,
    /// Something that was shown as durable is gone.
    DurableLost,
    /// The inputs applied for this player are not those that it made, each once and in order.
    InputsWrong,
    /// This player made an input that was never applied.
    InputLost,
    /// The player's only socket with frames ended: no other one had any by then.
    SocketLost,
    /// A message that nobody can read.
    Unreadable,
}

impl Fault {
    /// All, in the order in which tables show them.
    pub const ALL: [Fault; 14] = [
        Fault::GameLost,
        Fault::CutOff,
        Fault::Rejoined,
        Fault::ScoreLost,
        Fault::Jump,
        Fault::WentBack,
        Fault::EpochFell,
        Fault::TwoOwners,
        Fault::TwoHistories,
        Fault::DurableLost,
        Fault::InputsWrong,
        Fault::InputLost,
        Fault::SocketLost,
        Fault::Unreadable,
    ];

    /// What the tables call it.
    pub fn title(self) -> &'static str {
        match self {
            Fault::GameLost => "games lost",
            Fault::CutOff => "players cut off",
            Fault::Rejoined => "players that had to rejoin",
            Fault::ScoreLost => "scores lost",
            Fault::Jump => "ticks left out on a socket",
            Fault::WentBack => "ticks went back unannounced",
            Fault::EpochFell => "epochs fell",
            Fault::TwoOwners => "two owners in one epoch",
            Fault::TwoHistories => "two versions of one tick",
            Fault::DurableLost => "durable ticks lost",
            Fault::InputsWrong => "players with wrong inputs",
            Fault::InputLost => "players with lost inputs",
            Fault::SocketLost => "sockets lost before another had frames",
            Fault::Unreadable => "messages that make no sense",
        }
    }
}

/// One fault, for people.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was broken.
    pub fault: Fault,
    /// The game.
    pub game: GameId,
    /// The bot that saw it; empty where it takes several to see it.
    pub player: String,
    /// The bot's socket, from 1; 0 for none.
    pub socket: u32,
    /// When, in seconds from the start of the run.
    pub at_s: f64,
    /// What exactly.
    pub what: String,
}

/// Middle, 99th of a hundred (nearest rank) and greatest of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Middle one.
    pub median: f64,
    /// As many as 99 of 100 are not above.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

impl Spread {
    /// Of any values; all zero when there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or_default()
        };
        Spread { median: rank(50), p99: rank(99), max: rank(100) }
    }
}

/// What the recordings of one run say.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The judged window.
    pub window: Window,
    /// Games that bots played.
    pub games: usize,
    /// Bots.
    pub players: usize,
    /// How often each promise was broken, over the whole run; each [`Fault`] is there.
    pub faults: BTreeMap<Fault, u64>,
    /// Games whose owner changed in the window.
    pub games_moved: usize,
    /// Changes of owner for each game in the window. An epoch that its owner gave itself is none.
    pub moves: Spread,
    /// How each leaving server sent its players away in the window.
    pub sent_away: Vec<SentAway>,
    /// Ticks that players were never shown, summed over players; announced or not.
    pub ticks_missed: u64,
    /// Those of them that a Skipped announced.
    pub ticks_skipped: u64,
    /// Announced rewinds, summed over players.
    pub rewinds: u64,
    /// Those of them that came on the very socket that had brought what they took back: its server lived on.
    pub rewinds_in_place: u64,
    /// Ticks of play that a game lost in one rewind, the worst one: the last tick anyone was shown of an epoch, minus
    /// the tick that the next epoch went on from.
    pub play_lost_ticks: u64,
    /// Longest time without a new tick for each player in the window, in milliseconds.
    pub gap_ms: Spread,
    /// Players who had one server all the time, which nothing was done to.
    pub served: usize,
    /// The same for these.
    pub served_gap_ms: Spread,
    /// Players whose frames said in the window that the registry is away.
    pub told_away: usize,
    /// Frames and keyframes in all recordings.
    pub frames: u64,
    /// Mean length of a frame in bytes, without the websocket's header.
    pub frame_bytes: f64,
    /// The first faults, described.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// How often this was broken.
    pub fn count(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or_default()
    }
}

/// Counts faults and keeps the first ones.
struct Findings {
    counts: BTreeMap<Fault, u64>,
    described: Vec<Finding>,
}

/// Where and when something is found.
#[derive(Clone, Copy)]
struct Place<'a> {
    game: GameId,
    player: &'a str,
    socket: u32,
    at: Duration,
}

impl Findings {
    fn add(&mut self, fault: Fault, place: Place<'_>, what: String) {
        let count = self.counts.entry(fault).or_default();
        *count += 1;
        if *count <= MAX_FINDINGS {
            self.described.push(Finding {
                fault,
                game: place.game,
                player: place.player.to_owned(),
                socket: place.socket,
                at_s: place.at.as_secs_f64(),
                what,
            });
        }
    }
}

/// What all players of a game were shown together.
#[derive(Default)]
struct Game {
    owners: BTreeMap<Epoch, String>,
    bodies: HashMap<(Epoch, Tick), u64>,
    worlds: HashMap<(Epoch, Tick), u64>,
    epochs: BTreeMap<Epoch, EpochShown>,
    last_advance: Option<Duration>,
}

/// What was shown of one epoch of a game.
struct EpochShown {
    /// When first.
    at: Duration,
    /// The lowest world that it was seen to go on from.
    base: Tick,
    /// The last tick that anybody was shown.
    last: Tick,
}

impl Game {
    fn show(&mut self, epoch: Epoch, base: Tick, last: Tick, at: Duration) {
        let shown = self.epochs.entry(epoch).or_insert(EpochShown { at, base, last });
        shown.at = shown.at.min(at);
        shown.base = shown.base.min(base);
        shown.last = shown.last.max(last);
    }

    /// The worst rewind: ticks shown of one epoch that the next one did not go on from.
    fn play_lost(&self) -> u64 {
        let (before, after) = (self.epochs.values(), self.epochs.values().skip(1));
        before.zip(after).map(|(before, after)| before.last.0.saturating_sub(after.base.0)).max().unwrap_or(0)
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The part of a keyframe that is the world; which ticks are durable may differ from edge to edge.
fn hash_world(keyframe: &Keyframe) -> u64 {
    let world = Keyframe { durable: Tick(0), ..keyframe.clone() };
    hash(&&ServerMessage::Keyframe(world).encode()[..])
}

/// Is the later one of two neighbouring epochs a move? Not if both are known to have had the same owner.
fn is_move(owners: &BTreeMap<Epoch, String>, before: Epoch, after: Epoch) -> bool {
    let (before, after) = (owners.get(&before), owners.get(&after));
    before.is_none() || before != after
}

/// Judges the recordings of a run in which no server was broken on purpose.
pub fn judge(recordings: &[Recording], window: Window) -> Verdict {
    judge_broken(recordings, window, &Broken::default())
}

/// Judges the recordings of one run.
pub fn judge_broken(recordings: &[Recording], window: Window, broken: &Broken) -> Verdict {
    let mut findings = Findings { counts: Fault::ALL.map(|fault| (fault, 0)).into(), described: Vec::new() };
    let mut games: BTreeMap<GameId, Game> = BTreeMap::new();
    let (mut gaps, mut served_gaps, mut told_away) = (Vec::new(), Vec::new(), 0);
    let (mut ticks_missed, mut ticks_skipped, mut rewinds, mut rewinds_in_place) = (0, 0, 0, 0);
    let (mut frames, mut frame_bytes) = (0u64, 0usize);
    let mut last_advances = Vec::new();
    let mut away = storm::Watch::default();

    for recording in recordings {
        let game = games.entry(recording.game).or_default();
        let mut shown = Shown::new(window);
        let mut entries = recording.entries().peekable();
        while let Some(entry) = entries.next_if(|entry| entry.at <= window.to) {
            let place =
                Place { game: recording.game, player: &recording.name, socket: entry.socket, at: entry.at };
            match entry.what {
                What::Opened => shown.opened(entry.socket),
                What::Closed(code, reason) => shown.closed(place, code, reason, &mut findings),
                What::Made { seq, keys, action } => shown.made(place, (seq, keys, action), &mut findings),
                What::Asked => shown.asked(entry.socket),
                What::Rested => shown.rested(place, &mut findings),
                What::Message(bytes) => match ServerMessage::decode(bytes) {
                    Ok(message) => {
                        if matches!(message, ServerMessage::Frame { .. }) {
                            frames += 1;
                            frame_bytes += bytes.len();
                        }
                        if let ServerMessage::GoAway { .. } = message
                            && entry.at >= window.from
                        {
                            away.sent(shown.server(entry.socket), entry.at);
                        }
                        shown.message(place, &message, game, &mut findings);
                    }
                    Err(error) => findings.add(Fault::Unreadable, place, error.to_string()),
                },
            }
        }
        let end = Place { game: recording.game, player: &recording.name, socket: 0, at: window.to };
        if recording.full {
            let what = "the recording reached its limit: a shorter run can be judged whole".to_owned();
            findings.add(Fault::Unreadable, end, what);
        }
        ticks_missed += shown.ticks_missed();
        ticks_skipped += shown.ticks_skipped();
        rewinds += shown.rewinds();
        rewinds_in_place += shown.rewinds_in_place();
        let gap = shown.longest_gap().as_secs_f64() * 1e3;
        gaps.push(gap);
        served_gaps.extend(shown.was_served(broken).then_some(gap));
        told_away += usize::from(shown.was_told_away());
        game.last_advance = game.last_advance.max(shown.last_advance());
        last_advances.push((end, shown.last_advance()));
        going_home(&mut shown, recording, entries, &mut findings);
    }

    let silent = |last: Option<Duration>| last.is_none_or(|last| last + SILENCE < window.to);
    for (id, game) in &games {
        if silent(game.last_advance) {
            let place = Place { game: *id, player: "", socket: 0, at: window.to };
            findings.add(Fault::GameLost, place, no_frame_since(game.last_advance));
        }
    }
    for (end, last) in last_advances {
        if silent(last) && !silent(games[&end.game].last_advance) {
            findings.add(Fault::CutOff, end, no_frame_since(last));
        }
    }

    let moves_of = |game: &Game| {
        let pairs = game.epochs.iter().zip(game.epochs.iter().skip(1));
        let moves = pairs.filter(|((before, _), (after, _))| is_move(&game.owners, **before, **after));
        moves.filter(|(_, (_, shown))| shown.at >= window.from && shown.at <= window.to).count()
    };
    let moves: Vec<f64> = games.values().map(|game| moves_of(game) as f64).collect();
    Verdict {
        window,
        games: games.len(),
        players: recordings.len(),
        faults: findings.counts,
        games_moved: moves.iter().filter(|moves| **moves > 0.0).count(),
        moves: Spread::of(moves),
        sent_away: away.by_server(),
        ticks_missed,
        ticks_skipped,
        rewinds,
        rewinds_in_place,
        play_lost_ticks: games.values().map(Game::play_lost).max().unwrap_or(0),
        gap_ms: Spread::of(gaps),
        served: served_gaps.len(),
        served_gap_ms: Spread::of(served_gaps),
        told_away,
        frames,
        frame_bytes: if frames == 0 { 0.0 } else { frame_bytes as f64 / frames as f64 },
        findings: findings.described,
    }
}

/// What follows the window is the players going home, one after the other: nothing of it counts but what became of inputs.
fn going_home<'a>(
    shown: &mut Shown,
    recording: &Recording,
    entries: impl Iterator<Item = Entry<'a>>,
    findings: &mut Findings,
) {
    let mut game = Game::default();
    let mut ignored = Findings { counts: BTreeMap::new(), described: Vec::new() };
    for entry in entries {
        let place =
            Place { game: recording.game, player: &recording.name, socket: entry.socket, at: entry.at };
        match entry.what {
            What::Opened => shown.opened(entry.socket),
            What::Closed(code, reason) => shown.closed(place, code, reason, &mut ignored),
            What::Made { seq, keys, action } => shown.made(place, (seq, keys, action), findings),
            What::Asked => shown.asked(entry.socket),
            What::Rested => return shown.rested(place, findings),
            What::Message(bytes) => {
                if let Ok(message) = ServerMessage::decode(bytes) {
                    if let ServerMessage::Keyframe(keyframe) = &message {
                        shown.compare_mine(place, keyframe, findings);
                    }
                    shown.message(place, &message, &mut game, &mut ignored);
                }
            }
        }
    }
}

fn no_frame_since(last: Option<Duration>) -> String {
    match last {
        None => "never got a frame".to_owned(),
        Some(last) => format!("got no new tick after {:.3} s", last.as_secs_f64()),
    }
}

/// When each epoch of each game was first shown to anybody, and when its last tick was: for timelines.
#[derive(Clone, Debug)]
pub struct EpochTimes {
    /// The game.
    pub game: GameId,
    /// The epoch.
    pub epoch: Epoch,
    /// Name of its owner, where a Host said it.
    pub owner: Option<String>,
    /// First frame or keyframe of it.
    pub first: Duration,
    /// Last new tick of it.
    pub last: Duration,
    /// First frame of it that said that the game is about to move.
    pub moving: Option<Duration>,
}

/// The epochs of all games, by game and rising epoch.
pub fn epochs(recordings: &[Recording]) -> Vec<EpochTimes> {
    let mut times: BTreeMap<(GameId, Epoch), EpochTimes> = BTreeMap::new();
    let mut owners: HashMap<(GameId, Epoch), String> = HashMap::new();
    for recording in recordings {
        let game = recording.game;
        for entry in recording.entries() {
            let What::Message(bytes) = entry.what else { continue };
            if let Ok(ServerMessage::Host(host)) = ServerMessage::decode(bytes)
                && !host.owner_name.is_empty()
            {
                owners.insert((game, host.epoch), host.owner_name);
            }
        }
        for world in new_worlds(recording) {
            let (at, epoch) = (world.at, world.epoch);
            let new = EpochTimes { game, epoch, owner: None, first: at, last: at, moving: None };
            let one = times.entry((game, epoch)).or_insert(new);
            one.first = one.first.min(at);
            one.last = one.last.max(at);
            if world.moving {
                one.moving = Some(one.moving.map_or(at, |before| before.min(at)));
            }
        }
    }
    let with_owner = |mut one: EpochTimes| {
        one.owner = owners.remove(&(one.game, one.epoch));
        one
    };
    times.into_values().map(with_owner).collect()
}

/// The moves of all games: the last epoch before each and the first after it. Epochs of one owner are no move.
pub fn moves(recordings: &[Recording]) -> Vec<[EpochTimes; 2]> {
    let times = epochs(recordings);
    let pairs = times.windows(2).filter(|pair| {
        let same_owner = pair[0].owner.is_some() && pair[0].owner == pair[1].owner;
        pair[0].game == pair[1].game && !same_owner
    });
    pairs.map(|pair| [pair[0].clone(), pair[1].clone()]).collect()
}

/// When GoAway first came to a bot after `from`, for timelines.
pub fn first_go_away(recordings: &[Recording], from: Duration) -> Option<Duration> {
    let of_one = |recording: &Recording| {
        recording.entries().find_map(|entry| match entry.what {
            What::Message(bytes) if entry.at >= from => {
                matches!(ServerMessage::decode(bytes), Ok(ServerMessage::GoAway { .. })).then_some(entry.at)
            }
            _ => None,
        })
    };
    recordings.iter().filter_map(of_one).min()
}
