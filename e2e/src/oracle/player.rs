//! What one player was shown, over all its sockets in order of arrival.
//!
//! Owns the rules for one player: which tick may follow which on a socket, what a newer socket may show, and that what
//! was shown as score or as durable does not go away, that its inputs were applied as made, each once, and that it always
//! has a socket that frames flow on. Knows other players only through [`Game`].
//!
//! Two sockets of a player overlap while its edge leaves (make before break). Then the older one may still bring ticks
//! of the lower epoch that lie before the newer epoch's first: late, not wrong. And a newer socket may begin with an
//! older keyframe of the same epoch and catch up: repeated, not wrong, if the repeated ticks are the same ones. The answer
//! to a KeyframePlease may lie back in the same way, also across a move.

use super::{Broken, Fault, Findings, Game, Place, Window, hash, hash_world};
use protocol::{
    Body, EncodedBody, Epoch, FrameEvent, FrameHeader, Keyframe, KeyframePlayer, PlayerId, ServerMessage,
    Tick,
};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// Where one socket stands.
#[derive(Default)]
struct Socket {
    slots: u8,
    /// The newest epoch that the player had been shown when this socket said Hello: the floor that it named.
    floor: Option<Epoch>,
    at: Option<(Epoch, Tick)>,
    /// The server's name, from Welcome.
    server: String,
    /// A frame came.
    flows: bool,
    /// KeyframePlease that were not answered yet.
    asked: u32,
    /// Its server said that the player should take another one.
    sent_away: bool,
    /// The next keyframe may leave ticks out: a Skipped said so.
    skipped: bool,
    /// A keyframe went back on this socket; the next frame has to carry the flag that says so. Was at that tick before.
    must_announce: Option<Tick>,
    /// Players by slot, as keyframe and events tell.
    players: HashMap<u8, Counted>,
    /// Number of the round, as keyframe and events tell.
    round: u32,
}

/// A player as far as a socket counts along.
#[derive(Clone)]
struct Counted {
    id: PlayerId,
    score: u32,
    wins: u32,
    applied: u32,
}

/// A number that only rises in one history of a game, and with it the ticks at which it rose.
struct Rising<N>(Vec<(Tick, N)>);

/// Kills begin anew with each round: the round comes first.
type Score = (u32, u32);

impl<N> Default for Rising<N> {
    fn default() -> Self {
        Rising(Vec::new())
    }
}

impl<N: Copy + Ord> Rising<N> {
    fn at(&self, tick: Tick) -> Option<N> {
        self.0.iter().rev().find(|(risen, _)| *risen <= tick).map(|(_, value)| *value)
    }

    fn note(&mut self, tick: Tick, value: N) {
        let newer = self.0.last().is_none_or(|(last, before)| tick > *last && value > *before);
        if newer {
            self.0.push((tick, value));
        }
    }

    fn rewind(&mut self, base: Tick) {
        self.0.retain(|(tick, _)| *tick <= base);
    }
}

/// The rolling hash over a player's inputs, as the protocol says: 32-bit FNV-1a.
const HASH_START: u32 = 0x811c_9dc5;

