//! The owner's side of a planned move, and the phases of an owned game.
//!
//! What goes wrong without: two members tick a game, or none does, when something on the way fails. The old owner's last
//! tick is fixed before anything is written; a write that was not answered is never followed by another one under the
//! same epoch, for it may still arrive: the owner takes a fresh epoch with its world, and learns from the registry's
//! refusal if the move had been carried out after all.

use super::cede::{Asked, Ceded, PATIENCE_US};
use super::{Call, Member};
use crate::{Effect, MoveRecord, Settings, Time};
use protocol::peer::{Control, GameSettings};
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{Fence, GameRecord, Reason, RegistryError, Reply, Request, Snapshot};
use std::collections::BTreeMap;

/// A registry call of a frozen game that failed is tried again after so many microseconds.
const RETRY_US: u64 = 50_000;
/// A target that does not say `Started` is sent `Commit` again after so many microseconds.
pub(super) const RESEND_US: u64 = 100_000;
/// The registry is asked again so long after it did not say whether this member, which stood still, still owns a game.
const REREAD_US: u64 = 100_000;
/// A target that has not been heard for so long is given nothing.
const HEARD_US: u64 = 100_000;
/// A target that is busy, or was not heard, is asked again after so many microseconds.
const BUSY_US: u64 = 50_000;
/// Games that wait for one target's `Started`, at most: it seems to stand still itself.
const HANDING_EACH: usize = 64;
/// So long a game has a place among those that freeze, where it waits for the end of its tick and for the registry on a
/// machine that is busy with ticks alone: 0.28 s with 4,000 games on two processors (`gamed/benches/handover.rs`).
const PLACE_US: u64 = 500_000;
/// A target that has not said `Started` for so long is asked to call the move off.
const ABORT_US: u64 = 150_000;
/// The registry's answer is waited for so long before a game whose move was called off, or that was ceded, ticks
/// provisionally.
pub(super) const ANSWERS_US: u64 = 20_000;
/// As above, when it has ticked already: longer than the registry's answers take, or it would never wait for one.
const ANSWERS_SLOWLY_US: u64 = 500_000;
/// Between two questions about a game that ticks provisionally.
const PROBE_US: u64 = 100_000;
/// A target that refused a game or did not answer is not asked for it again for so many microseconds.
const AVOID_US: u64 = 2_000_000;

/// A game that this member runs, or ran last.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) epoch: Epoch,
    /// When that was granted, or drawn.
    pub(super) since: Time,
    /// The last tick before the move that was asked of the registry last under this epoch.
    moved_at: Option<Tick>,
    pub(super) settings: GameSettings,
    pub(super) phase: Phase,
    /// When the next snapshot is due.
    pub(super) snapshot_due: Time,
    /// The hub was asked for a world and has not answered.
    pub(super) world_asked: bool,
    /// A snapshot is on its way to the registry.
    pub(super) storing: bool,
    /// The hub handed one in meanwhile of its own accord: the next one follows at once.
    pub(super) store_again: bool,
    /// Newest tick in the registry under this ownership, and the newest that players were told of.
    pub(super) durable: Option<Tick>,
    pub(super) told: Option<Tick>,
    /// The hub stood still for long: whether this member was replaced meanwhile is not known yet.
    pub(super) unread: Option<Unread>,
    /// Targets not to be asked before.
    pub(super) avoid: BTreeMap<MemberId, Time>,
    /// What a fresh epoch was asked for over last, under this epoch.
    pub(super) bumped_over: Option<Fence>,
    /// Who was asked to get ready for it, outside a move.
    pub(super) asked: Option<Asked>,
    /// It was ceded to this member, and the registry has not given it a granted epoch yet.
    pub(super) ceded: Option<Ceded>,
}

/// The record of a game that stood still has to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread {
    /// When it had last stood still, as far as is known.
    since: Time,
    /// When it is asked for again; none while the question is under way.
    again: Option<Time>,
}

/// Where an owned game is.
#[derive(Debug)]
pub(super) enum Phase {
    /// It ticks.
    Running,
    /// It ticks, and that member was asked to get ready (`sent`) or will be, when the hub has handed in a world. It is
    /// `ready`, and the game will freeze when few enough others stand still.
    Preparing { to: MemberId, since: Time, sent: bool, ready: bool },
    /// The hub was told to stop; then this is done.
    Freezing { then: Then },
    /// It ticks, though the registry may say that another owns it, and cannot be reached: either `to`, which has promised not
    /// to run it, or those that have ceded it. Nothing is written under this epoch; as soon as the registry answers, the game
    /// takes a fresh one. `next`: when it is asked; none while the question is under way. `asked`: the registry has given it
    /// to `to` under that epoch, and `to` is asked whether it still does not run it.
    Provisional { to: Option<MemberId>, next: Option<Time>, asked: Option<Epoch> },
    /// It stands still at this world.
    Frozen { world: Still, step: Step },
    /// It is over; the registry is being told. None: the request is under way.
    Ending { retry: Option<Time> },
    /// Its world failed at that tick; the registry is being told, over what it held. None: the request is under way.
    Failing { expect: Fence, tick: Tick, retry: Option<Time> },
}

impl Phase {
    /// The game is another's already, or nobody's.
    pub(super) fn is_over(&self) -> bool {
        matches!(
            self,
            Phase::Frozen { step: Step::Handing { .. } | Step::Ceding { .. }, .. }
                | Phase::Ending { .. }
                | Phase::Failing { .. }
        )
    }

    /// The registry may say something else about it than this member knows, and has to be asked.
    pub(super) fn is_stuck(&self) -> bool {
        matches!(
            self,
            Phase::Provisional { .. }
                | Phase::Frozen { step: Step::Bumping { .. } | Step::Recreating { .. }, .. }
        )
    }
}

/// What a freeze is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    Commit(MemberId),
    Park,
    Recreate,
    /// What it was for has been called off: it goes on.
    Stay,
    /// A write of this member that it had given up was carried out late: a fresh epoch over what that one got.
    Bump(Fence),
    /// It ticked provisionally, after a move that `to` has called off or after it was ceded: a fresh epoch over what the
    /// registry has.
    Rebump {
        expect: Fence,
        to: Option<MemberId>,
    },
    /// This member leaves and does not reach the registry: that one goes on with the game. `doubt`: it ticked provisionally.
    Cede {
        to: MemberId,
        doubt: Option<Doubt>,
    },
}

