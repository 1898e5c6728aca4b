//! What the ownership rules want of a hub: to prepare, start, freeze and stop the game.
//!
//! Owns the changes of the hub's role. Decides none of them.

use super::parsed::Warm;
use super::running::{self, Running};
use super::{Command, Hub, Role};
use crate::clock;
use crate::contain::contained;
use ownership::ring::Kept;
use ownership::{EdgeEvent, Event, Time};
use protocol::peer::{Control, GameSettings, PeerMessage};
use protocol::{CloseCode, Epoch, MemberId, Tick};
use registry::{LogBatch, Snapshot};
use tokio::time::Instant;
use tracing::{error, info};

impl Hub {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Prepare { epoch, owner, settings, snapshot } => {
                self.prepare(epoch, owner, settings, &snapshot)
            }
            Command::Unprepare => {
                if matches!(self.role, Role::Prepared { .. }) {
                    self.role = Role::Edge;
                    // They would take themselves for subscribed when the game is to come here again.
                    self.send_watchers_to(None);
                    self.release_held();
                }
            }
            Command::Start { epoch, base, settings, snapshot, log, durable, due, rewind } => {
                let world = snapshot.map(|snapshot| (snapshot, log, durable));
                self.start((epoch, base), settings, world, due, rewind);
            }
            Command::GoOn => self.go_on(),
            // Right after a tick, so that whoever goes on has the whole time until the next one is due.
            Command::Freeze if self.stalled => self.freeze(),
            Command::Freeze => self.freezes = matches!(self.role, Role::Owner(_)),
            Command::Stop { to, goes_on } => self.stop(to, goes_on),
            Command::TakeSnapshot => {
                if let Role::Owner(running) | Role::Frozen(running) = &self.role {
                    match contained(|| running.snapshot()) {
                        Ok(snapshot) => self.context.report(Event::World { game: self.game, snapshot }),
                        Err(why) => self.fails(running.epoch(), running.tick(), &why),
                    }
                }
            }
            Command::Durable(tick) => {
                if let Role::Owner(running) | Role::Frozen(running) = &mut self.role {
                    running.durable(tick);
                }
            }
            Command::ToEdges(control) => self.tell_edges(control),
        }
    }

    pub(super) fn prepare(
        &mut self,
        epoch: Epoch,
        owner: MemberId,
        settings: GameSettings,
        snapshot: &Snapshot,
    ) {
        let restored = contained(|| running::restore(&settings, snapshot)).flatten();
        let error = match restored {
            Ok((maze, _)) => {
                self.settings = Some(settings.clone());
                let warm = Warm::up(maze, settings.bots > 0);
                self.role = Role::Prepared { settings, _warm: warm };
                self.edge_event(EdgeEvent::Owner(Some((owner, epoch))));
                self.watch();
                None
            }
            Err(error) => Some(error),
        };
        self.context.report(Event::Restored { game: self.game, epoch, error });
    }

    pub(super) fn start(
        &mut self,
        (epoch, base): (Epoch, Epoch),
        settings: GameSettings,
        world: Option<(Snapshot, Vec<LogBatch>, Tick)>,
        due: Time,
        rewind: bool,
    ) {
        let due = clock::instant(due);
        (self.freezes, self.stalled, self.gathering) = (false, false, None);
        if matches!(self.role, Role::Owner(_)) {
            self.context.metrics.games.dec();
        }
        // What was prepared is kept until the world stands on it.
        let mut way = None;
        let mut upto = Tick(0);
        let running = match (world, std::mem::replace(&mut self.role, Role::Edge)) {
            (Some((snapshot, log, durable)), _) => {
                let metrics = self.context.metrics.clone();
                let base = if log.is_empty() { base } else { snapshot.epoch };
                upto = durable.max(snapshot.tick);
                let world = (&snapshot, durable);
                let restored = contained(|| {
                    let mut running = Running::restored((epoch, base), settings, world, due, metrics)?;
                    let from = running.keyframe();
                    way = Some((from, running.replay_all(&log)?));
                    Ok(running)
                });
                restored.flatten()
            }
            (None, Role::Frozen(mut running) | Role::Owner(mut running)) => {
                running.go_on(epoch, due);
                Ok(*running)
            }
            (None, _) => Err("there is no frozen world to go on with".to_owned()),
        };
        let mut running = match running {
            Ok(running) => running,
            Err(why) => return self.fails(epoch, upto, &why),
        };
        info!(game = %self.game, %epoch, tick = %running.tick(), rewind, "runs here");
        match way {
            Some((from, way)) if rewind => self.gather(&mut running, from, way),
            way => {
                let (from, way) = way.unwrap_or_else(|| (running.keyframe(), Vec::new()));
                self.stands_on(&running, from, way);
            }
        }
        self.settings = Some(running.settings().clone());
        self.role = Role::Owner(Box::new(running));
        self.context.metrics.games.inc();
        self.edge_event(EdgeEvent::Owner(Some((self.context.me, epoch))));
        self.watch();
        self.release_held();
    }

    /// The world that runs here is of no use any more, nor is what waited for it: whatever made it fail may be among that.
    /// Players keep their sockets, and send again what is not durable.
    pub(super) fn fails(&mut self, epoch: Epoch, tick: Tick, why: &str) {
        let game = self.game;
        error!(%game, %epoch, %tick, why, "the game's world failed");
        self.context.metrics.game_failures.inc();
        if let Role::Owner(running) = std::mem::replace(&mut self.role, Role::Edge) {
            // Its destructors run no step.
            drop(running);
            self.context.metrics.games.dec();
        }
        (self.freezes, self.stalled, self.gathering) = (false, false, None);
        self.held.clear();
        self.context.report(Event::Failed { game, epoch, tick });
    }

    /// Keeps what leads to the world that the game goes on from, where what is kept does not: it is another branch, or nothing.
    pub(super) fn stands_on(&mut self, running: &Running, from: Kept, way: Vec<Kept>) {
        if self.ring.newest() != Some(running.world()) {
            self.ring.restart(from);
            way.into_iter().for_each(|frame| self.ring.push(frame));
            self.ring.keyframe(running.keyframe());
        }
    }

    /// It is still this member's: the time that was lost is given up.
    fn go_on(&mut self) {
        if let Role::Owner(running) = &mut self.role
            && std::mem::take(&mut self.stalled)
        {
            running.gives_up_lost_time(Instant::now(), &self.context);
        }
    }

    pub(super) fn freeze(&mut self) {
        (self.freezes, self.stalled) = (false, false);
        self.role = match std::mem::replace(&mut self.role, Role::Edge) {
            Role::Owner(mut running) => {
                running.rests();
                let next_due = clock::at(running.due());
                self.context.report(Event::Frozen {
                    game: self.game,
                    snapshot: running.snapshot(),
                    next_due,
                });
                self.context.metrics.games.dec();
                Role::Frozen(running)
            }
            other => other,
        };
    }

    pub(super) fn stop(&mut self, to: Option<(MemberId, Epoch)>, goes_on: bool) {
        (self.freezes, self.stalled, self.gathering) = (false, false, None);
        match std::mem::replace(&mut self.role, Role::Edge) {
            Role::Owner(running) => {
                self.context.metrics.games.dec();
                self.hold_first(running.unfinished());
            }
            Role::Frozen(running) => self.hold_first(running.unfinished()),
            Role::Prepared { .. } | Role::Edge => {}
        }
        if !goes_on {
            self.held.clear();
            self.to_watchers(&PeerMessage::Over { game: self.game });
            self.watchers.clear();
            return self.close_all(CloseCode::GameOver);
        }
        self.edge_event(EdgeEvent::Owner(to));
        self.inputs_to = to.map(|(member, _)| member).or(self.inputs_to);
        self.release_held();
        self.send_watchers_to(to.map(|(member, _)| member));
    }

    /// Whoever watches here is told that frames come from elsewhere now.
    fn send_watchers_to(&mut self, owner: Option<MemberId>) {
        for watcher in std::mem::take(&mut self.watchers) {
            self.context.links.send(watcher, &PeerMessage::NotOwner { game: self.game, owner });
        }
    }

    pub(super) fn tell_edges(&mut self, control: Control) {
        if let (Control::MoveSoon { .. }, Role::Owner(running)) = (&control, &mut self.role) {
            running.moves_soon();
        }
        self.to_watchers(&PeerMessage::Control(control.clone()));
        let me = self.context.me;
        self.peer(me, PeerMessage::Control(control));
    }
}