fn input_hash(hash: u32, seq: u32, keys: u8, action: u8) -> u32 {
    let [a, b, c, d] = seq.to_le_bytes();
    [a, b, c, d, keys, action]
        .into_iter()
        .fold(hash, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What the player made of inputs.
struct Made {
    /// The hash over the first 0, 1, 2 ... of them; empty where they cannot be compared any more.
    hashes: Vec<u32>,
    wrong: bool,
    lost: bool,
}

/// One player's view.
pub(super) struct Shown {
    window: Window,
    sockets: HashMap<u32, Socket>,
    me: Option<PlayerId>,
    rejoined: bool,
    /// Highest epoch shown, the world it was first seen to go on from, its newest tick, and the socket that brought it.
    high: Option<High>,
    durable: Tick,
    scores: HashMap<PlayerId, Rising<Score>>,
    wins: HashMap<PlayerId, Rising<u32>>,
    applied: Rising<u32>,
    made: Made,
    /// Ticks shown of the present history, from `first` on.
    first: u64,
    ticks: Vec<bool>,
    skipped: Vec<(u64, u64)>,
    rewinds: u64,
    /// Those of them that came on the very socket that had brought what they took back.
    rewinds_in_place: u64,
    /// A socket of it was closed before frames came on another one.
    was_cut: bool,
    /// It has opened another socket though none was closed, and no server had sent it away.
    gave_up: bool,
    was_sent_away: bool,
    /// The socket that brought its last frame before the window, and that socket's server.
    home: (u32, String),
    /// A frame said in the window that the registry is away.
    told_away: bool,
    last_advance: Option<Duration>,
    longest_gap: Duration,
}

/// What a newer epoch keeps of an older one.
#[derive(Clone, Copy)]
struct Kept {
    /// Durable under the newer one up to here.
    durable: Tick,
    /// Both are known to be the same up to here.
    same: Tick,
}

#[derive(Clone, Copy)]
struct High {
    epoch: Epoch,
    base: Tick,
    tick: Tick,
    socket: u32,
}

impl Shown {
    pub(super) fn new(window: Window) -> Shown {
        Shown {
            window,
            sockets: HashMap::new(),
            me: None,
            rejoined: false,
            high: None,
            durable: Tick(0),
            scores: HashMap::new(),
            wins: HashMap::new(),
            applied: Rising::default(),
            made: Made { hashes: vec![HASH_START], wrong: false, lost: false },
            first: 0,
            ticks: Vec::new(),
            skipped: Vec::new(),
            rewinds: 0,
            rewinds_in_place: 0,
            was_cut: false,
            gave_up: false,
            was_sent_away: false,
            home: (0, String::new()),
            told_away: false,
            last_advance: None,
            longest_gap: Duration::ZERO,
        }
    }

    pub(super) fn opened(&mut self, socket: u32) {
        let floor = self.high.map(|high| high.epoch);
        self.gave_up |= self.sockets.values().any(|socket| socket.flows && !socket.sent_away);
        self.sockets.insert(socket, Socket { floor, ..Socket::default() });
    }

    pub(super) fn closed(&mut self, place: Place<'_>, code: u16, reason: &str, findings: &mut Findings) {
        let flowed = self.sockets.remove(&place.socket).is_some_and(|socket| socket.flows);
        if flowed && !self.sockets.values().any(|socket| socket.flows) {
            self.was_cut = true;
            let what = format!("closed with {code} ({reason}) before frames came on another one");
            findings.add(Fault::SocketLost, place, what);
        }
    }

    pub(super) fn asked(&mut self, socket: u32) {
        self.sockets.entry(socket).or_default().asked += 1;
    }

    /// The player made an input.
    pub(super) fn made(
        &mut self,
        place: Place<'_>,
        (seq, keys, action): (u32, u8, u8),
        findings: &mut Findings,
    ) {
        let next = self.made.hashes.len() as u32;
        if next == 0 {
            return;
        }
        if seq > next {
            let what = format!("the servers have input {}, of {} that were made", seq - 1, next - 1);
            self.inputs_wrong(place, what, findings);
            self.made.hashes.clear();
            return;
        }
        if seq < next {
            let what = format!("input {seq} was asked for again when it was no longer kept");
            self.input_lost(place, what, findings);
            self.made.hashes.truncate(seq.max(1) as usize);
        }
        let before = self.made.hashes.last().copied().unwrap_or(HASH_START);
        self.made.hashes.push(input_hash(before, seq, keys, action));
    }

    /// The player has seen to it that all its inputs are applied, and goes home.
    pub(super) fn rested(&mut self, place: Place<'_>, findings: &mut Findings) {
        let Some(made) = self.made.hashes.len().checked_sub(1) else { return };
        let applied = self.applied.0.last().map_or(0, |(_, applied)| *applied as usize);
        if applied < made {
            let what = format!("{applied} of {made} inputs were applied in the end");
            self.input_lost(place, what, findings);
        }
    }

    /// Compares what a world says of the player's inputs with what it made.
    pub(super) fn compare_mine(&mut self, place: Place<'_>, keyframe: &Keyframe, findings: &mut Findings) {
        let mine = keyframe.players.iter().find(|player| Some(player.id) == self.me);
        let Some(&KeyframePlayer { last_seq, applied, applied_hash, .. }) = mine else { return };
        let tick = keyframe.tick;
        let Some(made) = self.made.hashes.len().checked_sub(1) else { return };
        let what = match self.made.hashes.get(applied as usize) {
            None => format!("{applied} inputs were applied by tick {tick}, of {made} that were made"),
            Some(_) if applied != last_seq => {
                format!("{applied} inputs were applied by tick {tick}, and {last_seq} taken")
            }
            Some(hash) if *hash != applied_hash => {
                format!("the {applied} inputs applied by tick {tick} are not those that were made")
            }
            Some(_) => return,
        };
        self.inputs_wrong(place, what, findings);
    }

    fn inputs_wrong(&mut self, place: Place<'_>, what: String, findings: &mut Findings) {
        // Counts players: once wrong, each later world says so again.
        if !std::mem::replace(&mut self.made.wrong, true) {
            findings.add(Fault::InputsWrong, place, what);
        }
    }

    fn input_lost(&mut self, place: Place<'_>, what: String, findings: &mut Findings) {
        if !std::mem::replace(&mut self.made.lost, true) {
            findings.add(Fault::InputLost, place, what);
        }
    }

    /// Name of the server that a socket is on; empty before its Welcome.
    pub(super) fn server(&self, socket: u32) -> &str {
        self.sockets.get(&socket).map_or("", |socket| &socket.server)
    }

    pub(super) fn message(
        &mut self,
        place: Place<'_>,
        message: &ServerMessage,
        game: &mut Game,
        findings: &mut Findings,
    ) {
        match message {
            ServerMessage::Welcome(welcome) => {
                let socket = self.sockets.entry(place.socket).or_default();
                (socket.slots, socket.server) = (welcome.slots, welcome.edge_name.clone());
                match self.me {
                    None => self.me = Some(welcome.player),
                    Some(me) if me != welcome.player => {
                        self.me = Some(welcome.player);
                        self.applied.0.clear();
                        self.made.hashes = vec![HASH_START];
                        let what = format!("was player {me}, is now player {}", welcome.player);
                        self.rejoin(place, what, findings);
                    }
                    Some(_) => {}
                }
            }
            ServerMessage::Host(host) if !host.owner_name.is_empty() => {
                let owner = game.owners.entry(host.epoch).or_insert_with(|| host.owner_name.clone());
                if *owner != host.owner_name {
                    let what = format!("epoch {} is owned by {owner} and {}", host.epoch, host.owner_name);
                    findings.add(Fault::TwoOwners, place, what);
                }
            }
            ServerMessage::Keyframe(keyframe) => self.keyframe(place, keyframe, game, findings),
            ServerMessage::Frame { header, body } => self.frame(place, header, body, game, findings),
            ServerMessage::Skipped { from, to } => {
                self.sockets.entry(place.socket).or_default().skipped = true;
                self.skipped.push((from.0, to.0));
            }
            ServerMessage::Host(_)
            | ServerMessage::Pong { .. }
            | ServerMessage::Expect { .. }
            | ServerMessage::Notice { .. } => {}
            ServerMessage::GoAway { .. } => {
                self.sockets.entry(place.socket).or_default().sent_away = true;
                self.was_sent_away = true;
            }
        }
    }

    fn keyframe(&mut self, place: Place<'_>, keyframe: &Keyframe, game: &mut Game, findings: &mut Findings) {
        let (epoch, tick) = (keyframe.epoch, keyframe.tick);
        let world = hash_world(keyframe);
        if *game.worlds.entry((epoch, tick)).or_insert(world) != world {
            findings.add(Fault::TwoHistories, place, format!("two worlds of tick {tick} in epoch {epoch}"));
        }
        game.show(epoch, tick, tick, place.at);

        self.compare_mine(place, keyframe, findings);
        let socket = self.sockets.entry(place.socket).or_default();
        let answer = socket.asked > 0 && socket.at.is_some_and(|at| (epoch, tick) <= at);
        if answer {
            socket.asked -= 1;
            // It leads up to what was shown, as a newer socket would that had named that floor.
            socket.floor = socket.floor.map(|floor| floor.min(epoch));
        } else if let Some((old_epoch, old_tick)) = socket.at {
            if epoch < old_epoch {
                let what = format!("a keyframe of epoch {epoch} on a socket at epoch {old_epoch}");
                findings.add(Fault::EpochFell, place, what);
            } else if tick < old_tick && epoch > old_epoch {
                socket.must_announce = Some(old_tick);
            } else if tick < old_tick && !socket.skipped {
                let what = format!("a keyframe of tick {tick} on a socket at tick {old_tick}, same epoch");
                findings.add(Fault::WentBack, place, what);
            } else if tick > old_tick.next() && !socket.skipped {
                let what =
                    format!("a keyframe of tick {tick} on a socket at tick {old_tick}, without Skipped");
                findings.add(Fault::Jump, place, what);
            }
        }
        socket.at = Some((epoch, tick));
        if std::mem::take(&mut socket.skipped)
            && let Some(last) = self.skipped.last_mut()
        {
            // The ticks up to the keyframe do not come either.
            last.1 = last.1.max(tick.0.saturating_sub(1));
        }
        let counted = keyframe.players.iter().map(|player| {
            let KeyframePlayer { id, score, wins, applied, .. } = *player;
            (player.slot, Counted { id, score, wins, applied })
        });
        socket.players = counted.collect();
        socket.round = keyframe.round.number;

        // The first keyframe of an epoch is of the world that its owner began with, or of a tick later: what the old owner
        // ran of that tick may be void. What is durable under the new epoch was kept in any case.
        let newer = self.high.is_some_and(|high| epoch > high.epoch);
        let base = if newer { Tick(tick.0.saturating_sub(1)) } else { tick };
        // A socket that comes late may begin with a world of which the new owner ran several ticks itself, and has made them durable
        // since: what the old owner ran after what was durable under it may be void, up to there.
        let same = if newer { base.min(keyframe.durable).min(self.durable) } else { base };
        let kept = Kept { durable: base.max(keyframe.durable), same };
        self.advance(place, epoch, base, (tick, kept), findings);
        if self.high.is_some_and(|high| epoch < high.epoch) {
            return;
        }
        self.durable = self.durable.max(keyframe.durable);
        let mut here = false;
        for player in &keyframe.players {
            let (scores, score) =
                (self.scores.entry(player.id).or_default(), (keyframe.round.number, player.score));
            if let Some((round, kills)) = scores.at(tick).filter(|before| score < *before) {
                let what = format!(
                    "{:?} had {kills} kills in round {round}, has {} in round {} at tick {tick}",
                    player.name, score.1, score.0
                );
                findings.add(Fault::ScoreLost, place, what);
                scores.0.clear();
            }
            scores.note(tick, score);
            let wins = self.wins.entry(player.id).or_default();
            if let Some(before) = wins.at(tick).filter(|before| player.wins < *before) {
                let what =
                    format!("{:?} had won {before} rounds, now {} at tick {tick}", player.name, player.wins);
                findings.add(Fault::ScoreLost, place, what);
                wins.0.clear();
            }
            wins.note(tick, player.wins);
            if Some(player.id) == self.me {
                here = true;
                if let Some(before) = self.applied.at(tick).filter(|before| player.applied < *before) {
                    let what = format!("{before} inputs were applied, now {} at tick {tick}", player.applied);
                    findings.add(Fault::DurableLost, place, what);
                    self.applied.0.clear();
                }
                self.applied.note(tick, player.applied);
            }
        }
        if !here && self.me.is_some() && self.applied.at(tick).is_some() {
            self.applied.0.clear();
            self.rejoin(place, format!("is not in the world of tick {tick} any more"), findings);
        }
    }

    fn frame(
        &mut self,
        place: Place<'_>,
        header: &FrameHeader,
        body: &EncodedBody,
        game: &mut Game,
        findings: &mut Findings,
    ) {
        let socket = self.sockets.entry(place.socket).or_default();
        let Some((old_epoch, old_tick)) = socket.at else {
            findings.add(Fault::Jump, place, "a frame before the first keyframe".to_owned());
            return;
        };
        let tick = header.tick(old_tick.next());
        let epoch = header.epoch.unwrap_or(old_epoch);
        if epoch < old_epoch {
            let what = format!("a frame of epoch {epoch} on a socket at epoch {old_epoch}");
            findings.add(Fault::EpochFell, place, what);
        }
        socket.flows = true;
        if place.at >= self.window.from {
            self.told_away |= header.flags.registry_away;
        } else if self.home.0 != place.socket {
            self.home = (place.socket, socket.server.clone());
        }
        let announced = header.flags.rewind;
        if let Some(before) = socket.must_announce.take().filter(|_| !announced) {
            let what =
                format!("a keyframe went back from tick {before}, and the frame of {tick} has no flag");
            findings.add(Fault::WentBack, place, what);
        }
        if tick <= old_tick && !announced {
            findings.add(Fault::WentBack, place, format!("tick {tick} after tick {old_tick}"));
        } else if tick > old_tick.next() {
            findings.add(Fault::Jump, place, format!("tick {tick} after tick {old_tick}"));
        }
        socket.at = Some((epoch, tick));

        let content = hash(&(body.events, &body.bytes[..]));
        if *game.bodies.entry((epoch, tick)).or_insert(content) != content {
            findings.add(Fault::TwoHistories, place, format!("two frames of tick {tick} in epoch {epoch}"));
        }
        let base = Tick(tick.0.saturating_sub(1));
        game.show(epoch, base, tick, place.at);

        let decoded = match body.decode(socket.slots) {
            Ok(decoded) => decoded,
            Err(error) => {
                findings.add(Fault::Unreadable, place, format!("frame of tick {tick}: {error}"));
                Body::default()
            }
        };
        let risen = socket.follow(&decoded);
        let round = socket.round;
        self.advance(place, epoch, base, (tick, Kept { durable: base, same: base }), findings);
        if self.high.is_some_and(|high| epoch < high.epoch) {
            return;
        }
        if header.lag < u8::MAX {
            self.durable = self.durable.max(Tick(tick.0.saturating_sub(header.lag.into())));
        }
        for counted in risen {
            self.scores.entry(counted.id).or_default().note(tick, (round, counted.score));
            self.wins.entry(counted.id).or_default().note(tick, counted.wins);
            if Some(counted.id) == self.me {
                self.applied.note(tick, counted.applied);
            }
        }
    }

    /// The player was shown a tick; `base` is the world that it goes on from (for a keyframe its own).
    fn advance(
        &mut self,
        place: Place<'_>,
        epoch: Epoch,
        base: Tick,
        (tick, kept): (Tick, Kept),
        findings: &mut Findings,
    ) {
        let Some(high) = self.high else {
            self.first = tick.0;
            self.high = Some(High { epoch, base, tick, socket: place.socket });
            self.show_tick(tick);
            self.arrived(place.at);
            return;
        };
        if epoch < high.epoch {
            // Two sockets overlap: the older one may still bring what came before the move, and the newer one what leads up
            // to it, if it said Hello before the player was shown the move.
            let floor = self.sockets.get(&place.socket).and_then(|socket| socket.floor);
            let behind = place.socket < high.socket || floor.is_none_or(|floor| floor <= epoch);
            let late = behind && tick <= high.base;
            if late {
                self.show_tick(tick);
            } else {
                let what = format!("tick {tick} of epoch {epoch} after epoch {} was shown", high.epoch);
                findings.add(Fault::EpochFell, place, what);
            }
            return;
        }
        if epoch > high.epoch && base < high.tick {
            self.rewinds += 1;
            self.rewinds_in_place += u64::from(place.socket == high.socket);
            if kept.durable < self.durable {
                let Kept { durable, .. } = kept;
                let what =
                    format!("tick {} was durable; the next epoch goes on from {durable}", self.durable);
                findings.add(Fault::DurableLost, place, what);
                self.durable = durable;
            }
            self.ticks.truncate((base.0 + 1).saturating_sub(self.first) as usize);
        }
        if epoch > high.epoch && kept.same < high.tick {
            // A keyframe of the tick after the last one that was shown may be of another branch, too.
            self.scores.values_mut().for_each(|score| score.rewind(kept.same));
            self.wins.values_mut().for_each(|wins| wins.rewind(kept.same));
            self.applied.rewind(kept.same);
        }
        self.show_tick(tick);
        if epoch > high.epoch {
            self.high = Some(High { epoch, base, tick, socket: place.socket });
            self.arrived(place.at);
        } else if tick > high.tick {
            self.high = Some(High { tick, socket: place.socket, base: high.base.min(base), ..high });
            self.arrived(place.at);
        }
    }

    fn show_tick(&mut self, tick: Tick) {
        let Some(index) = tick.0.checked_sub(self.first).map(|index| index as usize) else { return };
        /// Three hours: a forged tick must not take all memory.
        const MOST: usize = 3 * 3600 * 50;
        if index < MOST {
            if self.ticks.len() <= index {
                self.ticks.resize(index + 1, false);
            }
            self.ticks[index] = true;
        }
    }

    /// Something new came: ends a gap.
    fn arrived(&mut self, at: Duration) {
        self.gap_until(at);
        self.last_advance = Some(at);
    }

    fn gap_until(&mut self, at: Duration) {
        // A gap that began before the window or ends after it counts whole or up to the window's end.
        let from = self.last_advance.unwrap_or(self.window.from);
        let to = at.min(self.window.to);
        if to > self.window.from {
            self.longest_gap = self.longest_gap.max(to.saturating_sub(from));
        }
    }

    fn rejoin(&mut self, place: Place<'_>, what: String, findings: &mut Findings) {
        // Counts players, not how often.
        if !std::mem::replace(&mut self.rejoined, true) {
            findings.add(Fault::Rejoined, place, what);
        }
    }

    pub(super) fn last_advance(&self) -> Option<Duration> {
        self.last_advance
    }

    /// Longest time without a new tick in the window.
    pub(super) fn longest_gap(&mut self) -> Duration {
        self.gap_until(self.window.to);
        self.longest_gap
    }

    pub(super) fn rewinds(&self) -> u64 {
        self.rewinds
    }

    /// On the very socket that had brought what they took back.
    pub(super) fn rewinds_in_place(&self) -> u64 {
        self.rewinds_in_place
    }

    /// Its server was none of the broken ones, and the way there none either: no socket was closed before frames came on
    /// another one, or sent away. Where ways are broken, too, nor was one given up for its silence.
    pub(super) fn was_served(&self, broken: &Broken) -> bool {
        let was_on_broken = broken.servers.contains(&self.home.1);
        !(was_on_broken || self.was_cut || self.was_sent_away || broken.ways && self.gave_up)
    }

    /// Frames said in the window that the registry is away.
    pub(super) fn was_told_away(&self) -> bool {
        self.told_away
    }

    /// Ticks between the first and the last one shown that were not.
    pub(super) fn ticks_missed(&self) -> u64 {
        self.ticks.iter().filter(|shown| !**shown).count() as u64
    }

    /// Those that a Skipped announced.
    pub(super) fn ticks_skipped(&self) -> u64 {
        let announced = |tick: u64| self.skipped.iter().any(|(from, to)| (*from..=*to).contains(&tick));
        let missed = self.ticks.iter().enumerate().filter(|(_, shown)| !**shown);
        missed.filter(|(index, _)| announced(self.first + *index as u64)).count() as u64
    }
}

impl Socket {
    /// Counts along; answers whose numbers rose.
    fn follow(&mut self, body: &Body) -> Vec<Counted> {
        // A round may begin in the tick that applies an input: what counts is what each has after all of it.
        let mut risen = BTreeSet::new();
        for inputs in &body.inputs {
            if let Some(counted) = self.players.get_mut(&inputs.slot) {
                counted.applied += inputs.keys.len() as u32;
                risen.insert(inputs.slot);
            }
        }
        for event in &body.events {
            match event {
                FrameEvent::Join { slot, player, .. } => {
                    self.players.insert(*slot, Counted { id: *player, score: 0, wins: 0, applied: 0 });
                }
                FrameEvent::Leave { slot } => {
                    self.players.remove(slot);
                }
                FrameEvent::Kill { slot, by, .. } if slot != by => {
                    if let Some(counted) = self.players.get_mut(by) {
                        counted.score += 1;
                        risen.insert(*by);
                    }
                }
                FrameEvent::RoundOver { winner, .. } => {
                    if let Some(counted) = self.players.get_mut(winner) {
                        counted.wins += 1;
                        risen.insert(*winner);
                    }
                }
                FrameEvent::RoundStart { .. } => {
                    self.round += 1;
                    for (slot, counted) in &mut self.players {
                        counted.score = 0;
                        risen.insert(*slot);
                    }
                }
                _ => {}
            }
        }
        risen.iter().filter_map(|slot| self.players.get(slot)).cloned().collect()
    }
}