/// What the registry may hold of a game instead of its owner's epoch: see [`Step::Bumping`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) expect: Fence,
    pub(super) to: Option<MemberId>,
    pub(super) off: Option<Off>,
}

/// The world that a game stands still at.
#[derive(Clone, Debug)]
pub(super) struct Still {
    pub(super) snapshot: Snapshot,
    pub(super) next_due: Time,
    /// When the hub said so.
    pub(super) at: Time,
    /// The hub holds it; else it is to be started with it.
    pub(super) held: bool,
}

/// What a game that stands still waits for.
#[derive(Debug)]
pub(super) enum Step {
    /// The registry's answer to the move.
    Committing { to: MemberId },
    /// A fresh epoch over `expect`, after a move to `to` or a parking whose answer was lost. `retry`: when to ask (again);
    /// none while the question is under way. `off`: the target has promised not to run the game, or, where there is none,
    /// those that have ceded it.
    Bumping { expect: Fence, to: Option<MemberId>, retry: Option<Time>, off: Option<Off> },
    /// The target's `Started`: the registry says that it owns the game. After `abort_from` it is asked whether it runs it.
    Handing { to: MemberId, epoch: Epoch, resend: Time, abort_from: Time },
    /// The registry's answer to the parking.
    Parking,
    /// The word of that member, which was sent the game for good. `doubt`: what the registry may hold of it besides.
    Ceding { to: MemberId, resend: Time, doubt: Option<Doubt> },
    /// The registry lost the game: it is put back under a fresh epoch.
    Recreating { retry: Option<Time> },
}

/// Nobody else that the registry may name runs the game: a move was called off by its target, or the game was ceded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Off {
    /// The game ticks provisionally from then on.
    TicksFrom(Time),
    /// Edges were told of the move: the game stands still until it has its epoch.
    Still,
}

impl Owned {
    /// The hub was told to run it. A game that was ceded waits for the registry first, for a moment.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(&self.phase, Phase::Frozen { world, .. } if !world.held)
    }

    /// It ticks, nobody can have replaced its owner meanwhile, and a registry that has lost it is to get it back.
    pub(super) fn is_put_back(&self) -> bool {
        matches!(self.phase, Phase::Running) && self.unread.is_none()
    }

    /// Whose word the game waits for.
    pub(super) fn target(&self) -> Option<MemberId> {
        match &self.phase {
            Phase::Provisional { to, .. } | Phase::Frozen { step: Step::Bumping { to, .. }, .. } => *to,
            Phase::Frozen { step: Step::Handing { to, .. } | Step::Ceding { to, .. }, .. } => Some(*to),
            _ => None,
        }
    }

    /// As far as the record tells, nobody but this member has run the game: it is its own, if only by a write that it had
    /// given up; or that of a move that `to` has called off, with the world of that move; or a former owner's that has ceded it.
    pub(super) fn is_unrun(&self, record: &GameRecord, me: MemberId, to: Option<MemberId>) -> bool {
        if record.owner == Some(me) {
            return true;
        }
        if let Some(ceded) = &self.ceded {
            return ceded.is_unrun(record) || ceded.called_off(record).is_some();
        }
        let moved = (record.base, record.attempts) == (self.epoch, 0);
        to.is_some() && record.owner == to && moved && Some(record.snapshot_tick) == self.moved_at
    }

    /// When something is to be done for it, if nothing happens before.
    pub(super) fn due(&self, settings: &Settings) -> Option<Time> {
        let reread = self.unread.and_then(|unread| unread.again);
        let snapshot =
            matches!(self.phase, Phase::Running | Phase::Preparing { .. }).then_some(self.snapshot_due);
        let phase = match &self.phase {
            // Then the targets that it avoids may be asked again.
            Phase::Running => self.avoid.values().min().copied(),
            Phase::Preparing { since, ready: false, .. } => Some(since.plus(settings.prepare_us)),
            Phase::Provisional { next, .. } => *next,
            Phase::Ending { retry } | Phase::Failing { retry, .. } => *retry,
            Phase::Frozen { step, .. } => match step {
                Step::Bumping { off: Some(Off::TicksFrom(at)), .. } if self.unread.is_none() => Some(*at),
                Step::Bumping { retry, .. } | Step::Recreating { retry } => *retry,
                Step::Handing { resend, .. } | Step::Ceding { resend, .. } => Some(*resend),
                Step::Committing { .. } | Step::Parking => None,
            },
            Phase::Preparing { .. } | Phase::Freezing { .. } => None,
        };
        let asked = self.asked.filter(|asked| !asked.ready).map(|asked| asked.since.plus(PATIENCE_US));
        [reread, snapshot, phase, asked].into_iter().flatten().min()
    }
}

impl Member {
    /// Owns the game from now on, with a world that the registry has.
    pub(super) fn own(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        settings: GameSettings,
        durable: Tick,
    ) {
        let owned = Owned {
            epoch,
            since: now,
            moved_at: None,
            settings,
            phase: Phase::Running,
            snapshot_due: self.next_snapshot(now, game),
            world_asked: false,
            storing: false,
            store_again: false,
            durable: Some(durable),
            told: None,
            unread: None,
            avoid: BTreeMap::new(),
            bumped_over: None,
            asked: None,
            ceded: None,
        };
        self.owned.insert(game, owned);
        self.drop_claim(game);
        self.incoming.remove(&game);
        self.promises.remove(&game);
        self.highest = self.highest.max(epoch);
    }

    /// Starts moves that are wanted, and goes on with those that wait for time to pass. Looks at nothing but the games that
    /// something happened to or is due for.
    pub(super) fn keep_games(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.keep_drain_deadline(now, out);
        self.settle();
        for game in self.owned.take_due(now) {
            self.keep_snapshot(now, game, out);
            self.keep_move(now, game, out);
        }
        self.settle();
        self.start_freezes(now, out);
        self.settle();
        self.start_moves(now, out);
        self.settle();
        self.tell_durable(now, out);
        self.settle();
        if let Some(at) = self.owned.next_due() {
            self.wake_at(at);
        }
    }

    pub(super) fn settle(&mut self) {
        for game in self.owned.settle(&self.settings) {
            if self.owned.contains_key(&game) {
                self.to_move.insert(game);
            } else {
                self.view.changed.insert(game);
            }
        }
    }

