//! A game that this member owns: its world, its pace, and what players asked of it.
//!
//! Owns the order of a tick. Everything that changes the world goes through the entries of one tick, which travel to the
//! edges beside the frame.

use super::desk::{Desks, Due};
use super::headcount::Headcount;
use super::parsed;
use super::shown;
use crate::bots::Bots;
use crate::context::Context;
use crate::limits;
use crate::metrics::Metrics;
use bytes::Bytes;
use ownership::ring::{KEYFRAME_TICKS, Kept};
use protocol::peer::{GameSettings, PlayerAct};
use protocol::{Epoch, Flags, FrameHeader, MemberId, PlayerId, ServerMessage, Tick};
use registry::{LogBatch, Snapshot};
use sim::{Entry, Maze, World};
use std::sync::Arc;
use tokio::time::{Duration, Instant};

/// Length of a tick.
pub const TICK: Duration = Duration::from_micros(protocol::TICK_MICROS);

/// How early an input for tick `aim` is, `until_next` before tick `next` is due, in milliseconds; negative when it is late.
/// Clients name any tick that they like.
pub fn slack_ms(aim: Tick, next: Tick, until_next: Duration) -> i32 {
    let ticks = i128::from(aim.0) - i128::from(next.0);
    let slack = ticks * TICK.as_millis() as i128 + until_next.as_millis() as i128;
    slack.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// Why a player cannot take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// All slots are taken.
    Full,
}

/// What one tick leaves to be sent.
pub struct Step {
    /// The frame of the tick.
    pub frame: Kept,
    /// The world after it, every so many ticks.
    pub keyframe: Option<Kept>,
    /// Messages for single players, with the member that they come through.
    pub answers: Vec<(PlayerId, MemberId, Bytes)>,
    /// People or bots have come or gone: the world for the registry, so that others know soon.
    pub news: Option<Snapshot>,
    /// Somebody is in the game; bots do not count.
    pub people: bool,
    /// Nobody has been for too long.
    pub over: bool,
    /// It is the first of an ownership, and ran so long after it was due.
    pub first: Option<Duration>,
}

/// See the module.
pub struct Running {
    epoch: Epoch,
    /// Epoch of the newest tick: another than `epoch` until the first tick of an ownership was run.
    ticked_under: Epoch,
    settings: GameSettings,
    maze: Arc<Maze>,
    world: World,
    desks: Desks,
    bots: Bots,
    /// Joins, leaves, disconnects, renames and chat for the next tick.
    pending: Vec<Entry>,
    headcount: Headcount,
    durable: Tick,
    due: Instant,
    /// For the next frame: the pace was given up, the game will move.
    flags: Flags,
    empty_since: Option<Tick>,
}

/// Checks that this build can run that world.
///
/// # Errors
/// A sentence: the maze or the snapshot cannot be read, or its rules are unknown here.
pub fn restore(settings: &GameSettings, snapshot: &Snapshot) -> Result<(Arc<Maze>, World), String> {
    let maze = parsed::maze(&settings.maze).map_err(|error| format!("the game's maze: {error}"))?;
    let world =
        World::restore(&maze, &snapshot.world).map_err(|error| format!("the game's snapshot: {error}"))?;
    Ok((maze, world))
}

impl Running {
    /// Takes a game up from a world that was ticked under epoch `base` until now, and is durable up to that tick.
    ///
    /// # Errors
    /// As [`restore`].
    pub fn restored(
        (epoch, base): (Epoch, Epoch),
        settings: GameSettings,
        (snapshot, durable): (&Snapshot, Tick),
        due: Instant,
        metrics: Arc<Metrics>,
    ) -> Result<Running, String> {
        let (maze, world) = restore(&settings, snapshot)?;
        let mut running = Running {
            epoch,
            ticked_under: base,
            bots: Bots::new(&world, settings.bots),
            settings,
            maze,
            durable,
            world,
            desks: Desks::default(),
            pending: Vec::new(),
            headcount: Headcount::new(metrics, (snapshot.players, snapshot.bots)),
            due,
            flags: Flags::default(),
            empty_since: None,
        };
        running.settles_in();
        Ok(running)
    }

    /// The world is another one: who is new in it gets the full time to be heard of, through whichever member.
    pub fn settles_in(&mut self) {
        self.bots = Bots::new(&self.world, self.settings.bots);
        let (now, nobody) = (self.tick(), MemberId::default());
        for player in self.world.players().filter(|player| !player.bot) {
            let id = PlayerId(player.id);
            if self.desks.get(id).is_none() {
                self.desks.heard(id, player.session, nobody, now);
            }
        }
    }

