//! Carries the ownership rules out: feeds the member's machine with what happens, and does what it asks for.
//!
//! Owns the only copy of the machine. Nothing here decides. Events that are there together go in together, within a
//! millisecond; what comes of them is carried out in order before the next are taken.

use crate::clock;
use crate::context::Directory;
use crate::hub::{Command, ToHub};
use crate::journal::Journal;
use crate::leaving::{Goodbye, Leaving};
use crate::ledger::Ledger;
use crate::limits;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::moves::Moves;
use crate::stages::Stages;
use crate::workers::{ToAll, Workers};
use futures_util::StreamExt;
use ownership::{CallId, Effect, Event, Member, MoveRecord};
use protocol::peer::{Control, GameSettings, MoveNote, PeerMessage};
use protocol::{Epoch, GameId, MemberId, TICK_MICROS};
use registry::{Registry, RegistryError, Reply, Request, Snapshot};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

/// What the driver is told.
pub enum ToDriver {
    /// For the machine.
    Event(Event),
    /// A member says something to the machine.
    Control {
        /// Who.
        from: MemberId,
        /// What.
        control: Control,
        /// When it was sent, as far as the link knows.
        sent: Instant,
    },
    /// A hub has run the first tick of an ownership.
    FirstTick {
        /// Of this game.
        game: GameId,
        /// Under this epoch.
        epoch: Epoch,
        /// So long after it was due.
        late: Duration,
        /// When.
        at: Instant,
    },
    /// A hub wants to know who owns its game.
    LookUp(GameId),
    /// A user creates a game.
    Create {
        /// What.
        settings: GameSettings,
        /// Its first world.
        snapshot: Snapshot,
        /// The game's id, or a sentence.
        answer: oneshot::Sender<Result<GameId, String>>,
    },
    /// A peer completed a move.
    MoveDone(MoveNote),
    /// Leave within this time.
    Terminate(Duration),
}

/// Where the member is, for readiness and exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// Joined and linked.
    pub ready: bool,
    /// All games are elsewhere.
    pub drained: bool,
    /// Rules version of a game that is created here now.
    pub rules: u16,
}

/// See the module.
pub struct Driver {
    machine: Member,
    parts: Parts,
    creating: HashMap<GameId, oneshot::Sender<Result<GameId, String>>>,
    events: mpsc::Receiver<ToDriver>,
    replies: mpsc::Receiver<(CallId, Result<Reply, RegistryError>)>,
    reply_to: mpsc::Sender<(CallId, Result<Reply, RegistryError>)>,
    stage: watch::Sender<Stage>,
    calls: TaskTracker,
    /// Games that are coming here: told when their first tick has run.
    coming: HashMap<GameId, (Instant, MoveRecord)>,
    stages: Stages,
    /// What the machine wants and was not yet carried out, in order.
    effects: Vec<Effect>,
}

/// What the driver works with.
pub struct Parts {
    /// The directory of the cluster.
    pub registry: Arc<dyn Registry>,
    /// The way to the hubs.
    pub workers: Workers,
    /// The way to the peers.
    pub links: Links,
    /// Whom to keep links to.
    pub wanted: mpsc::Sender<Vec<(MemberId, String)>>,
    /// Names, for people.
    pub directory: Arc<Directory>,
    /// Set when the member starts to leave.
    pub leaving: Leaving,
    /// For `/api/cluster`.
    pub moves: Moves,
    /// For everybody, whoever is there later.
    pub ledger: Ledger,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// What the games have run.
    pub journal: Journal,
    /// Between two looks into it.
    pub input_log: Duration,
}

/// Between two counts of the sockets.
const LOAD: Duration = Duration::from_millis(500);