    fn start_moves(&mut self, now: Time, out: &mut Vec<Effect>) {
        if std::mem::take(&mut self.look_for_moves) {
            let assigned = self.view.assigned.iter().copied();
            self.to_move.extend(assigned.filter(|game| self.owned.contains_key(game)));
            if self.places_itself() {
                self.to_move.extend(self.owned.resting.iter().copied());
            }
        }
        let mut free = self.settings.preparing.saturating_sub(self.owned.preparing());
        // What cannot be moved at present is looked at again when it, its record or the members change.
        while free > 0
            && let Some(game) = self.to_move.pop_first()
        {
            if !self.owned.resting.contains(&game) {
                continue;
            }
            let to = self.assigned(now, game).or_else(|| self.placed(now, game));
            let Some(to) = to.or_else(|| self.cedes_to_any(now, game)) else { continue };
            free -= 1;
            let Some(owned) = self.owned.get_mut(&game) else { continue };
            owned.phase = Phase::Preparing { to, since: now, sent: false, ready: false };
            if !owned.world_asked {
                owned.world_asked = true;
                out.push(Effect::TakeSnapshot(game));
            }
        }
    }

    /// Freezes games whose targets are ready, a few at a time: each stands still until the registry has answered, and the
    /// more stand still at once the longer they wait for it.
    fn start_freezes(&mut self, now: Time, out: &mut Vec<Effect>) {
        let most = self.freezes_at_once(now);
        let mut frozen: BTreeMap<MemberId, usize> = BTreeMap::new();
        for game in self.owned.ready.iter().copied().collect::<Vec<GameId>>() {
            let Some(Phase::Preparing { to, .. }) = self.owned.get(&game).map(|owned| &owned.phase) else {
                continue;
            };
            let to = *to;
            let more: usize = frozen.values().sum();
            let (all, each) = self.owned.frozen(to);
            let more_each = frozen.entry(to).or_default();
            if all + more >= most {
                break;
            }
            if each + *more_each >= most / 2 || self.owned.handing_to(to) >= HANDING_EACH {
                continue;
            }
            let then = if self.cedes(now) { Then::Cede { to, doubt: None } } else { Then::Commit(to) };
            if matches!(then, Then::Commit(_)) && !self.lease.valid(now) {
                // The registry would have to answer while nothing ticks, and at present it does not answer.
                self.give_up_target(now, game, to, AVOID_US, out);
                continue;
            }
            *more_each += 1;
            let Some(owned) = self.owned.get_mut(&game) else { continue };
            let epoch = owned.epoch;
            owned.phase = Phase::Freezing { then };
            // Not before: a target that is not prepared would turn its edges away. One tick is still to come, and the
            // commit: they are subscribed there when the target's first frame is.
            out.push(Effect::SendToEdges(game, Control::MoveSoon { game, epoch, to }));
            out.push(Effect::Freeze(game));
        }
    }

    /// As many as prompt answers let; more where this member would else have to park games.
    fn freezes_at_once(&self, now: Time) -> usize {
        let needed = self.drain.as_ref().map_or(0, |drain| {
            self.owned.live() as u64 * PLACE_US / drain.parks_from.since(now).max(PLACE_US)
        });
        self.freezes.max(usize::try_from(needed).unwrap_or(usize::MAX)).min(self.settings.frozen)
    }

    /// Whom the operator or another member has assigned the game to, if it can be moved there now.
    fn assigned(&self, now: Time, game: GameId) -> Option<MemberId> {
        let owned = self.owned.get(&game)?;
        let record = self.view.game(game).filter(|record| record.epoch == owned.epoch)?;
        let (next, reason) = record.next.as_ref()?;
        let right = *reason == Reason::Move && self.can_take(*next, record.rules);
        (right && !self.avoids(now, game, *next)).then_some(*next)
    }

    /// Where this member, leaving, puts the game itself: on a member that it can reach.
    pub(super) fn placed(&mut self, now: Time, game: GameId) -> Option<MemberId> {
        if !self.places_itself() {
            return None;
        }
        let rules = self.owned.get(&game)?.settings.rules;
        self.board();
        let board = self.board.as_ref()?;
        let linked = |member| self.links.contains(&member);
        let to = board.best(game, rules, |member| linked(member) && !self.avoids(now, game, member))?;
        let settles = self.drain.as_ref().is_none_or(|drain| now >= drain.settles_from);
        let wanted = board.best(game, rules, linked)?;
        if !settles && board.is_of_target(wanted) && !board.is_of_target(to) {
            return None;
        }
        self.board().hold(game, to);
        Some(to)
    }

    pub(super) fn avoids(&self, now: Time, game: GameId, target: MemberId) -> bool {
        self.owned.get(&game).and_then(|owned| owned.avoid.get(&target)).is_some_and(|until| now < *until)
    }

    /// Linked to us, and heard a moment ago.
    pub(super) fn is_there(&self, now: Time, target: MemberId) -> bool {
        let heard = self.heard.get(&target);
        self.links.contains(&target) && heard.is_some_and(|at| now.since(*at) <= HEARD_US)
    }

    /// Ready, alive, linked to us, not ourselves, and able to step those rules.
    pub(super) fn can_take(&self, target: MemberId, rules: u16) -> bool {
        let known = self.placed.members.iter().find(|member| member.id == target);
        target != self.me.id
            && self.links.contains(&target)
            && known.is_some_and(|member| member.can_run(rules))
    }