    /// Runs the ticks of a log again, up to the one that is durable. Says what leads there from the world before.
    ///
    /// # Errors
    /// The log cannot be read, or does not lead there.
    pub fn replay_all(&mut self, log: &[LogBatch]) -> Result<Vec<Kept>, String> {
        let mut way = Vec::new();
        for batch in log {
            let from = self.tick();
            let mut ticks = batch.ticks.iter().skip_while(|(tick, _)| *tick <= from).peekable();
            while self.tick() < batch.upto {
                let next = self.tick().next();
                let log = ticks.next_if(|(tick, _)| *tick == next).map(|(_, log)| log.clone());
                way.push(self.replay(batch.epoch, next, &log.unwrap_or_default(), None)?);
            }
        }
        // A game that was ceded has run beyond what is durable.
        if self.tick() < self.durable {
            let (tick, durable) = (self.tick(), self.durable);
            return Err(format!("its log leads to tick {tick} and not to {durable}, which is durable"));
        }
        self.settles_in();
        Ok(way)
    }

    /// Runs a tick again that was run under that epoch, as its log entry says, and gives its frame. Where the world that it
    /// leads to has another digest nothing has happened.
    ///
    /// # Errors
    /// A sentence: it is not the next tick, the entry cannot be read, or the digest differs.
    pub fn replay(
        &mut self,
        epoch: Epoch,
        tick: Tick,
        log: &[u8],
        digest: Option<u32>,
    ) -> Result<Kept, String> {
        if tick != self.tick().next() {
            return Err(format!("tick {tick} does not follow {}", self.tick()));
        }
        let entries: Vec<Entry> = match log {
            [] => Vec::new(),
            log => postcard::from_bytes(log).map_err(|error| format!("the log of tick {tick}: {error}"))?,
        };
        let before = self.world.clone();
        self.run(&entries);
        if digest.is_some_and(|digest| digest != self.world.digest()) {
            self.world = before;
            return Err(format!("tick {tick} leads to another world than the one that was shown"));
        }
        Ok(self.frame(epoch, &before, Flags::default(), &entries))
    }

    /// The next tick is run then, and those after it follow.
    pub fn waits_until(&mut self, due: Instant) {
        self.due = due;
    }

    /// Goes on after a freeze that led to nothing.
    pub fn go_on(&mut self, epoch: Epoch, due: Instant) {
        self.epoch = epoch;
        self.due = due;
        self.flags.moving = false;
    }

    /// Of the ownership that runs it.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When the next tick is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The last tick that was run.
    pub fn tick(&self) -> Tick {
        Tick(self.world.tick())
    }

    /// The newest world: (epoch, tick) names it.
    pub fn world(&self) -> (Epoch, Tick) {
        (self.ticked_under, self.tick())
    }

    /// What the game is.
    pub fn settings(&self) -> &GameSettings {
        &self.settings
    }

    /// Up to here nothing is lost when this member is.
    pub fn durable(&mut self, tick: Tick) {
        self.durable = self.durable.max(tick);
    }

    /// Frames say that the game will move.
    pub fn moves_soon(&mut self) {
        self.flags.moving = true;
    }

    /// The world for the registry or the next owner.
    pub fn snapshot(&self) -> Snapshot {
        let (players, bots) = self.heads();
        let (epoch, tick) = self.world();
        Snapshot { epoch, tick, players, bots, world: Bytes::from(self.world.snapshot()) }
    }

    /// People and bots in the game.
    fn heads(&self) -> (u16, u16) {
        let bots = self.world.players().filter(|player| player.bot).count() as u16;
        (self.world.players().count() as u16 - bots, bots)
    }

    /// The world for players to start from.
    pub fn keyframe(&self) -> Kept {
        let (epoch, tick) = self.world();
        let keyframe = shown::keyframe(&self.world, epoch, self.durable);
        Kept::keyframe(epoch, tick, ServerMessage::Keyframe(keyframe).encode())
    }

    /// The game runs here no longer, or not at present: its people are not counted.
    pub fn rests(&mut self) {
        self.headcount.nobody();
    }

    /// The member that some players came through is gone: they have no socket until they show up through another.
    pub fn edge_lost(&mut self, member: MemberId) {
        for player in self.desks.through(member) {
            if let Some(desk) = self.desks.get(player) {
                self.pending.push(Entry::Gone { player: player.0, session: desk.session });
            }
        }
    }