impl Driver {
    /// A driver for this machine, the stage that it will tell, and nothing done yet.
    pub fn new(
        machine: Member,
        parts: Parts,
        events: mpsc::Receiver<ToDriver>,
    ) -> (Driver, watch::Receiver<Stage>) {
        let (reply_to, replies) = mpsc::channel(limits::DRIVER_QUEUE);
        let stage = Stage { rules: machine.rules_for_new_games(), ..Stage::default() };
        let (stage, seen) = watch::channel(stage);
        let stages = Stages::new(parts.metrics.clone());
        let driver = Driver {
            machine,
            parts,
            creating: HashMap::new(),
            events,
            replies,
            reply_to,
            stage,
            calls: TaskTracker::new(),
            coming: HashMap::new(),
            stages,
            effects: Vec::new(),
        };
        (driver, seen)
    }

    /// Works until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut hints = self.parts.registry.hints();
        let mut load = tokio::time::interval(LOAD);
        let mut log = tokio::time::interval(self.parts.input_log);
        log.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.feed(Event::Wake);
        self.carry_out().await;
        loop {
            let wake = self.machine.next_wake().map(clock::instant);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some((call, reply)) = self.replies.recv() => self.reply(call, reply),
                Some(message) = self.events.recv() => self.message(message).await,
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.feed(Event::Wake),
                Some(hint) = hints.next() => self.feed(Event::Hint(hint)),
                _ = log.tick() => {
                    let ran = self.parts.journal.take();
                    if !ran.is_empty() {
                        self.feed(Event::Ran(ran));
                    }
                }
                _ = load.tick() => {
                    let players = self.parts.metrics.sockets.get().max(0) as u32;
                    self.feed(Event::Load { players });
                    let quarantined = self.machine.games().filter(|record| record.quarantined).count();
                    self.parts.metrics.games_quarantined.set(quarantined as i64);
                }
            }
            self.take_what_waits().await;
            self.carry_out().await;
        }
        self.calls.close();
        self.calls.wait().await;
    }

    /// Of many things that happen at once the requests go to the registry together.
    async fn take_what_waits(&mut self) {
        let start = Instant::now();
        for _ in 0..limits::DRIVER_BATCH {
            if let Ok((call, reply)) = self.replies.try_recv() {
                self.reply(call, reply);
            } else if let Ok(message) = self.events.try_recv() {
                self.message(message).await;
            } else {
                return;
            }
            if start.elapsed() > limits::DRIVER_BATCH_TIME {
                return;
            }
        }
    }

    fn reply(&mut self, call: CallId, reply: Result<Reply, RegistryError>) {
        match &reply {
            Ok(Reply::Members { members, .. }) => {
                self.parts.directory.learn(members.iter().map(|record| (record.id, record.into())));
            }
            Ok(_) => {}
            Err(error) => {
                self.parts.metrics.registry_errors.inc();
                debug!(%error, "registry");
            }
        }
        self.feed(Event::Reply(call, reply));
    }

    async fn message(&mut self, message: ToDriver) {
        match message {
            ToDriver::Event(event) => {
                if let Event::LinkUp(member) = event {
                    // One that has just started has heard of none.
                    for note in self.parts.moves.list() {
                        self.parts.links.send(member, &PeerMessage::MoveDone(note));
                    }
                }
                self.feed(event);
            }
            ToDriver::Control { from, control, sent } => {
                self.feed(Event::Message(from, on_arrival(control, sent.elapsed())));
            }
            ToDriver::FirstTick { game, epoch, late, at } => self.first_tick(game, epoch, late, at),
            ToDriver::LookUp(game) => self.look_up(game),
            ToDriver::Create { settings, snapshot, answer } => {
                let game = GameId(rand::random());
                self.creating.insert(game, answer);
                self.feed(Event::Create { game, settings, snapshot });
            }
            ToDriver::MoveDone(note) => self.parts.moves.add(note),
            ToDriver::Terminate(grace) => self.terminate(grace).await,
        }
    }

    async fn terminate(&mut self, grace: Duration) {
        info!(
            grace_s = grace.as_secs(),
            games = self.machine.owned().count(),
            "leaving: games are handed over"
        );
        let sockets = u32::try_from(self.parts.metrics.sockets.get()).unwrap_or(0);
        self.parts.leaving.begin(Goodbye::of(sockets, grace), Instant::now() + grace);
        self.feed(Event::Terminate { grace_us: grace.as_micros() as u64 });
        self.parts.workers.send_all(ToAll::GoAway).await;
    }

    /// Players who reach this member only through a balancer are to find another one, and to know why.
    async fn cut_off(&self, cut_off: bool) {
        if cut_off {
            warn!("most other servers cannot be reached from here: games and players are left to them");
        } else {
            info!("the other servers can be reached again");
        }
        self.parts.leaving.cut_off(cut_off);
        self.stage.send_modify(|stage| stage.ready = !cut_off);
        if cut_off {
            self.parts.workers.send_all(ToAll::GoAway).await;
        }
    }

    fn look_up(&self, game: GameId) {
        let (registry, workers) = (self.parts.registry.clone(), self.parts.workers.clone());
        // A game that was ceded runs elsewhere than the registry says, and perhaps the registry says nothing.
        let known = self.machine.owner_of(game);
        self.calls.spawn(async move {
            let message = match registry.call(Request::Game(game)).await {
                Ok(Reply::Game(record)) if record.quarantined => ToHub::Quarantined,
                Ok(Reply::Game(record)) => {
                    let newer = known.filter(|(_, epoch)| *epoch > record.epoch);
                    ToHub::Owner(newer.or_else(|| Some((record.owner?, record.epoch))))
                }
                Ok(Reply::Gone) => ToHub::NoSuchGame,
                Ok(other) => return warn!(%game, ?other, "an answer to another question"),
                Err(error) => {
                    debug!(%game, %error, "cannot look the owner up; the hub asks again");
                    ToHub::Owner(known)
                }
            };
            workers.send(game, message).await;
        });
    }

    /// What comes of it waits for [`Driver::carry_out`].
    fn feed(&mut self, event: Event) {
        self.stages.saw(&event);
        self.machine.handle(clock::now(), event, &mut self.effects);
    }

    fn tell_stage(&self) {
        // The machine may take it back: the registry may have given this member a game meanwhile.
        let drained = self.machine.is_drained();
        let rules = self.machine.rules_for_new_games();
        self.stage.send_if_modified(|stage| {
            let now = Stage { drained, rules, ..*stage };
            std::mem::replace(stage, now) != now
        });
    }

    async fn carry_out(&mut self) {
        let mut calls = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            self.stages.sees(&effect);
            match effect {
                Effect::Call(id, request) => calls.push((id, request)),
                Effect::Send(to, control) => self.parts.links.send(to, &PeerMessage::Control(control)),
                Effect::Peers(list) => {
                    if self.parts.wanted.send(list).await.is_err() {
                        debug!("links have ended");
                    }
                }
                Effect::Prepare { game, epoch, owner, settings, snapshot } => {
                    self.command(game, Command::Prepare { epoch, owner, settings, snapshot }).await;
                }
                Effect::Unprepare { game } => self.command(game, Command::Unprepare).await,
                Effect::Start { game, epoch, base, settings, snapshot, log, durable, due, rewind } => {
                    let start = Command::Start { epoch, base, settings, snapshot, log, durable, due, rewind };
                    self.command(game, start).await;
                }
                Effect::GoOn(game) => self.command(game, Command::GoOn).await,
                Effect::Freeze(game) => self.command(game, Command::Freeze).await,
                Effect::Stop { game, to, goes_on } => self.command(game, Command::Stop { to, goes_on }).await,
                Effect::TakeSnapshot(game) => self.command(game, Command::TakeSnapshot).await,
                Effect::Durable(game, tick) => self.command(game, Command::Durable(tick)).await,
                Effect::SendToEdges(game, control) => self.command(game, Command::ToEdges(control)).await,
                Effect::Created(game) => self.created(game, Ok(game)),
                Effect::CreateFailed(game, why) => self.created(game, Err(why)),
                Effect::OwnerOf(game, owner) => self.parts.workers.send(game, ToHub::Owner(owner)).await,
                Effect::Quarantined(game) => self.parts.workers.send(game, ToHub::Quarantined).await,
                Effect::Ready => self.stage.send_modify(|stage| stage.ready = true),
                Effect::CutOff(cut_off) => self.cut_off(cut_off).await,
                Effect::Drained => debug!("all games are elsewhere"),
                Effect::Moved(record) => self.moved(record),
            }
        }
        self.call(calls);
        self.tell_stage();
    }

    async fn command(&self, game: GameId, command: Command) {
        self.parts.workers.send(game, ToHub::Command(command)).await;
    }

    /// What the machine asks for at once goes to the registry at once: the requests are independent of each other. Each of
    /// those that list goes apart, for a batch is answered when all of it is.
    fn call(&self, calls: Vec<(CallId, Request)>) {
        let (listings, others): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|(_, request)| request.lists());
        for listing in listings {
            self.call_together(vec![listing]);
        }
        if !others.is_empty() {
            self.call_together(others);
        }
    }

    fn call_together(&self, calls: Vec<(CallId, Request)>) {
        let (registry, reply_to) = (self.parts.registry.clone(), self.reply_to.clone());
        self.calls.spawn(async move {
            let (ids, requests): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
            for answer in ids.into_iter().zip(registry.call_all(requests).await) {
                if reply_to.send(answer).await.is_err() {
                    return debug!("the driver has ended");
                }
            }
        });
    }

    fn created(&mut self, game: GameId, result: Result<GameId, String>) {
        // Whoever asked may have gone; the game is there all the same.
        if let Some(answer) = self.creating.remove(&game)
            && answer.send(result).is_err()
        {
            debug!(%game, "nobody waits for the new game");
        }
    }

    /// Both ends of a hand-over have a record. The new owner's is the one that is counted and told, when the game has gone on.
    fn moved(&mut self, record: MoveRecord) {
        if record.to == self.machine.id() {
            self.coming.insert(record.game, (Instant::now(), record));
            return;
        }
        let MoveRecord { game, to, epoch, tick, pause_us, cause, bytes, .. } = record;
        debug!(%game, %epoch, tick = tick.0, pause_us, cause, bytes, %to, "handed over");
    }

    fn first_tick(&mut self, game: GameId, epoch: Epoch, late: Duration, at: Instant) {
        let Some((_, (started, record))) = self.coming.remove_entry(&game) else { return };
        if record.epoch != epoch {
            return;
        }
        let MoveRecord { game, from, to, epoch, tick, pause_us, cause, bytes } = record;
        let late_us = late.as_micros() as u64;
        let (pause_us, between_us) = if cause == "move" {
            (late_us, TICK_MICROS + late_us)
        } else {
            (pause_us + at.saturating_duration_since(started).as_micros() as u64, 0)
        };
        info!(%game, %epoch, tick = tick.0, pause_us, cause, bytes, "moved here");
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let of = cause.to_owned();
        let note =
            MoveNote { game, from, to, epoch, tick, pause_us, between_us, bytes, cause: of, ago_ms: 0 };
        self.parts.metrics.moved(&note, cause);
        self.parts.links.send_all(&PeerMessage::MoveDone(note.clone()));
        self.parts.ledger.note(note.clone());
        self.parts.moves.add(note);
    }
}

/// A message as it would be if it had been sent just now: what it says of time counts from its sending, `ago`.
fn on_arrival(mut control: Control, ago: Duration) -> Control {
    if let Control::Commit { due_us, .. } | Control::Cede { due_us, .. } = &mut control {
        *due_us = due_us.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX));
    }
    control
}
