//! One server process: carries out what its ownership machine asks for. Stands for gamed's driver.

use crate::broken::Broken;
use crate::calls::Caller;
use crate::cluster::{Action, Cluster, TICK};
use crate::coverage;
use crate::faults::Fault;
use crate::hub::{Gathering, Hub, Own};
use crate::net::pair;
use crate::toy::{self, Frame, Toy};
use ownership::ring::Kept;
use ownership::{EdgeEvent, Effect, Event, Member, Ran, Time};
use protocol::peer::{Control, PeerMessage, TailTick};
use protocol::{Epoch, GameId, MemberId, Tick};
use rand::Rng;
use registry::{LogBatch, Request, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// What others were shown beyond the last durable tick is waited for so long.
const TAIL_US: u64 = 30_000;
/// Ticks that a late game catches up at once.
const CATCH_UP: u64 = 5;
/// A target that does not reach the registry does not start; it is told again within so long.
const COMMIT_AGAIN_US: u64 = 150_000;
/// A process that was stopped for longer than half a lease may have been replaced.
const STOPPED_LONG_US: u64 = 1_000_000;

#[derive(Debug)]
pub struct Server {
    pub id: MemberId,
    pub member: Member,
    /// Its clock is that far ahead of true time.
    pub offset: u64,
    pub alive: bool,
    /// Dead, and its host says so to whoever connects.
    pub refuses: bool,
    pub paused_until: u64,
    pub peers: Vec<MemberId>,
    pub hubs: BTreeMap<GameId, Hub>,
    pub pod: String,
    pub revision: &'static str,
    pub terminating: bool,
    /// When players could come to it.
    pub ready_at: Option<u64>,
    /// It alone does not reach the registry from then on.
    pub blind_from: u64,
    /// As above, before then.
    pub blind_until: u64,
    /// It reaches no other server before.
    pub isolated_until: u64,
    /// Since when nothing but that has kept it from its games, and whether it did not reach the registry either.
    pub cut_off: Option<(u64, bool)>,
    /// When the last link that broke could stand again.
    pub links_broke: Option<u64>,
    /// When it went on after the last stop that was long.
    pub resumed: Option<u64>,
    /// When its lease was last seen not to hold.
    pub lapsed: Option<u64>,
    /// The earliest wake that is scheduled.
    pub wake: Option<u64>,
    /// What its games ran since that was handed in last.
    pub ran: BTreeMap<GameId, Ran>,
}

impl Server {
    pub fn new(
        id: MemberId,
        member: Member,
        pod: String,
        revision: &'static str,
        offset: u64,
        now: u64,
    ) -> Server {
        Server {
            id,
            member,
            offset,
            alive: true,
            refuses: true,
            paused_until: 0,
            peers: Vec::new(),
            hubs: BTreeMap::new(),
            pod,
            revision,
            terminating: false,
            ready_at: None,
            blind_from: 0,
            blind_until: 0,
            isolated_until: 0,
            cut_off: None,
            links_broke: None,
            resumed: None,
            lapsed: Some(now),
            wake: Some(now),
            ran: BTreeMap::new(),
        }
    }

    /// It stops now, for so long.
    pub fn stopped(&mut self, now: u64, micros: u64) {
        // A game notices by how late its tick is.
        if micros > STOPPED_LONG_US + 2 * TICK {
            self.resumed = Some(now + micros);
        }
    }

    pub fn paused(&self, now: u64) -> bool {
        now < self.paused_until
    }

    pub fn clock(&self, now: u64) -> Time {
        Time(now + self.offset)
    }

    pub fn note_lapse(&mut self, now: u64) {
        if !self.alive || !self.member.lease_valid(self.clock(now)) {
            self.lapsed = Some(now);
        }
    }
}

impl Cluster {
    /// Tells the machine, and does what it says.
    pub fn tell(&mut self, id: MemberId, event: Event) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.alive) else { return };
        server.note_lapse(now);
        let mut effects = Vec::new();
        let clock = server.clock(now);
        if !matches!(event, Event::Wake | Event::World { .. } | Event::Reply(_, Ok(_))) {
            self.note(|| format!("{} <- {}", short(id), brief(&format!("{event:?}"))));
        }
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.member.handle(clock, event, &mut effects);
        server.note_lapse(now);
        for effect in effects {
            self.carry_out(id, effect);
        }
        self.schedule_wake(id);
    }

    fn schedule_wake(&mut self, id: MemberId) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(&id) else { return };
        let Some(wanted) = server.member.next_wake() else { return };
        let at = wanted.0.saturating_sub(server.offset).max(now + 1);
        if server.wake.is_none_or(|wake| at < wake || wake <= now) {
            server.wake = Some(at);
            self.at(at, Action::Wake(id));
        }
    }

    fn carry_out(&mut self, id: MemberId, effect: Effect) {
        if !matches!(
            effect,
            Effect::Call(_, Request::Members | Request::Games | Request::Game(_))
                | Effect::Durable(..)
                | Effect::TakeSnapshot(_)
        ) {
            self.note(|| format!("{} -> {}", short(id), brief(&format!("{effect:?}"))));
        }
        self.follow_moves(id, &effect);
        match effect {
            Effect::Call(call, request) => {
                if let Request::CommitMove { game, expect, to, .. } = &request
                    && self.hub(*to, *game).to_be_ceded
                {
                    // It has called itself prepared, and the game is not ceded but moved.
                    self.oracle.said(*game, expect.epoch, *to, false);
                }
                self.call(Some(Caller { id, call }), request);
            }
            Effect::Send(to, control) => {
                match &control {
                    Control::Abort { .. } => self.coverage.count("hand-overs called off"),
                    Control::Aborted { game, epoch, .. } => {
                        self.coverage.branch(coverage::ABORTED);
                        self.oracle.said(*game, *epoch, id, true);
                    }
                    Control::Prepared { game, .. } if self.hub(id, *game).to_be_ceded => {
                        self.target_may_leave(id);
                    }
                    Control::Prepared { game, epoch } => self.oracle.said(*game, *epoch, id, false),
                    Control::Cede { game, epoch, tick, .. } => self.cedes(id, to, *game, *epoch, tick.0),
                    Control::Refused { game, .. } => self.hub(id, *game).ceded = None,
                    _ => {}
                }
                let unsaid = match (self.plan.broken, &control) {
                    (Some(Broken::CedeUnheard), Control::Ceded { .. }) => true,
                    (Some(Broken::NeverCedes), Control::Prepare { cedes, .. }) => *cedes,
                    (Some(Broken::NeverCedes), Control::Cede { .. }) => true,
                    _ => false,
                };
                let ceded = match &control {
                    Control::Cede { game, .. } => Some(*game),
                    _ => None,
                };
                if !unsaid {
                    self.send(id, to, PeerMessage::Control(control));
                }
                if let (Some(game), Some(Broken::TicksAfterCede)) = (ceded, self.plan.broken) {
                    self.run_tick(id, game);
                }
            }
            Effect::SendToEdges(game, control) => {
                self.tell_watchers(id, game, &PeerMessage::Control(control.clone()));
                self.control_to_edge(id, control);
            }
            Effect::Peers(peers) => {
                let wanted: Vec<MemberId> = peers.into_iter().map(|(peer, _)| peer).collect();
                let Some(server) = self.servers.get_mut(&id) else { return };
                let before = std::mem::replace(&mut server.peers, wanted.clone());
                for dropped in before.into_iter().filter(|peer| !wanted.contains(peer)) {
                    self.break_link(id, dropped, 0);
                }
            }
            Effect::Prepare { game, epoch, owner, snapshot, .. } => {
                self.remember_prepared(game, snapshot.clone());
                self.hub(id, game).prepared = true;
                self.edge(id, game, EdgeEvent::Owner(Some((owner, epoch))));
                self.watch(id, game);
                if self.plan.broken == Some(Broken::StartBeforeCommit) {
                    let due = self.servers.get(&id).map_or(0, |server| server.clock(self.now).0);
                    self.start(id, game, epoch, epoch, Some((snapshot, Vec::new())), due, false);
                }
                let at = self.now + 3_000;
                self.deliver(id, at, Event::Restored { game, epoch, error: None });
            }
            Effect::Unprepare { game } => {
                if std::mem::take(&mut self.hub(id, game).prepared) {
                    self.send_watchers_to(id, game, None);
                    self.sweep(id, game);
                }
            }
            Effect::Start { game, epoch, base, settings, snapshot, log, due, rewind, .. } => {
                let rules = self.servers.get(&id).map(|server| server.member.record());
                let rules = rules.map(|record| record.rules_min..=record.rules_max);
                if !rules.is_some_and(|rules| rules.contains(&settings.rules)) {
                    let rules = settings.rules;
                    self.oracle.fail(format!(
                        "rule 15: {id} starts {game}, of rules {rules}, which it does not step"
                    ));
                }
                let forgets = self.claims_own && self.plan.broken == Some(Broken::ChainForgotten);
                let rewind = rewind || forgets;
                let old = self.hub(id, game).ceded.filter(|_| snapshot.is_some());
                let epoch = match (self.plan.broken, old) {
                    (Some(Broken::CedeUnderSameEpoch), Some(old)) => old,
                    _ => epoch,
                };
                let forgets = self.plan.broken == Some(Broken::LogForgotten);
                let log = if forgets { Vec::new() } else { log };
                self.start(id, game, epoch, base, snapshot.map(|snapshot| (snapshot, log)), due.0, rewind);
            }
            Effect::GoOn(game) => {
                let now = self.now;
                let clock = self.servers.get(&id).map_or(0, |server| server.clock(now).0);
                let hub = self.hub(id, game);
                if let Some(own) = hub.own.as_mut().filter(|own| own.stalled) {
                    (own.stalled, own.next_due) = (false, clock);
                    hub.generation += 1;
                    let generation = hub.generation;
                    self.coverage.branch(coverage::STALLED_OWNER);
                    self.at(now, Action::Tick(id, game, generation));
                }
            }
            Effect::Freeze(game) => {
                let at = self.now + 200;
                self.goes_on_from_tail(id, game);
                let Some(own) = self.own_or_failed(id, game) else { return };
                let (snapshot, next_due) = (snapshot(&own.world, own.after), Time(own.next_due));
                if self.plan.broken == Some(Broken::TickAfterFreeze) {
                    self.run_tick(id, game);
                }
                if let Some(own) = self.hub(id, game).own.as_mut() {
                    own.frozen = true;
                }
                self.deliver(id, at, Event::Frozen { game, snapshot, next_due });
            }
            Effect::Stop { game, to, goes_on } => {
                let own = self.hub(id, game).own.take();
                if own.as_ref().is_some_and(|own| own.stalled) {
                    self.coverage.branch(coverage::STALLED_REPLACED);
                }
                if let Some(own) = own.filter(|own| own.provisional)
                    && self.record(game).is_some_and(|record| record.epoch > own.epoch)
                {
                    self.coverage.branch(coverage::CEDE_FENCED);
                }
                let hub = self.hub(id, game);
                hub.generation += 1;
                hub.prepared = false;
                if goes_on {
                    self.edge(id, game, EdgeEvent::Owner(to));
                    self.forward_inputs(id, game);
                    self.send_watchers_to(id, game, to.map(|(owner, _)| owner));
                    self.sweep(id, game);
                }
            }
            Effect::TakeSnapshot(game) => {
                let Some(own) = self.own_or_failed(id, game) else { return };
                let (world, epoch, after) = (own.world.clone(), own.epoch, own.after);
                if self.plan.broken == Some(Broken::DurableBeforeStored) {
                    self.oracle.durable(game, epoch, world.tick);
                }
                let at = self.now + 100;
                self.deliver(id, at, Event::World { game, snapshot: snapshot(&world, after) });
            }
            Effect::Durable(game, tick) => {
                if let Some(own) = self.hub(id, game).own.as_mut() {
                    own.durable = own.durable.max(tick.0);
                    let epoch = own.epoch;
                    self.oracle.durable(game, epoch, tick.0);
                }
            }
            Effect::Created(_) | Effect::CreateFailed(..) | Effect::Drained => {}
            Effect::OwnerOf(game, owner) => {
                if owner.is_some() {
                    self.edge(id, game, EdgeEvent::Owner(owner));
                }
            }
            Effect::CutOff(true) => self.coverage.branch(coverage::CUT_OFF),
            Effect::Ready => {
                let now = self.now;
                if let Some(server) = self.servers.get_mut(&id) {
                    server.ready_at.get_or_insert(now);
                }
            }
            Effect::CutOff(false) | Effect::Quarantined(_) => {}
            Effect::Moved(moved) => {
                if moved.to == id {
                    *self.coverage.moves.entry(moved.cause).or_default() += 1;
                    match moved.cause {
                        "lease" => self.coverage.branch(coverage::LEASE_WATCHED),
                        "refused" => self.coverage.branch(coverage::REFUSED_SEEN),
                        "restarted" => self.coverage.branch(coverage::RESTARTED_SEEN),
                        "operator" => self.coverage.branch(coverage::OPERATOR_WORD),
                        _ => {}
                    }
                }
            }
        }
    }

    pub fn hub(&mut self, id: MemberId, game: GameId) -> &mut Hub {
        let server = self.servers.get_mut(&id).expect("effects come from servers that exist");
        server.hubs.entry(game).or_insert_with(|| Hub::new(id, game))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one effect")]
    fn start(
        &mut self,
        id: MemberId,
        game: GameId,
        epoch: Epoch,
        base: Epoch,
        snapshot: Option<(Snapshot, Vec<LogBatch>)>,
        due: u64,
        rewind: bool,
    ) {
        let (clock, now) = (self.servers.get(&id).map_or(0, |server| server.clock(self.now).0), self.now);
        let forgets = self.plan.broken == Some(Broken::RingForgotten);
        let restored = snapshot.is_some();
        self.judge_poisoned_start(id, game);
        let (world, way) = match snapshot {
            Some((snapshot, log)) => match self.replay(game, base, &snapshot, &log) {
                Ok(replayed) => replayed,
                Err(tick) => return self.fails(id, game, epoch, tick, true),
            },
            None => {
                let Some(own) = self.own_or_failed(id, game) else {
                    return self.fails(id, game, epoch, 0, true);
                };
                let world = own.world.clone();
                let keyframe = Kept::keyframe(base, Tick(world.tick), world.encode());
                (world, (keyframe, Vec::new()))
            }
        };
        let hub = self.hub(id, game);
        hub.prepared = false;
        hub.generation += 1;
        let generation = hub.generation;
        let ceded = hub.ceded.take().is_some();
        let was_provisional = hub.own.as_ref().is_some_and(|own| own.provisional);
        // The time that it has been due for already was no stop of this process; it may have been one where the game goes on
        // under the epoch that it stood still under.
        let resumes = !restored && hub.own.as_ref().is_some_and(|own| own.epoch == epoch);
        let next_due = if resumes { due } else { due.max(clock.saturating_sub(STOPPED_LONG_US)) };
        let granted = self.granted.contains(&(game, epoch));
        let provisional = !granted && (ceded || was_provisional);
        self.count_cede(id, game, epoch, (ceded, was_provisional), granted);
        let name = (base, Tick(world.tick));
        let own = Own {
            epoch,
            world: world.clone(),
            after: base,
            next_due,
            frozen: false,
            stalled: false,
            durable: 0,
            provisional,
            gathering: None,
        };
        self.hub(id, game).own = Some(own);
        let gathers = restored && rewind && self.plan.broken != Some(Broken::ChainForgotten);
        if gathers {
            self.gather(id, game, name, way);
        } else {
            self.hub(id, game).stands_on(way, forgets);
            if restored {
                self.judge_start(id, game, epoch, world.tick, rewind);
            }
            if !resumes {
                self.oracle.started(game, epoch, &world);
            } else if self.oracle.is_called_off(game, epoch) {
                self.coverage.count("games that went on though moved: their targets had called it off");
            }
        }
        let due = if gathers { clock + TAIL_US } else { due };
        self.at(now + due.saturating_sub(clock), Action::Tick(id, game, generation));
        if rewind {
            self.coverage.count("games that went back");
        }
        self.edge(id, game, EdgeEvent::Owner(Some((id, epoch))));
        self.watch(id, game);
    }

    fn own_or_failed(&mut self, id: MemberId, game: GameId) -> Option<&Own> {
        assert!(self.is_spared(game) || self.hub(id, game).own.is_some(), "only an owned game has a world");
        self.hub(id, game).own.as_ref()
    }

    /// Runs the ticks of a log again: the world that it leads to, and what leads there; or the tick that panics.
    fn replay(
        &mut self,
        game: GameId,
        base: Epoch,
        snapshot: &Snapshot,
        log: &[LogBatch],
    ) -> Result<(Toy, (Kept, Vec<Kept>)), u64> {
        let mut world = Toy::decode(&snapshot.world);
        let mut after = if log.is_empty() { base } else { snapshot.epoch };
        let from = Kept::keyframe(after, snapshot.tick, snapshot.world.clone());
        let mut way = Vec::new();
        for batch in log {
            while world.tick < batch.upto.0 {
                let next = Tick(world.tick + 1);
                let log = batch.ticks.iter().find(|(tick, _)| *tick == next);
                let log = log.map_or_else(bytes::Bytes::new, |(_, log)| log.clone());
                if self.panics(game, &toy::logged(&log), true) {
                    return Err(next.0);
                }
                let kept = step_again(&mut world, (after, batch.epoch), snapshot.tick.0, log);
                after = batch.epoch;
                self.oracle.replayed(game, &world);
                way.push(kept);
            }
        }
        if !way.is_empty() {
            self.coverage.branch(coverage::REPLAYED);
        }
        Ok((world, (from, way)))
    }

    /// Asks everybody who is there for the ticks after that world.
    fn gather(&mut self, id: MemberId, game: GameId, world: (Epoch, Tick), way: (Kept, Vec<Kept>)) {
        let clock = self.servers.get(&id).map_or(0, |server| server.clock(self.now).0);
        let peers: Vec<MemberId> = self.servers.keys().copied().collect();
        let up = |peer: &MemberId| self.links.get(&pair(id, *peer)).is_some_and(|link| link.up);
        let asked: BTreeSet<MemberId> = peers.into_iter().filter(up).collect();
        for peer in &asked {
            self.send(id, *peer, PeerMessage::WantTail { game, world });
        }
        let hub = self.hub(id, game);
        let best = hub.ring.tail(world);
        if let Some(own) = hub.own.as_mut() {
            own.next_due = clock + TAIL_US;
            own.gathering = Some(Gathering { world, asked, best, way });
        }
    }

    pub fn told_of_tail(
        &mut self,
        from: MemberId,
        id: MemberId,
        game: GameId,
        world: (Epoch, Tick),
        ticks: Vec<TailTick>,
    ) {
        let (now, clock) = (self.now, self.servers.get(&id).map_or(0, |server| server.clock(self.now).0));
        let hub = self.hub(id, game);
        let generation = hub.generation;
        let Some(own) = hub.own.as_mut() else { return };
        let Some(gathering) = own.gathering.as_mut().filter(|gathering| gathering.world == world) else {
            return;
        };
        if ticks.len() > gathering.best.len() {
            gathering.best = ticks;
        }
        gathering.asked.remove(&from);
        if gathering.asked.is_empty() {
            own.next_due = clock;
            self.at(now, Action::Tick(id, game, generation));
        }
    }

    /// Runs again what others were shown, and goes on from there.
    fn goes_on_from_tail(&mut self, id: MemberId, game: GameId) {
        let forgets = self.plan.broken == Some(Broken::RingForgotten);
        let Some(own) = self.hub(id, game).own.as_mut() else { return };
        let Some(Gathering { best, mut way, .. }) = own.gathering.take() else { return };
        let (mut world, mut after, under) = (own.world.clone(), own.after, own.epoch);
        let durable = world.tick;
        let mut taken = 0;
        for TailTick { epoch, tick, log, digest } in best {
            if self.panics(game, &toy::logged(&log), true) {
                return self.fails(id, game, under, tick.0, true);
            }
            let before = world.clone();
            let kept = step_again(&mut world, (after, epoch), durable, log);
            if tick.0 != world.tick || digest != kept.digest {
                world = before;
                break;
            }
            after = epoch;
            way.1.push(kept);
            taken += 1;
            self.oracle.replayed(game, &world);
        }
        if taken > 0 {
            self.coverage.branch(coverage::TAIL);
        }
        let hub = self.hub(id, game);
        if let Some(own) = hub.own.as_mut() {
            (own.world, own.after) = (world.clone(), after);
        }
        hub.stands_on(way, forgets);
        self.judge_start(id, game, under, world.tick, true);
        self.oracle.started(game, under, &world);
    }

    /// What its games ran goes to the registry, all together.
    pub fn hand_in(&mut self, id: MemberId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if !server.alive || server.paused(self.now) || server.ran.is_empty() {
            return;
        }
        let ran = std::mem::take(&mut server.ran).into_values().collect();
        self.tell(id, Event::Ran(ran));
    }

    /// A target has got ready for what is to be ceded to it.
    fn target_may_leave(&mut self, id: MemberId) {
        if self.stays().len() > 1 && std::mem::take(&mut self.target_leaves) {
            let at = self.now + self.rng.random_range(0..TICK);
            self.at(at, Action::Fault(Fault::Leave(id)));
            self.at(at, Action::Fault(Fault::Add));
        }
    }

    /// An owner gives a game away without the registry.
    fn cedes(&mut self, id: MemberId, to: MemberId, game: GameId, epoch: Epoch, tick: u64) {
        self.oracle.cedes(game, epoch, id, to, tick);
        if self.hub(id, game).own.as_ref().is_some_and(|own| own.provisional) {
            self.coverage.branch(coverage::CEDED_AGAIN);
        }
    }

    fn count_cede(
        &mut self,
        id: MemberId,
        game: GameId,
        epoch: Epoch,
        (ceded, was_provisional): (bool, bool),
        granted: bool,
    ) {
        if ceded {
            self.of_kind().moves += 1;
            let from = self.oracle.ceded_from(game, id);
            if let (false, Some(from), Some(blow)) = (granted, from, self.cede_blow) {
                self.cede_blow = None;
                let at = self.now + self.rng.random_range(0..300_000);
                self.at(at, Action::Fault(Fault::CedeBlow { blow, game, from, to: id }));
            }
            self.coverage.branch(if granted { coverage::CEDED_TO_KNOWN } else { coverage::CEDED });
        } else if was_provisional && granted {
            self.coverage.branch(coverage::CEDE_ASSERTED);
        }
        // One whose target is dead takes it back.
        let gone = |to: MemberId| self.servers.get(&to).is_none_or(|server| !server.alive);
        if self.oracle.ceded_to(game, epoch).is_some_and(|to| to != id && gone(to)) {
            self.oracle.cede_is_off(game, epoch);
        }
    }

    pub fn tick(&mut self, id: MemberId, game: GameId, generation: u64) {
        let clock = self.servers.get(&id).map_or(0, |server| server.clock(self.now).0);
        for _ in 0..CATCH_UP {
            let asks = self.plan.broken != Some(Broken::StoppedOwnerShows);
            let hub = self.hub(id, game);
            let Some(own) = hub.own.as_mut().filter(|own| !own.frozen && !own.stalled) else { return };
            if hub.generation != generation || own.next_due > clock {
                break;
            }
            if asks && clock - own.next_due > STOPPED_LONG_US {
                own.stalled = true;
                return self.deliver(id, self.now + 100, Event::Stalled(game));
            }
            self.goes_on_from_tail(id, game);
            self.run_tick(id, game);
        }
        let hub = self.hub(id, game);
        if let Some(own) = hub.own.as_mut().filter(|own| !own.frozen)
            && hub.generation == generation
        {
            // A stall longer than it catches up: the pace starts anew.
            if own.next_due + TICK < clock {
                own.next_due = clock;
            }
            let wait = own.next_due.saturating_sub(clock);
            let at = self.now + wait;
            self.at(at, Action::Tick(id, game, generation));
        }
    }

    fn run_tick(&mut self, id: MemberId, game: GameId) {
        let twice = self.plan.broken == Some(Broken::InputsTwice);
        let resumed = self.servers.get(&id).and_then(|server| server.resumed);
        let hub = self.hub(id, game);
        let presses = hub.next_inputs(twice);
        if self.panics(game, &presses, false)
            && let Some((epoch, tick)) =
                self.hub(id, game).own.as_ref().map(|own| (own.epoch, own.world.tick + 1))
        {
            return self.fails(id, game, epoch, tick, false);
        }
        let hub = self.hub(id, game);
        let Some(own) = hub.own.as_mut() else { return };
        let before = own.world.hash;
        own.world.step(&presses);
        own.next_due += TICK;
        let (epoch, after, world) = (own.epoch, own.after, own.world.clone());
        own.after = epoch;
        let bytes = Frame { after: before, durable: own.durable, world: world.clone() }.encode();
        // Broken: a game's changes beyond the first of a tick are in its world and not in its log.
        let unlogged = self.plan.broken == Some(Broken::ChangesUnlogged);
        let logged = if unlogged { &presses[..presses.len().min(1)] } else { &presses[..] };
        let (tick, log) = (Tick(world.tick), toy::log(logged));
        if let Some(server) = self.servers.get_mut(&id) {
            Ran::tick(game, epoch, tick, log.clone(), false).join(&mut server.ran);
        }
        let frame = Kept { epoch, tick, after, bytes, log, digest: world.hash as u32 };
        self.judge_pace(game);
        self.oracle.ticked(game, epoch, id, before, &world, resumed);
        self.publish_frame(id, game, frame, &world);
    }

    pub fn peer(&mut self, from: MemberId, id: MemberId, message: PeerMessage) {
        match message {
            PeerMessage::Control(control) => {
                if let Control::Commit { game, .. } = &control {
                    let now = self.now;
                    let lapsed =
                        self.servers.get(&id).is_some_and(|it| !it.member.lease_valid(it.clock(now)));
                    if lapsed {
                        *self.excuses.entry(*game).or_default() += COMMIT_AGAIN_US;
                    }
                    let claims = self.hub(id, *game).own.is_some();
                    if claims && self.moves.get(game).is_none_or(|m| m.phase != crate::plan::Phase::Started) {
                        self.coverage.branch(coverage::COMMIT_AFTER_CLAIM);
                    }
                }
                match &control {
                    Control::Prepare { game, cedes, .. } => self.hub(id, *game).to_be_ceded = *cedes,
                    Control::Cede { game, epoch, .. } => {
                        let hub = self.hub(id, *game);
                        hub.ceded = hub.own.is_none().then_some(*epoch);
                    }
                    Control::Refused { game, epoch, .. }
                        if self.oracle.ceded_to(*game, *epoch) == Some(from) =>
                    {
                        self.coverage.branch(coverage::CEDE_REFUSED);
                        self.oracle.cede_is_off(*game, *epoch);
                    }
                    _ => {}
                }
                if let Control::Abort { game, epoch, .. } = &control
                    && self.hub(id, *game).own.as_ref().is_some_and(|own| own.epoch > *epoch)
                {
                    self.coverage.branch(coverage::ABORT_STARTED);
                }
                self.control_to_edge(id, control.clone());
                self.tell(id, Event::Message(from, control));
            }
            message => self.peer_to_hub(from, id, message),
        }
    }

    /// A broken rule: links to members whose lease lapsed do not count.
    pub fn break_links_of_the_silent(&mut self) {
        if self.plan.broken != Some(Broken::ClaimLinkedPeer) {
            return;
        }
        let now = self.now;
        let silent: Vec<MemberId> = self
            .servers
            .values()
            .filter(|server| server.alive && now < server.blind_until)
            .filter(|server| !server.member.lease_valid(server.clock(now)))
            .map(|server| server.id)
            .collect();
        let others: Vec<MemberId> = self.servers.keys().copied().collect();
        for member in silent {
            for other in others.iter().filter(|other| **other != member) {
                self.deliver(*other, now, Event::LinkDown { member, refused: false });
            }
        }
    }
}

/// A tick that was run before: the world it leads to, and its frame.
fn step_again(world: &mut Toy, (after, epoch): (Epoch, Epoch), durable: u64, log: bytes::Bytes) -> Kept {
    let before = world.hash;
    world.step(&toy::logged(&log));
    let bytes = Frame { after: before, durable, world: world.clone() }.encode();
    Kept { epoch, tick: Tick(world.tick), after, bytes, log, digest: world.hash as u32 }
}

/// A world, and the epoch that its tick was run under.
pub fn snapshot(world: &Toy, epoch: Epoch) -> Snapshot {
    Snapshot { epoch, tick: Tick(world.tick), players: 0, bots: 0, world: world.encode() }
}

/// Ids of the simulation are small.
pub fn short(id: MemberId) -> String {
    format!("s{}", id.0)
}

pub fn brief(text: &str) -> String {
    let mut line: String = text.replace("0000000000", "").chars().take(240).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}