    /// What players did and no tick has run yet, in order: for the next owner.
    pub fn unfinished(self) -> Vec<(PlayerId, u32, PlayerAct)> {
        let acts = self.pending.into_iter().filter_map(|entry| match entry {
            Entry::Join { player, name, bot: false } => Some((PlayerId(player), 0, PlayerAct::Join { name })),
            // Whoever runs the game next has its own mind about bots.
            Entry::Join { bot: true, .. } => None,
            Entry::Leave { player } => Some((PlayerId(player), 0, PlayerAct::Leave)),
            Entry::Gone { player, session } => Some((PlayerId(player), session, PlayerAct::Gone)),
            Entry::Rename { player, name } => Some((PlayerId(player), 0, PlayerAct::Rename { name })),
            Entry::Chat { player, text } => Some((PlayerId(player), 0, PlayerAct::Chat { text })),
            // Inputs wait at their desks.
            Entry::Input { .. } => None,
        });
        let inputs = self
            .desks
            .waiting()
            .map(|(player, session, input)| (player, session, PlayerAct::Inputs(vec![input])));
        acts.chain(inputs).collect()
    }

    /// Takes what a player did. What takes effect does so at the next ticks; an answer for the player may come at once.
    ///
    /// # Errors
    /// When the player cannot take part.
    pub fn take(
        &mut self,
        via: MemberId,
        player: PlayerId,
        session: u32,
        act: PlayerAct,
    ) -> Result<Option<Bytes>, Refusal> {
        let now = self.tick();
        match act {
            PlayerAct::Join { name } => {
                let joins = |entry: &&Entry| matches!(entry, Entry::Join { .. });
                let joined = self
                    .pending
                    .iter()
                    .any(|entry| matches!(entry, Entry::Join { player: known, .. } if *known == player.0));
                if self.world.player(player.0).is_none() && !joined {
                    // Bots make room for people.
                    let people = self.world.players().filter(|player| !player.bot).count();
                    if people + self.pending.iter().filter(joins).count() >= usize::from(self.settings.slots)
                    {
                        return Err(Refusal::Full);
                    }
                    self.pending.push(Entry::Join { player: player.0, name, bot: false });
                }
                self.desks.heard(player, session, via, now);
            }
            PlayerAct::Inputs(inputs) => {
                self.desks.heard(player, session, via, now).take(session, &inputs, now.next())
            }
            PlayerAct::Seen { .. } => {
                self.desks.heard(player, session, via, now);
            }
            PlayerAct::Ping { nonce, tick } => {
                self.desks.heard(player, session, via, now);
                let slack_ms = self.slack_ms(tick);
                return Ok(Some(ServerMessage::Pong { nonce, tick: now, slack_ms }.encode()));
            }
            PlayerAct::Rename { name } => {
                self.desks.heard(player, session, via, now);
                return Ok(self.words(player, Entry::Rename { player: player.0, name }));
            }
            PlayerAct::Chat { text } => {
                self.desks.heard(player, session, via, now);
                return Ok(self.words(player, Entry::Chat { player: player.0, text }));
            }
            PlayerAct::Leave => self.pending.push(Entry::Leave { player: player.0 }),
            // The end of an older socket says nothing, even before the newer one's first input.
            PlayerAct::Gone if self.desks.get(player).is_some_and(|desk| desk.session > session) => {}
            PlayerAct::Gone => self.pending.push(Entry::Gone { player: player.0, session }),
        }
        Ok(None)
    }

    /// Takes a rename or a line of chat for the next tick; the answer is a refusal.
    fn words(&mut self, player: PlayerId, entry: Entry) -> Option<Bytes> {
        let waiting = self.pending.iter().filter(|entry| match entry {
            Entry::Rename { player: of, .. } | Entry::Chat { player: of, .. } => *of == player.0,
            _ => false,
        });
        if waiting.count() >= limits::WORDS_PER_TICK {
            self.headcount.metrics.chat_dropped.inc();
            let sentence = "too much at once: wait a moment, then say it again".to_owned();
            return Some(ServerMessage::Notice { sentence }.encode());
        }
        self.pending.push(entry);
        None
    }

    /// How long before `tick` is due it is now, in milliseconds; negative when it was due before.
    fn slack_ms(&self, tick: Tick) -> i32 {
        let until_next = self.due.saturating_duration_since(Instant::now());
        slack_ms(tick, self.tick().next(), until_next)
    }