    fn keep_move(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let prepare_us = self.settings.prepare_us;
        let Some(owned) = self.owned.get_mut(&game) else { return };
        owned.avoid.retain(|_, until| now < *until);
        if let Some(asked) = owned.asked.filter(|asked| !asked.ready && now >= asked.since.plus(PATIENCE_US))
        {
            owned.asked = None;
            owned.avoid.insert(asked.to, now.plus(PATIENCE_US));
        }
        if owned.unread.and_then(|unread| unread.again).is_some_and(|at| now >= at) {
            self.ask_whether_replaced(now, game, out);
        }
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        match &mut owned.phase {
            Phase::Provisional { next: Some(at), .. } if now >= *at => self.probe(game, out),
            Phase::Preparing { to, since, ready: false, .. } if now >= since.plus(prepare_us) => {
                let to = *to;
                self.give_up_target(now, game, to, AVOID_US, out);
            }
            Phase::Ending { retry: Some(at) } if now >= *at => self.tell_end(game, out),
            Phase::Failing { retry: Some(at), .. } if now >= *at => self.tell_failure(game, out),
            Phase::Frozen { step, .. } => match step {
                Step::Bumping { off: Some(Off::TicksFrom(at)), to, .. } if owned.unread.is_none() => {
                    let (at, to) = (*at, *to);
                    if now >= at {
                        self.go_on_provisionally(now, game, to, out);
                    }
                }
                Step::Bumping { retry: Some(at), to, .. } if now >= *at => {
                    let (to, epoch) = (*to, owned.epoch);
                    if let Some(to) = to {
                        out.push(Effect::Send(to, Control::Abort { game, epoch, given: Epoch(0) }));
                    }
                    self.bump(now, game, out);
                }
                Step::Recreating { retry: Some(at) } if now >= *at => self.recreate(now, game, out),
                Step::Ceding { .. } => self.keep_cede(now, game, out),
                Step::Handing { to, resend, .. } => {
                    let (to, at) = (*to, *resend);
                    if now >= at {
                        self.send_commit(now, game, out);
                    }
                    if self.gone(now, to).is_some() {
                        // The move stored our last world, and the target may have stored later ones: whoever claims gets them. A
                        // registry that has lost the move since gives the game back.
                        self.start_bump(now, game, own, None, None, out);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The hub handed in a world while a target waits for one.
    pub(super) fn send_prepare(
        &mut self,
        now: Time,
        game: GameId,
        snapshot: &Snapshot,
        out: &mut Vec<Effect>,
    ) {
        let cedes = self.cedes(now);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let (to, since, sent) = match (&mut owned.phase, &mut owned.asked) {
            (Phase::Preparing { to, since, sent, .. }, _) => (*to, since, sent),
            (_, Some(Asked { to, since, sent, .. })) => (*to, since, sent),
            _ => return,
        };
        if *sent {
            return;
        }
        (*sent, *since) = (true, now);
        let epoch = owned.epoch;
        let prepare = Control::Prepare {
            game,
            epoch,
            settings: owned.settings.clone(),
            tick: snapshot.tick,
            snapshot: snapshot.world.clone(),
            edges: Vec::new(),
            cedes,
        };
        out.push(Effect::Send(to, prepare));
    }

    fn give_up_target(
        &mut self,
        now: Time,
        game: GameId,
        to: MemberId,
        avoid_us: u64,
        out: &mut Vec<Effect>,
    ) {
        let avoid_us = self.avoid_us(now, avoid_us);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        owned.avoid.insert(to, now.plus(avoid_us));
        owned.phase = Phase::Running;
        let epoch = owned.epoch;
        self.put_on_board(game);
        out.push(Effect::Send(to, Control::Abort { game, epoch, given: Epoch(0) }));
    }

    pub(super) fn target_refused(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        epoch: Epoch,
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        let asked = self.owned.get(&game).is_some_and(|owned| {
            owned.epoch == epoch
                && matches!(owned.phase, Phase::Preparing { to, sent: true, .. } if to == from)
        });
        if asked {
            tracing::info!(%game, member = %from, reason, "the target refused the game");
            return self.give_up_target(now, game, from, AVOID_US, out);
        }
        let avoid_us = self.avoid_us(now, AVOID_US);
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        if owned.asked.take_if(|asked| asked.to == from).is_some() {
            owned.avoid.insert(from, now.plus(avoid_us));
            return;
        }
        match &owned.phase {
            // Nothing was written yet. Once something was, the target has to take what the registry gives it.
            Phase::Freezing { then: Then::Commit(to) | Then::Cede { to, doubt: None } } if *to == from => {
                owned.phase = Phase::Freezing { then: Then::Stay };
                owned.avoid.insert(from, now.plus(avoid_us));
                out.push(Effect::Send(from, Control::Abort { game, epoch, given: Epoch(0) }));
            }
            Phase::Frozen { step: Step::Ceding { to, doubt, .. }, .. } if *to == from => {
                tracing::info!(%game, member = %from, reason, "a game that was ceded is refused");
                let doubt = *doubt;
                owned.avoid.insert(from, now.plus(avoid_us));
                self.goes_on_after_all(now, game, doubt, out);
            }
            _ => {}
        }
    }

    pub(super) fn target_prepared(&mut self, from: MemberId, game: GameId, epoch: Epoch) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        if let Phase::Preparing { to, sent: true, ready, .. } = &mut owned.phase
            && *to == from
        {
            *ready = true;
        }
        if let Some(Asked { to, sent: true, ready, .. }) = &mut owned.asked
            && *to == from
        {
            *ready = true;
        }
    }

    /// The target gets ready for as many games as it can already.
    pub(super) fn target_busy(&mut self, now: Time, from: MemberId, game: GameId, epoch: Epoch) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        if matches!(owned.phase, Phase::Preparing { to, sent: true, ready: false, .. } if to == from) {
            owned.avoid.insert(from, now.plus(BUSY_US));
            owned.phase = Phase::Running;
            self.put_on_board(game);
        } else if owned.asked.take_if(|asked| asked.to == from).is_some() {
            owned.avoid.insert(from, now.plus(BUSY_US));
        }
    }

    /// The hub was stopped for so long that this member may have been replaced.
    pub(super) fn stalled(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        if self.owned.get(&game).is_some_and(|owned| owned.unread.is_none() && !owned.phase.is_over()) {
            self.ask_whether_replaced(now, game, out);
        }
    }

    fn ask_whether_replaced(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let since = owned.unread.map_or(now, |unread| unread.since);
        owned.unread = Some(Unread { since, again: None });
        let epoch = owned.epoch;
        self.call(Call::Reread { game, epoch, sent: now }, Request::Game(game), out);
    }

    pub(super) fn reread(
        &mut self,
        (sent, now): (Time, Time),
        game: GameId,
        epoch: Epoch,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let owned = self.owned.get(&game).filter(|owned| owned.epoch == epoch);
        let Some(Unread { since, .. }) = owned.and_then(|owned| owned.unread) else { return };
        let waits = self.may_be_replaced(now, since);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let lost = match &reply {
            Ok(Reply::Game(record)) => record.epoch < epoch,
            other => matches!(other, Ok(Reply::Gone)),
        };
        // This member may have stood still once more since it asked.
        let old = now.since(sent) > self.settings.lease_us / 2;
        let still = match &reply {
            Ok(_) if old => {
                owned.unread = Some(Unread { since: now, again: Some(now) });
                return;
            }
            // It is put back.
            _ if lost && !waits => true,
            Ok(Reply::Game(record)) if !lost => (record.epoch, record.owner) == (epoch, Some(self.me.id)),
            _ => {
                owned.unread = Some(Unread { since, again: Some(now.plus(REREAD_US)) });
                return;
            }
        };
        if still {
            owned.unread = None;
            if matches!(owned.phase, Phase::Running | Phase::Preparing { .. }) {
                out.push(Effect::GoOn(game));
            }
        } else if let Ok(Reply::Game(record)) = reply {
            self.learn(now, record, out);
        }
    }

    pub(super) fn freeze(&mut self, game: GameId, then: Then, out: &mut Vec<Effect>) {
        if let Some(owned) = self.owned.get_mut(&game) {
            owned.phase = Phase::Freezing { then };
            out.push(Effect::Freeze(game));
        }
    }

    pub(super) fn frozen(
        &mut self,
        now: Time,
        game: GameId,
        snapshot: Snapshot,
        next_due: Time,
        out: &mut Vec<Effect>,
    ) {
        let (salt, floor) = (self.salt(), self.highest);
        let Some(Phase::Freezing { then }) = self.owned.get(&game).map(|owned| &owned.phase) else { return };
        let then = *then;
        let there = matches!(then, Then::Commit(to) if self.is_there(now, to));
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let expect = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        let world = Still { snapshot: snapshot.clone(), next_due, at: now, held: true };
        match then {
            // Nothing was written: the game goes on here.
            Then::Commit(to) if !there => {
                let epoch = owned.epoch;
                owned.avoid.insert(to, now.plus(BUSY_US));
                owned.phase = Phase::Frozen { world, step: Step::Committing { to } };
                out.push(Effect::Send(to, Control::Abort { game, epoch, given: Epoch(0) }));
                self.go_on(now, game, epoch, out);
            }
            Then::Commit(to) => {
                owned.moved_at = Some(snapshot.tick);
                owned.phase = Phase::Frozen { world, step: Step::Committing { to } };
                let request = Request::CommitMove { game, expect, to, snapshot, salt, floor };
                self.call(Call::Commit { game, epoch: expect.epoch }, request, out);
            }
            Then::Park => {
                owned.phase = Phase::Frozen { world, step: Step::Parking };
                let request = Request::Park { game, expect, snapshot, salt, floor };
                self.call(Call::Park { game, epoch: expect.epoch }, request, out);
            }
            Then::Recreate => {
                owned.phase = Phase::Frozen { world, step: Step::Recreating { retry: Some(now) } };
            }
            Then::Stay => {
                let epoch = owned.epoch;
                owned.phase = Phase::Frozen { world, step: Step::Parking };
                self.go_on(now, game, epoch, out);
            }
            Then::Bump(expect) => {
                owned.phase = Phase::Frozen { world, step: Step::Parking };
                self.start_bump(now, game, expect, None, None, out);
            }
            Then::Rebump { expect, to } => {
                owned.phase = Phase::Frozen { world, step: Step::Parking };
                let off = Some(Off::TicksFrom(now.plus(ANSWERS_SLOWLY_US)));
                self.start_bump(now, game, expect, to, off, out);
            }
            Then::Cede { to, doubt } => {
                owned.phase = Phase::Frozen { world, step: Step::Parking };
                self.cede_or_go_on(now, game, to, doubt, out);
            }
        }
    }

    pub(super) fn commit_answered(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        let Phase::Frozen { step: Step::Committing { to }, world } = &owned.phase else { return };
        let to = *to;
        self.freezes = self.settings.next_freezes(self.freezes, now.since(world.at));
        match reply {
            Ok(Reply::Granted { epoch }) => self.hand(now, game, to, epoch, out),
            Ok(Reply::Stale(record)) => self.frozen_is_stale(now, game, Some(to), None, own, record, out),
            Ok(Reply::Gone) => self.lost_by_registry(now, game),
            // It was not carried out, and never will be: the game goes on as if nothing had been.
            Err(RegistryError::Refused(_)) => {
                owned.avoid.insert(to, now.plus(AVOID_US));
                out.push(Effect::Send(to, Control::Abort { game, epoch: own.epoch, given: Epoch(0) }));
                self.go_on(now, game, own.epoch, out);
            }
            _ => {
                out.push(Effect::Send(to, Control::Abort { game, epoch: own.epoch, given: Epoch(0) }));
                self.start_bump(now, game, own, Some(to), None, out);
            }
        }
    }

    /// The registry says that the target owns the game: it gets the last world.
    fn hand(&mut self, now: Time, game: GameId, to: MemberId, epoch: Epoch, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Frozen { world, step } = &mut owned.phase else { return };
        *step = Step::Handing { to, epoch, resend: now, abort_from: now.plus(ABORT_US) };
        let record = MoveRecord {
            game,
            from: Some(self.me.id),
            to,
            epoch,
            tick: world.snapshot.tick,
            pause_us: now.since(world.at),
            cause: "move",
            bytes: world.snapshot.world.len(),
        };
        let moved = Control::Moved { game, epoch, to, tick: world.snapshot.tick };
        self.send_commit(now, game, out);
        out.push(Effect::SendToEdges(game, moved));
        out.push(Effect::Moved(record));
    }

    fn send_commit(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let old = owned.epoch;
        let Phase::Frozen { world, step: Step::Handing { to, epoch, resend, abort_from } } = &mut owned.phase
        else {
            return;
        };
        *resend = now.plus(RESEND_US);
        if now >= *abort_from {
            return out.push(Effect::Send(*to, Control::Abort { game, epoch: old, given: *epoch }));
        }
        let due_us =
            i64::try_from(world.next_due.0).unwrap_or(i64::MAX) - i64::try_from(now.0).unwrap_or(i64::MAX);
        let Still { snapshot, .. } = world;
        let (to, epoch, base, tick) = (*to, *epoch, snapshot.epoch, snapshot.tick);
        let snapshot = snapshot.world.clone();
        out.push(Effect::Send(to, Control::Commit { game, old, base, epoch, tick, snapshot, due_us }));
    }

    /// Games that are on their way to that member.
    fn going_to(&self, target: MemberId) -> Vec<GameId> {
        let going = |owned: &Owned| match &owned.phase {
            Phase::Preparing { to, .. }
            | Phase::Frozen { step: Step::Handing { to, .. } | Step::Ceding { to, .. }, .. } => *to == target,
            _ => false,
        };
        self.owned.iter().filter(|(_, owned)| going(owned)).map(|(game, _)| *game).collect()
    }

    /// A link to a target broke: what was to go there looks for another one.
    pub(super) fn link_down_to_target(&mut self, now: Time, target: MemberId, out: &mut Vec<Effect>) {
        for game in self.going_to(target) {
            if self.owned.get(&game).is_some_and(|owned| matches!(owned.phase, Phase::Preparing { .. })) {
                self.give_up_target(now, game, target, AVOID_US, out);
            }
        }
        for game in self.owned.stuck.iter().copied().collect::<Vec<GameId>>() {
            if let Some(owned) = self.owned.get_mut(&game) {
                owned.asked.take_if(|asked| asked.to == target);
            }
        }
    }

    /// A new link to a target: what was sent on the old one may be lost.
    pub(super) fn link_up_to_target(&mut self, now: Time, target: MemberId) {
        for game in self.going_to(target) {
            match self.owned.get_mut(&game).map(|owned| &mut owned.phase) {
                Some(Phase::Frozen { step: Step::Handing { resend, abort_from, .. }, .. }) => {
                    (*resend, *abort_from) = (now, now.plus(ABORT_US));
                }
                Some(Phase::Frozen { step: Step::Ceding { resend, .. }, .. }) => *resend = now,
                _ => {}
            }
        }
    }

    pub(super) fn target_started(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        epoch: Epoch,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get(&game) else { return };
        let runs = match &owned.phase {
            Phase::Frozen { step: Step::Handing { to, epoch: handed, .. }, .. } => {
                *to == from && epoch >= *handed
            }
            // It runs only what the registry gave it: the move was carried out.
            Phase::Frozen { step: Step::Committing { to } | Step::Bumping { to: Some(to), .. }, .. }
            | Phase::Provisional { to: Some(to), .. } => *to == from && epoch > owned.epoch,
            // It has claimed what was ceded to this member.
            Phase::Provisional { to: None, .. } => epoch > owned.epoch,
            Phase::Frozen { step: Step::Ceding { to, .. }, .. } if *to == from && epoch > owned.epoch => {
                return self.was_ceded(now, game, from, epoch, out);
            }
            _ => false,
        };
        if runs {
            self.stop(game, Some((from, epoch)), out);
        }
    }

    /// The target has promised not to run the game, whatever the registry says.
    pub(super) fn target_aborted(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        (epoch, given): (Epoch, Epoch),
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else {
            return out.push(Effect::Send(from, Control::Released { game, epoch }));
        };
        if owned.ceded.is_some() {
            return self.vowed(from, game);
        }
        match &mut owned.phase {
            Phase::Frozen { step: Step::Bumping { to: Some(to), off: off @ None, .. }, .. }
                if *to == from =>
            {
                *off = Some(Off::TicksFrom(now.plus(ANSWERS_US)));
            }
            Phase::Frozen { step: Step::Handing { to, epoch, .. }, .. } if (*to, *epoch) == (from, given) => {
                let expect = Fence { epoch: given, owner: Some(from) };
                self.start_bump(now, game, expect, Some(from), Some(Off::Still), out);
            }
            Phase::Provisional { to: Some(to), asked: Some(asked), .. } if *to == from => {
                if *asked == given {
                    let expect = Fence { epoch: given, owner: Some(from) };
                    self.freeze(game, Then::Rebump { expect, to: Some(from) }, out);
                } else {
                    out.push(Effect::Send(from, Control::Abort { game, epoch, given: *asked }));
                }
            }
            // Nothing that would give it to that member was written.
            Phase::Running | Phase::Preparing { .. } | Phase::Freezing { then: Then::Stay } => {
                out.push(Effect::Send(from, Control::Released { game, epoch }));
            }
            _ => {}
        }
    }

    /// Nobody but this member can run the game, and the registry does not answer.
    pub(super) fn go_on_provisionally(
        &mut self,
        now: Time,
        game: GameId,
        to: Option<MemberId>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let next = Some(now.plus(PROBE_US));
        let phase = std::mem::replace(&mut owned.phase, Phase::Provisional { to, next, asked: None });
        let Phase::Frozen { world, .. } = phase else { return };
        self.start_from(game, &world, out);
        if !world.held {
            self.begun(now, game, &world, out);
            self.tell_all_of_cede(game, out);
        }
    }

    /// The hub ticks again, from the world that it stood still at or from one that it is given.
    fn start_from(&mut self, game: GameId, world: &Still, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get(&game) else { return };
        out.push(Effect::Start {
            game,
            epoch: owned.epoch,
            settings: owned.settings.clone(),
            base: world.snapshot.epoch,
            snapshot: (!world.held).then(|| world.snapshot.clone()),
            log: Vec::new(),
            durable: owned.durable.unwrap_or_default(),
            due: world.next_due,
            rewind: false,
        });
    }

    fn probe(&mut self, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Provisional { next, .. } = &mut owned.phase else { return };
        *next = None;
        let epoch = owned.epoch;
        self.call(Call::Probe { game, epoch }, Request::Game(game), out);
    }

    pub(super) fn probed(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        let Phase::Provisional { to, .. } = owned.phase else { return };
        let me = self.me.id;
        let record = match &reply {
            Ok(Reply::Game(record)) => Some(record),
            _ => None,
        };
        let ceded = owned.ceded.as_ref();
        // Its own, if only by a write that it had given up; or nobody has run it since it was ceded.
        // Or the registry has lost this ownership.
        let own = record.is_some_and(|record| {
            record.owner == Some(me) || ceded.map_or(record.epoch < epoch, |ceded| ceded.is_unrun(record))
        });
        // Who could have said whether it runs the game is gone.
        let off = record.zip(ceded).and_then(|(record, ceded)| ceded.called_off_unrun(record));
        // By the move that was called off, or by a claim since, when this member seemed to be gone: only the target knows
        // whether it has run the game.
        let target = record.filter(|record| owned.is_unrun(record, me, to)).and_then(|record| record.owner);
        let target = target.filter(|target| self.gone(now, *target).is_none());
        let own = own || off.is_some_and(|off| self.gone(now, off).is_some());
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Provisional { next, asked, .. } = &mut owned.phase else { return };
        match reply {
            Ok(Reply::Game(record)) if own => {
                let expect = Fence { epoch: record.epoch, owner: record.owner };
                self.freeze(game, Then::Rebump { expect, to }, out);
            }
            Ok(Reply::Game(record)) => match target {
                Some(target) => {
                    *next = Some(now.plus(PROBE_US));
                    // One that was called off before the game was ceded says so by itself.
                    if to.is_some() {
                        *asked = Some(record.epoch);
                        let abort = Control::Abort { game, epoch, given: record.epoch };
                        out.push(Effect::Send(target, abort));
                    }
                    self.view_only(now, record, out);
                }
                None => {
                    let owner = record.owner.map(|owner| (owner, record.epoch));
                    self.view_only(now, record, out);
                    self.stop(game, owner, out);
                }
            },
            Ok(Reply::Gone) => self.freeze(game, Then::Recreate, out),
            _ => *next = Some(now.plus(PROBE_US)),
        }
    }

    /// Asks for a fresh epoch over that ownership, with the world that the game stands still at.
    pub(super) fn start_bump(
        &mut self,
        now: Time,
        game: GameId,
        expect: Fence,
        to: Option<MemberId>,
        off: Option<Off>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Frozen { step, .. } = &mut owned.phase else { return };
        *step = Step::Bumping { expect, to, retry: None, off };
        owned.bumped_over = Some(expect);
        if let Some(ceded) = &mut owned.ceded {
            // What comes next in the registry follows on that.
            ceded.held = expect;
        }
        self.bump(now, game, out);
    }

    fn bump(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let (salt, floor, owner) = (self.salt(), self.highest, self.me.id);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let epoch = owned.epoch;
        let Phase::Frozen { world, step: Step::Bumping { expect, retry, .. } } = &mut owned.phase else {
            return;
        };
        *retry = None;
        let (snapshot, tick) = (world.snapshot.clone(), world.snapshot.tick);
        let request = Request::Bump { game, expect: *expect, owner, snapshot, salt, floor };
        self.call(Call::Bump { game, epoch, tick, sent: now }, request, out);
    }

    pub(super) fn bump_answered(
        &mut self,
        (sent, now): (Time, Time),
        game: GameId,
        (epoch, tick): (Epoch, Tick),
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        // It came too late: what it got is seen by looking.
        if let (Phase::Provisional { next: Some(next), .. }, Ok(_)) = (&mut owned.phase, &reply) {
            *next = now;
            return;
        }
        let Phase::Frozen { world, step: Step::Bumping { expect, to, retry, off } } = &mut owned.phase else {
            return;
        };
        // Of an earlier try: what it got has the world of that try. The one that is under way meets it, and follows on that.
        if tick != world.snapshot.tick {
            return;
        }
        let (expect, to, off) = (*expect, *to, *off);
        match reply {
            Ok(Reply::Granted { epoch }) => self.granted((sent, now), game, epoch, (to, off), out),
            Ok(Reply::Stale(record)) => self.frozen_is_stale(now, game, to, off, expect, record, out),
            Ok(Reply::Gone) => self.lost_by_registry(now, game),
            _ => {
                *retry = Some(now.plus(RETRY_US));
                if let (Some(Off::TicksFrom(_)), None) = (off, owned.unread) {
                    self.go_on_provisionally(now, game, to, out);
                }
            }
        }
    }

    /// The registry has given this member a fresh epoch.
    fn granted(
        &mut self,
        (sent, now): (Time, Time),
        game: GameId,
        epoch: Epoch,
        (to, off): (Option<MemberId>, Option<Off>),
        out: &mut Vec<Effect>,
    ) {
        if now.since(sent) <= self.settings.lease_us / 2 {
            return self.go_on(now, game, epoch, out);
        }
        // This member stood still for so long that others may have claimed since. One more question tells.
        let expect = Fence { epoch, owner: Some(self.me.id) };
        self.start_bump(now, game, expect, to, off, out);
    }

    /// A write for a game that stands still met another ownership than expected.
    #[expect(clippy::too_many_arguments, reason = "what was asked, and the answer")]
    pub(super) fn frozen_is_stale(
        &mut self,
        now: Time,
        game: GameId,
        to: Option<MemberId>,
        off: Option<Off>,
        expected: Fence,
        record: GameRecord,
        out: &mut Vec<Effect>,
    ) {
        if self.owned.get(&game).is_some_and(|owned| owned.ceded.is_some()) {
            return self.ceded_is_stale(now, game, off, expected, record, out);
        }
        let (owner, epoch, base) = (record.owner, record.epoch, record.base);
        self.view_only(now, record, out);
        let own = self.owned.get(&game).map(|owned| (owned.epoch, owned.unread.is_some()));
        match owner {
            // The registry has lost this ownership.
            owner if own.is_some_and(|(own, _)| epoch < own) => {
                if let (Some(to), Some((own, _)), None) = (to, own, off) {
                    out.push(Effect::Send(to, Control::Abort { game, epoch: own, given: Epoch(0) }));
                }
                self.start_bump(now, game, Fence { epoch, owner }, None, None, out);
            }
            // The registry says that it was carried out: the target, which has called it off, is asked again.
            Some(owner)
                if matches!(off, Some(Off::TicksFrom(_)))
                    && to == Some(owner)
                    && own.is_some_and(|(epoch, unread)| epoch == base && !unread) =>
            {
                self.go_on_provisionally(now, game, Some(owner), out);
                self.probe(game, out);
            }
            // An earlier write of ours arrived: it was one for a fresh epoch, under which nobody ticked.
            Some(owner) if owner == self.me.id && epoch != expected.epoch => {
                self.start_bump(now, game, Fence { epoch, owner: Some(owner) }, to, off, out);
            }
            // The move was carried out after all, and only its answer was lost.
            Some(owner) if to == Some(owner) => {
                self.hand(now, game, owner, epoch, out);
            }
            owner => self.stop(game, owner.map(|owner| (owner, epoch)), out),
        }
    }

    /// Ticks again from where it stood still, under that epoch.
    pub(super) fn go_on(&mut self, now: Time, game: GameId, epoch: Epoch, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        if owned.unread.is_some() && epoch == owned.epoch {
            // It may have been replaced while it stood still: only the registry can say, and a fresh epoch asks it.
            let own = Fence { epoch, owner: Some(self.me.id) };
            return self.start_bump(now, game, own, None, None, out);
        }
        owned.unread = None;
        let Phase::Frozen { world, .. } = std::mem::replace(&mut owned.phase, Phase::Running) else { return };
        if epoch != owned.epoch {
            (owned.epoch, owned.since) = (epoch, now);
            (owned.moved_at, owned.bumped_over) = (None, None);
            (owned.storing, owned.store_again) = (false, false);
            owned.durable = Some(world.snapshot.tick);
            owned.told = None;
        }
        self.highest = self.highest.max(epoch);
        self.start_from(game, &world, out);
        if !world.held {
            self.begun(now, game, &world, out);
        }
        if let Some(owned) = self.owned.get_mut(&game) {
            (owned.ceded, owned.asked) = (None, None);
        }
    }

    pub(super) fn lost_by_registry(&mut self, now: Time, game: GameId) {
        if let Some(Owned { phase: Phase::Frozen { step, .. }, .. }) = self.owned.get_mut(&game) {
            *step = Step::Recreating { retry: Some(now) };
        }
    }

    fn recreate(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let (salt, floor, owner) = (self.salt(), self.highest, self.me.id);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Frozen { world, step: Step::Recreating { retry } } = &mut owned.phase else { return };
        *retry = None;
        let (settings, snapshot) = (owned.settings.clone(), world.snapshot.clone());
        let request = Request::Create { game, owner, settings, snapshot, salt, floor };
        self.call(Call::Recreate { game, sent: now }, request, out);
    }

    pub(super) fn recreate_answered(
        &mut self,
        now: Time,
        game: GameId,
        sent: Time,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        let Phase::Frozen { step: Step::Recreating { retry }, .. } = &mut owned.phase else { return };
        match reply {
            Ok(Reply::Granted { epoch }) => self.granted((sent, now), game, epoch, (None, None), out),
            Ok(Reply::Stale(record)) => self.frozen_is_stale(now, game, None, None, own, record, out),
            _ => {
                *retry = Some(now.plus(RETRY_US));
                if owned.ceded.is_some() && owned.unread.is_none() {
                    self.go_on_provisionally(now, game, None, out);
                }
            }
        }
    }

    /// A record came by: does it say that this member has been replaced?
    pub(super) fn fenced_by(&mut self, record: &GameRecord, out: &mut Vec<Effect>) {
        let game = record.id;
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let me = self.me.id;
        let fenced = match &owned.phase {
            // A game that ticks provisionally, or freezes to take its epoch: the record is known to be another.
            Phase::Provisional { to, .. }
            | Phase::Freezing {
                then: Then::Rebump { to, .. } | Then::Cede { doubt: Some(Doubt { to, .. }), .. },
            } => record.epoch > owned.epoch && !owned.is_unrun(record, me, *to),
            Phase::Running | Phase::Preparing { .. } | Phase::Freezing { .. } => record.epoch > owned.epoch,
            Phase::Frozen { step: Step::Handing { epoch, .. }, .. } => record.epoch > *epoch,
            Phase::Frozen { world, step: Step::Ceding { to, doubt, .. } } => {
                let expected = doubt.map_or(owned.epoch, |doubt| doubt.expect.epoch);
                // A write of its own that was late gives it to this member, to nobody or, with an earlier world, to the target.
                let taken = record.owner == Some(*to) && record.snapshot_tick >= world.snapshot.tick;
                let target = doubt.and_then(|doubt| doubt.to);
                let others = |owner| owner != me && owner != *to && Some(owner) != target;
                record.epoch > expected && (taken || record.owner.is_some_and(others))
            }
            // Neither the move nor a fresh epoch that was asked for has made that record: the answer, which may be lost, would tell
            // nothing else. A registry that loses it meanwhile would be given an old world.
            Phase::Frozen { step: Step::Committing { to }, .. } => {
                record.epoch > owned.epoch && !owned.is_unrun(record, me, Some(*to))
            }
            Phase::Frozen { step: Step::Bumping { expect, to, off: None, .. }, .. }
                if owned.ceded.is_none() =>
            {
                record.epoch > owned.epoch.max(expect.epoch) && !owned.is_unrun(record, me, *to)
            }
            Phase::Frozen { step: Step::Parking, .. } => {
                record.epoch > owned.epoch && record.owner.is_some_and(|owner| owner != me)
            }
            // The answer to the write that is under way will tell.
            Phase::Frozen { .. } | Phase::Ending { .. } | Phase::Failing { .. } => false,
        };
        if fenced {
            if let Phase::Preparing { to, sent: true, .. }
            | Phase::Freezing { then: Then::Commit(to) | Then::Cede { to, doubt: None } } = owned.phase
            {
                out.push(Effect::Send(to, Control::Abort { game, epoch: owned.epoch, given: Epoch(0) }));
            }
            // A claim or bump of this member that it had given up: nobody has ticked under what it got.
            let own = record.owner == Some(self.me.id) && record.base == owned.epoch;
            if own && !matches!(owned.phase, Phase::Frozen { .. }) {
                let then = Then::Bump(Fence { epoch: record.epoch, owner: record.owner });
                if matches!(owned.phase, Phase::Freezing { .. }) {
                    owned.phase = Phase::Freezing { then };
                } else {
                    self.freeze(game, then, out);
                }
                return;
            }
            self.stop(game, record.owner.map(|owner| (owner, record.epoch)), out);
        }
    }

    /// Owns the game no longer; it goes on elsewhere, now or later.
    pub(super) fn stop(&mut self, game: GameId, to: Option<(MemberId, Epoch)>, out: &mut Vec<Effect>) {
        if self.owned.remove(&game).is_some() {
            // Else the record as it was read last still names this member, which would claim what it has just given away.
            if let Some((owner, epoch)) = to {
                self.view.note_owner(game, Some(owner), epoch);
            }
            self.put_on_board(game);
            let to = to.filter(|(owner, _)| *owner != self.me.id);
            out.push(Effect::Stop { game, to, goes_on: true });
        }
    }
}