    /// Runs one tick: 1 what is due of what players asked, 2 the world, 3 frame and keyframe, 4 the pace.
    pub fn step(&mut self, now: Instant, context: &Context) -> Step {
        let tick = self.tick().next();
        let mut answers = Vec::new();
        let entries = self.entries(tick, &mut answers);

        let before = self.world.clone();
        self.run(&entries);
        let heads = self.heads();
        let news = self.headcount.count(heads, now).then(|| self.snapshot());

        let late = now.saturating_duration_since(self.due);
        self.pace(now, context);
        let flags = self.next_flags();
        let frame = self.frame(self.epoch, &before, flags, &entries);
        let new_epoch = frame.after != frame.epoch;
        let keyframe = (new_epoch || tick.0.is_multiple_of(KEYFRAME_TICKS)).then(|| self.keyframe());
        context.metrics.ticks.inc();
        let (over, first) = (self.over(tick, context), new_epoch.then_some(late));
        Step { frame, keyframe, answers, news, people: heads.0 > 0, over, first }
    }

    fn run(&mut self, entries: &[Entry]) {
        #[cfg(test)]
        super::poison::taste(entries);
        self.world.step(&self.maze, entries);
    }

    fn entries(&mut self, tick: Tick, answers: &mut Vec<(PlayerId, MemberId, Bytes)>) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut self.pending);
        let silent_since = Tick(tick.0.saturating_sub(limits::SILENT_PLAYER_TICKS));
        for player in self.desks.silent(silent_since) {
            // Bots are silent while they rest.
            if self.world.player(player.0).is_none_or(|player| !player.bot) {
                entries.push(Entry::Leave { player: player.0 });
            }
        }
        // Bots come through no member and have no socket.
        let Running { bots, desks, world, maze, .. } = self;
        bots.take_part(world, maze, &mut entries, |bot, input| {
            desks.heard(bot, 0, MemberId::default(), tick).take(0, &[input], tick);
        });
        for entry in &entries {
            if let Entry::Leave { player } = entry {
                self.desks.forget(PlayerId(*player));
            }
        }
        let mut due = Vec::new();
        for player in self.world.players() {
            let id = PlayerId(player.id);
            if let Some(seq) = self.desks.due(id, player.last_seq, tick, &mut due)
                && let Some(desk) = self.desks.get(id)
            {
                answers.push((id, desk.via, ServerMessage::Expect { seq }.encode()));
            }
        }
        for Due { player, session, input } in due {
            let stale = tick.0 > input.for_tick.0 + limits::STALE_TICKS;
            if stale {
                self.headcount.metrics.stale_inputs.inc();
            }
            let (player, seq, keys, action) = (player.0, input.seq, input.keys, input.action);
            entries.push(Entry::Input { player, session, seq, keys, action, stale });
        }
        entries
    }

    /// Tick n is due 20 ms after tick n - 1 was. A game that is far behind gives the lost time up, and says so.
    fn pace(&mut self, now: Instant, context: &Context) {
        let late = now.saturating_duration_since(self.due);
        if late >= TICK {
            context.metrics.late_ticks.inc();
        }
        self.due += TICK;
        if late > limits::CATCH_UP {
            self.gives_up_lost_time(now + TICK, context);
        }
    }

    /// The next tick is due then; the next frame says that time was given up.
    pub fn gives_up_lost_time(&mut self, due: Instant, context: &Context) {
        self.due = due;
        self.flags.reanchor = true;
        context.metrics.reanchors.inc();
    }

    fn next_flags(&mut self) -> Flags {
        let tick = self.tick();
        self.flags.registry_away = tick.0.saturating_sub(self.durable.0) > limits::AWAY_TICKS;
        let flags = self.flags;
        self.flags = Flags { moving: flags.moving, ..Flags::default() };
        flags
    }

    /// The frame of the tick that was just run under that epoch.
    fn frame(&mut self, epoch: Epoch, before: &World, flags: Flags, entries: &[Entry]) -> Kept {
        let tick = self.tick();
        let body = shown::body(sim::delta(before, &self.world, &self.maze)).encode(self.settings.slots);
        let after = std::mem::replace(&mut self.ticked_under, epoch);
        let header = FrameHeader::new(tick, self.durable, flags, (after != epoch).then_some(epoch));
        let log = if entries.is_empty() {
            Bytes::new()
        } else {
            Bytes::from(postcard::to_allocvec(entries).expect("entries are plain data"))
        };
        Kept { epoch, tick, after, bytes: header.with_body(&body), log, digest: self.world.digest() }
    }

    /// True when no person has been in the game for the time that the settings give, and each second from then on.
    fn over(&mut self, tick: Tick, context: &Context) -> bool {
        if self.settings.stays || self.world.players().any(|player| !player.bot) {
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert(tick);
        let empty_for =
            (tick.0 - since.0).checked_sub(context.empty_game.as_micros() as u64 / protocol::TICK_MICROS);
        // Said while it moves it is not heard.
        empty_for.is_some_and(|ticks| ticks.is_multiple_of(limits::SECOND_TICKS))
    }
}

#[cfg(test)]
mod tests;
