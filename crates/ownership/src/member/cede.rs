//! Ceding: a leaving member gives its games away while it does not reach the registry.
//!
//! What goes wrong without: the registry is away at the end of a drain, nothing can be committed or parked, and the process
//! ends with its games, which come back older than players have seen them. So, shortly before the end, the owner stops a
//! game for good and sends it to a target that is ready. That one asks the registry for it, and where it does not answer
//! either, runs the game provisionally, under an epoch that it makes up: the owner's own may not be run by two. Until the
//! registry is back, and has granted an epoch over whatever writes of former owners have left there, all members leave the
//! game to it.

use super::Member;
use super::handover::{ANSWERS_US, Doubt, Off, Phase, RESEND_US, Step, Still, Then};
use crate::placement::mix;
use crate::{Effect, MoveRecord, Time};
use protocol::peer::{Control, GameSettings, MAX_CEDES};
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{Fence, GameRecord, Snapshot};

/// A member that leaves has little time: a target is waited for so many microseconds, and if it refused a game or did not
/// answer it is asked for it again after as many.
pub(super) const PATIENCE_US: u64 = 500_000;

/// A target was asked to get ready for a game that stands still, or ticks provisionally.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) to: MemberId,
    pub(super) since: Time,
    /// The question was sent, and was answered.
    pub(super) sent: bool,
    pub(super) ready: bool,
}

const NAMES_YOU: &str = "the registry names you, under another epoch than you said";

/// What the registry may say of a game that was ceded to this member.
#[derive(Clone, Debug)]
pub(super) struct Ceded {
    /// Who has ceded it to this member, and under which epoch that one ran it.
    from: (MemberId, Epoch),
    /// The ownership that it held when it was read last, or was told to hold.
    pub(super) held: Fence,
    /// Members that late writes over that ownership may give the game to. None of them has run it since, nor will.
    unrun: Vec<MemberId>,
    /// So may an earlier move to that one, which has called it off, but has not said so to this member yet.
    off: Option<MemberId>,
}

impl Ceded {
    /// As far as the record tells, nobody has run the game since it was ceded. A registry that is behind does not count.
    pub(super) fn is_unrun(&self, record: &GameRecord) -> bool {
        let is_held = (record.epoch, record.owner) == (self.held.epoch, self.held.owner);
        is_held || record.epoch < self.held.epoch || is_late(record, self.held.epoch, &self.unrun)
    }

    /// As all members know it.
    fn cession(&self, to: MemberId, epoch: Epoch) -> Cession {
        let unrun = self.unrun.iter().copied().chain(self.off).collect();
        Cession { to, epoch, held: self.held.epoch, unrun }
    }

    /// A move was carried out after its target had called it off: that one will say whether it has run the game.
    pub(super) fn called_off(&self, record: &GameRecord) -> Option<MemberId> {
        self.off.filter(|off| record.owner == Some(*off) && record.base == self.held.epoch)
    }

    /// As above, and the record is still as the move has left it: claims count, and who has run a game stores it under its own
    /// epoch. Nobody has run it, then, and once that target is gone nobody will but by another claim.
    pub(super) fn called_off_unrun(&self, record: &GameRecord) -> Option<MemberId> {
        self.called_off(record).filter(|_| is_as_written(record))
    }
}

/// A write over `held` by a member of `unrun` was carried out after it had given the write up: a fresh epoch, a parking, a
/// move to another of them, or the world of `held` put back into a registry that had lost it. One of them that has run the
/// game since has claimed it.
fn is_late(record: &GameRecord, held: Epoch, unrun: &[MemberId]) -> bool {
    let put_back = record.base == Epoch(0) && record.snapshot_epoch == held;
    let over = record.base == held || put_back;
    over && record.owner.is_none_or(|owner| unrun.contains(&owner)) && is_as_written(record)
}

/// Nothing that was run under the record's epoch has become durable, nor has anybody claimed it: claims count, and who has
/// run a game has stored it under its own epoch, or logged what came after the stored world. Nor was it given up because its
/// world failed.
fn is_as_written(record: &GameRecord) -> bool {
    record.attempts == 0
        && record.failures == 0
        && record.snapshot_epoch != record.epoch
        && record.durable == record.snapshot_tick
}

/// A game that was ceded, to this member or to another.
#[derive(Debug)]
pub(super) struct Cession {
    pub(super) to: MemberId,
    /// Made up by `to`.
    pub(super) epoch: Epoch,
    /// As in [`Ceded`], when it was told.
    pub(super) held: Epoch,
    pub(super) unrun: Vec<MemberId>,
}

impl Cession {
    /// What the registry says is older than what runs.
    fn covers(&self, record: &GameRecord) -> bool {
        record.epoch <= self.held || is_late(record, self.held, &self.unrun)
    }
}

/// The fields of [`Control::Cede`].
pub(super) struct Offer {
    pub(super) game: GameId,
    pub(super) epoch: Epoch,
    pub(super) held: Fence,
    pub(super) unrun: Vec<MemberId>,
    pub(super) off: Option<MemberId>,
    pub(super) settings: GameSettings,
    pub(super) snapshot: Snapshot,
    pub(super) durable: Tick,
    pub(super) due_us: i64,
}

/// The owner.
impl Member {
    /// Shortly before its grace ends this member does not reach the registry.
    pub(super) fn cedes(&self, now: Time) -> bool {
        let ends = self.drain.as_ref().is_some_and(|drain| now >= drain.parks_from);
        ends && (!self.lease.valid(now) || self.lease.failing)
    }

    pub(super) fn avoid_us(&self, now: Time, micros: u64) -> u64 {
        if self.cedes(now) { micros.min(PATIENCE_US) } else { micros }
    }

    /// Games that rest are moved as ever, but for the end of it. Those that stand still, or tick provisionally, because the
    /// registry has not answered, are ceded as they are.
    pub(super) fn cede_games(&mut self, now: Time, begins: bool, out: &mut Vec<Effect>) {
        if begins {
            // Who did not reach the registry was not asked for long.
            self.look_for_moves = true;
            let games: Vec<GameId> = self.owned.iter().map(|(game, _)| *game).collect();
            for game in games {
                if let Some(owned) = self.owned.get_mut(&game) {
                    owned.avoid.clear();
                }
            }
        }
        for game in self.owned.stuck.iter().copied().collect::<Vec<GameId>>() {
            match self.owned.get(&game).and_then(|owned| owned.asked) {
                None => self.ask_to_take(now, game, out),
                Some(Asked { to, ready: true, .. }) => self.cede_as_it_is(now, game, to, out),
                Some(_) => {}
            }
        }
    }

    /// A game whose record may be another than its owner knows is ceded, too, to one that is ready for it.
    fn ask_to_take(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(doubt) = self.doubt(now, game) else { return };
        let Some(owned) = self.owned.get(&game) else { return };
        // The target of a move that was not answered knows best what has become of it.
        let rules = owned.settings.rules;
        let target = doubt.to.filter(|to| self.can_take(*to, rules) && !self.avoids(now, game, *to));
        let to = target.or_else(|| self.placed(now, game)).or_else(|| self.cedes_to_any(now, game));
        let (Some(to), Some(owned)) = (to, self.owned.get_mut(&game)) else { return };
        owned.asked = Some(Asked { to, since: now, sent: false, ready: false });
        match &owned.phase {
            Phase::Frozen { world, .. } => {
                let snapshot = world.snapshot.clone();
                self.send_prepare(now, game, &snapshot, out);
            }
            _ if owned.world_asked => {}
            _ => {
                owned.world_asked = true;
                out.push(Effect::TakeSnapshot(game));
            }
        }
    }

    fn cede_as_it_is(&mut self, now: Time, game: GameId, to: MemberId, out: &mut Vec<Effect>) {
        let doubt = self.doubt(now, game).filter(|_| self.is_there(now, to));
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let (epoch, freezes) = (owned.epoch, matches!(owned.phase, Phase::Provisional { .. }));
        owned.asked = None;
        let Some(doubt) = doubt else { return };
        out.push(Effect::SendToEdges(game, Control::MoveSoon { game, epoch, to }));
        if freezes {
            self.freeze(game, Then::Cede { to, doubt: Some(doubt) }, out);
        } else {
            self.cede(now, game, to, Some(doubt), out);
        }
    }

    /// What the registry may hold of a game that stands still, or ticks provisionally. None where it is not to be ceded.
    fn doubt(&self, now: Time, game: GameId) -> Option<Doubt> {
        let owned = self.owned.get(&game)?;
        let ceded = owned.ceded.as_ref();
        // Not while this member, which stood still, may have been replaced, nor before it has begun itself. Each former owner,
        // and a target that has called a move off, is named to the next one.
        if owned.unread.is_some()
            || !owned.has_begun()
            || ceded.is_some_and(|ceded| ceded.unrun.len() + 2 > MAX_CEDES)
        {
            return None;
        }
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        let (held, off) = (owned.bumped_over.unwrap_or(own), Some(Off::TicksFrom(now)));
        match &owned.phase {
            Phase::Provisional { to, .. } => Some(Doubt { expect: held, to: *to, off }),
            // As long as the target of a move may run the game nobody else gets it.
            Phase::Frozen { step: Step::Bumping { to: Some(_), off: None, .. }, .. } => None,
            Phase::Frozen { step: Step::Bumping { expect, to, off, .. }, .. } => {
                Some(Doubt { expect: *expect, to: *to, off: *off })
            }
            Phase::Frozen { step: Step::Recreating { .. }, .. } => {
                Some(Doubt { expect: held, to: None, off: off.filter(|_| ceded.is_some()) })
            }
            _ => None,
        }
    }

    /// All that were known to be ready have refused, and the registry does not say who else is: somebody on a link, then.
    /// Whether it can take the game it knows itself.
    pub(super) fn cedes_to_any(&self, now: Time, game: GameId) -> Option<MemberId> {
        let rules = self.owned.get(&game)?.settings.rules;
        let steps = |member: &MemberId| {
            let known = self.view.members.get(member);
            known.is_none_or(|member| (member.rules_min..=member.rules_max).contains(&rules))
        };
        let others = self.links.iter().copied().filter(steps);
        let others = others.filter(|member| !self.avoids(now, game, *member));
        others.min_by_key(|member| mix(member.0 ^ game.0)).filter(|_| self.cedes(now))
    }

    /// The game has frozen to be ceded.
    pub(super) fn cede_or_go_on(
        &mut self,
        now: Time,
        game: GameId,
        to: MemberId,
        doubt: Option<Doubt>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let (epoch, unread) = (owned.epoch, owned.unread.is_some());
        if self.is_there(now, to) && !unread && self.cedes(now) {
            return self.cede(now, game, to, doubt, out);
        }
        if doubt.is_none() {
            out.push(Effect::Send(to, Control::Abort { game, epoch, given: Epoch(0) }));
        }
        self.goes_on_after_all(now, game, doubt, out);
    }

    /// From now on this member runs no tick and writes nothing, unless the target refuses or is proven dead.
    fn cede(&mut self, now: Time, game: GameId, to: MemberId, doubt: Option<Doubt>, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Frozen { step, .. } = &mut owned.phase else { return };
        *step = Step::Ceding { to, resend: now, doubt };
        self.send_cede(now, game, out);
    }

    fn send_cede(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(Ceded { held, unrun, off, .. }) = self.terms(game) else { return };
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Frozen { world, step: Step::Ceding { to, resend, .. } } = &mut owned.phase else { return };
        *resend = now.plus(RESEND_US);
        let (to, Still { snapshot, next_due, .. }) = (*to, world.clone());
        let due_us = i64::try_from(next_due.0).unwrap_or(i64::MAX) - i64::try_from(now.0).unwrap_or(i64::MAX);
        let cede = Control::Cede {
            game,
            epoch: owned.epoch,
            base: snapshot.epoch,
            held: held.epoch,
            owner: held.owner,
            unrun,
            off,
            settings: owned.settings.clone().into(),
            tick: snapshot.tick,
            snapshot: snapshot.world,
            durable: owned.durable.unwrap_or_default(),
            due_us,
        };
        out.push(Effect::Send(to, cede));
    }

    /// What the next owner of a game that this member cedes has to know about the registry.
    fn terms(&self, game: GameId) -> Option<Ceded> {
        let (me, owned) = (self.me.id, self.owned.get(&game)?);
        let Phase::Frozen { step: Step::Ceding { to, doubt, .. }, .. } = &owned.phase else { return None };
        let ceded = owned.ceded.as_ref();
        let own = Fence { epoch: owned.epoch, owner: Some(me) };
        let unrun = ceded.map_or(&[][..], |ceded| &ceded.unrun).iter().copied().chain([me]).collect();
        let off = doubt.and_then(|doubt| doubt.to).or(ceded.and_then(|ceded| ceded.off));
        Some(Ceded {
            from: (me, owned.epoch),
            held: doubt.map_or(own, |doubt| doubt.expect),
            unrun,
            off: off.filter(|off| off != to),
        })
    }

    /// The target has not answered yet.
    pub(super) fn keep_cede(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get(&game) else { return };
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        let Phase::Frozen { step: Step::Ceding { to, resend, doubt }, .. } = &owned.phase else { return };
        let (to, resend, doubt) = (*to, *resend, *doubt);
        if self.gone(now, to).is_some() {
            // If the registry has given it the game, whoever claims goes on from there.
            let expect = doubt.map_or(own, |doubt| doubt.expect);
            return self.start_bump(now, game, expect, None, None, out);
        }
        if now >= resend {
            self.send_cede(now, game, out);
        }
    }

    /// The target does not take it, and has not run it.
    pub(super) fn goes_on_after_all(
        &mut self,
        now: Time,
        game: GameId,
        doubt: Option<Doubt>,
        out: &mut Vec<Effect>,
    ) {
        let Some(owned) = self.owned.get(&game) else { return };
        let epoch = owned.epoch;
        match doubt {
            None => {
                self.put_on_board(game);
                self.go_on(now, game, epoch, out);
            }
            Some(Doubt { expect, to, off }) => {
                let off = match off {
                    Some(Off::TicksFrom(_)) => Some(Off::TicksFrom(now.plus(ANSWERS_US))),
                    other => other,
                };
                self.start_bump(now, game, expect, to, off, out);
            }
        }
    }

    /// The target runs it.
    pub(super) fn was_ceded(
        &mut self,
        now: Time,
        game: GameId,
        to: MemberId,
        epoch: Epoch,
        out: &mut Vec<Effect>,
    ) {
        let Some(ceded) = self.terms(game) else { return };
        let Some(owned) = self.owned.get(&game) else { return };
        let Phase::Frozen { world, .. } = &owned.phase else { return };
        let (from, tick) = (Some(self.me.id), world.snapshot.tick);
        let (pause_us, bytes) = (now.since(world.at), world.snapshot.world.len());
        let record = MoveRecord { game, from, to, epoch, tick, pause_us, cause: "move", bytes };
        out.push(Effect::SendToEdges(game, Control::Moved { game, epoch, to, tick }));
        out.push(Effect::Moved(record));
        self.stop(game, Some((to, epoch)), out);
        // A write of its own that is late is not for this member to claim. And some may be linked to it and not to the target.
        self.cessions.insert(game, ceded.cession(to, epoch));
        self.tell_all_of_cede(game, out);
    }
}

/// The target.
impl Member {
    /// A leaving member that does not reach the registry has stopped the game for good.
    pub(super) fn asked_to_take(&mut self, now: Time, from: MemberId, offer: Offer, out: &mut Vec<Effect>) {
        let (game, epoch, me) = (offer.game, offer.epoch, self.me.id);
        self.highest = self.highest.max(epoch).max(offer.held.epoch);
        if let Some(owned) = self.owned.get(&game).filter(|owned| owned.epoch > epoch) {
            if owned.has_begun() && !owned.phase.is_over() {
                out.push(Effect::Send(from, Control::Started { game, epoch: owned.epoch }));
            }
            return;
        }
        // It has run it, and has been replaced or has ceded it since.
        let taken = |known: &&Cession| known.epoch > epoch && (known.to == me || known.unrun.contains(&me));
        if let Some(taken) = self.cessions.get(&game).filter(taken) {
            return out.push(Effect::Send(from, Control::Started { game, epoch: taken.epoch }));
        }
        let ceded = Ceded { from: (from, epoch), held: offer.held, unrun: offer.unrun, off: offer.off };
        let unrun = |record: &GameRecord| record.owner == Some(me) || ceded.is_unrun(record);
        let newer = self.view.game(game).filter(|record| record.epoch > offer.held.epoch);
        let newer = newer.filter(|record| ceded.called_off(record).is_none());
        let other = newer.filter(|record| !unrun(record));
        if let Some(other) = other.filter(|record| record.owner != Some(from)) {
            return out.push(Effect::Send(from, Control::Started { game, epoch: other.epoch }));
        }
        let refusal = if self.owned.contains_key(&game) {
            Some("owns the game itself")
        } else if other.is_some() {
            Some(NAMES_YOU)
        } else if !self.takes_ceded() {
            Some("not ready, or leaving itself")
        } else if !self.steps(offer.settings.rules) {
            Some("cannot step the game's rules version")
        } else {
            None
        };
        if let Some(reason) = refusal {
            return out.push(Effect::Send(from, Control::Refused { game, epoch, reason: reason.into() }));
        }
        let held = newer.map_or(offer.held, |record| Fence { epoch: record.epoch, owner: record.owner });
        let known = self.cessions.get(&game).map_or(Epoch(0), |cession| cession.epoch);
        let drawn = self.draw_epoch(epoch.max(offer.snapshot.epoch).max(held.epoch).max(known));
        let ceded = Ceded { held, ..ceded };
        self.cessions.insert(game, ceded.cession(me, drawn));
        let tick = offer.snapshot.tick;
        self.own(now, game, drawn, offer.settings, tick);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let next_due = Time(now.0.saturating_add_signed(offer.due_us));
        let world = Still { snapshot: offer.snapshot, next_due, at: now, held: false };
        owned.durable = Some(offer.durable);
        owned.ceded = Some(ceded);
        owned.phase = Phase::Frozen { world, step: Step::Parking };
        self.start_bump(now, game, held, None, Some(Off::TicksFrom(now.plus(ANSWERS_US))), out);
    }

    /// What is ceded is taken by whoever has once been ready: one that was cut off is not, and needs the registry to be so again,
    /// but it reaches the owner, who may reach nobody else.
    pub(super) fn takes_ceded(&self) -> bool {
        self.ready && self.drain.is_none()
    }

    /// No member, and no registry, has made this one up for the game.
    fn draw_epoch(&mut self, above: Epoch) -> Epoch {
        Epoch((above.high() + 1) << 16 | u64::from(self.salt()))
    }

    /// The registry names a target that has called its move off: it has heard of the cede, or will, and answer.
    fn waits_for_vow(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        match &mut owned.phase {
            Phase::Frozen { step: Step::Bumping { retry, .. }, .. } if owned.unread.is_some() => {
                *retry = Some(now.plus(RESEND_US));
            }
            _ => self.go_on_provisionally(now, game, None, out),
        }
    }

    /// A member to which a former owner's move may have given the game, after it was called off, does not run it either.
    pub(super) fn vowed(&mut self, from: MemberId, game: GameId) {
        if let Some(ceded) = self.owned.get_mut(&game).and_then(|owned| owned.ceded.as_mut())
            && ceded.off == Some(from)
        {
            ceded.off = None;
            ceded.unrun.push(from);
        }
    }

    /// A game that was ceded runs here.
    pub(super) fn begun(&mut self, now: Time, game: GameId, world: &Still, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get(&game) else { return };
        let Some(from) = owned.ceded.as_ref().map(|ceded| ceded.from.0) else { return };
        let (epoch, tick, bytes) = (owned.epoch, world.snapshot.tick, world.snapshot.world.len());
        out.push(Effect::Send(from, Control::Started { game, epoch }));
        let (from, to, pause_us) = (Some(from), self.me.id, now.since(world.next_due));
        out.push(Effect::Moved(MoveRecord { game, from, to, epoch, tick, pause_us, cause: "move", bytes }));
    }

    /// A write for a game that was ceded to this member met another ownership than expected.
    pub(super) fn ceded_is_stale(
        &mut self,
        now: Time,
        game: GameId,
        off: Option<Off>,
        expected: Fence,
        record: GameRecord,
        out: &mut Vec<Effect>,
    ) {
        let me = self.me.id;
        let (owner, epoch) = (record.owner, record.epoch);
        let Some(owned) = self.owned.get(&game) else { return };
        let Some(ceded) = &owned.ceded else { return };
        let ((from, under), begun) = (ceded.from, owned.has_begun());
        let called_off = ceded.called_off(&record).is_some();
        let unrun = owner == Some(me) || ceded.is_unrun(&record);
        self.view_only(now, record, out);
        if called_off {
            return self.waits_for_vow(now, game, out);
        }
        if unrun && epoch != expected.epoch {
            return self.start_bump(now, game, Fence { epoch, owner }, None, off, out);
        }
        if !begun {
            self.cessions.remove(&game);
            let answer = if owner == Some(from) {
                Control::Refused { game, epoch: under, reason: NAMES_YOU.into() }
            } else {
                Control::Started { game, epoch }
            };
            out.push(Effect::Send(from, answer));
        }
        self.stop(game, owner.map(|owner| (owner, epoch)), out);
    }
}

/// All members.
impl Member {
    /// What was ceded runs, and the registry may not know: nobody is to claim it.
    pub(super) fn tell_all_of_cede(&self, game: GameId, out: &mut Vec<Effect>) {
        if let Some(word) = self.word_of_cede(game) {
            self.send_to_all(word, out);
        }
    }

    /// One that has just linked may not have heard of any.
    pub(super) fn tell_of_cedes(&self, member: MemberId, out: &mut Vec<Effect>) {
        let words = self.cessions.keys().filter_map(|game| self.word_of_cede(*game));
        out.extend(words.map(|word| Effect::Send(member, word)));
    }

    /// Before it is said that a member is gone, it is said what it has ceded.
    pub(super) fn tell_of_cedes_by(&self, gone: MemberId, out: &mut Vec<Effect>) {
        let by = self.cessions.iter().filter(|(_, cession)| cession.unrun.contains(&gone));
        for word in by.filter_map(|(game, _)| self.word_of_cede(*game)) {
            self.send_to_all(word, out);
        }
    }

    /// None where the registry has heard of it.
    fn word_of_cede(&self, game: GameId) -> Option<Control> {
        let Cession { to, epoch, held, unrun } = self.cessions.get(&game)?;
        let owned = self.owned.get(&game);
        let runs = *to != self.me.id || owned.is_some_and(|owned| owned.ceded.is_some() && owned.has_begun());
        let (to, epoch, held) = (*to, *epoch, *held);
        runs.then(|| Control::Ceded { game, to, epoch, held, unrun: unrun.clone() })
    }

    pub(super) fn told_of_cede(&mut self, game: GameId, cession: Cession, out: &mut Vec<Effect>) {
        if let Some(owned) = self.owned.get(&game) {
            // It has claimed the game before it heard of this.
            if owned.epoch > cession.epoch && owned.has_begun() && !owned.phase.is_over() {
                out.push(Effect::Send(cession.to, Control::Started { game, epoch: owned.epoch }));
            }
            return;
        }
        let over = self.view.game(game).is_some_and(|record| !cession.covers(record));
        if over || cession.to == self.me.id {
            return;
        }
        // A move that this member has called off may give it the game all the same: what it has promised to the old owner holds
        // for the new one.
        let promised = self.promises.get(&game).is_some_and(|promise| cession.unrun.contains(&promise.to));
        if promised && !self.is_claiming(game) {
            let (epoch, given) = (cession.epoch, Epoch(0));
            out.push(Effect::Send(cession.to, Control::Aborted { game, epoch, given }));
        }
        if self.cessions.get(&game).is_some_and(|known| known.epoch >= cession.epoch) {
            return;
        }
        out.push(Effect::OwnerOf(game, Some((cession.to, cession.epoch))));
        self.cessions.insert(game, cession);
        self.view.changed.insert(game);
    }

    /// A member that lives runs the game, though the registry does not know.
    pub(super) fn is_ceded_to_another(&self, now: Time, record: &GameRecord) -> bool {
        self.ceded_to(record.id).is_some_and(|(to, _)| self.gone(now, to).is_none())
            && self.cessions.get(&record.id).is_some_and(|cession| cession.covers(record))
    }

    /// Who runs the game, and under which epoch, on its own word.
    pub(super) fn ceded_to(&self, game: GameId) -> Option<(MemberId, Epoch)> {
        let cession = self.cessions.get(&game).filter(|cession| cession.to != self.me.id)?;
        Some((cession.to, cession.epoch))
    }

    /// A record is read: says whether it is older than what runs.
    pub(super) fn is_behind_cede(&mut self, record: &GameRecord) -> bool {
        if self.ceded_to(record.id).is_none() {
            return false;
        }
        let covered = self.cessions.get(&record.id).is_some_and(|cession| cession.covers(record));
        if !covered {
            self.cessions.remove(&record.id);
        }
        covered
    }

    /// What is known of members has changed. A game that was ceded to a member which is gone may be claimed; and who has
    /// ceded one and is gone asks no more.
    pub(super) fn keep_cessions(&mut self, now: Time) {
        let me = self.me.id;
        let known = |member: &MemberId| self.links.contains(member) || self.view.members.contains_key(member);
        let is_over = |cession: &Cession| {
            if cession.to == me {
                !cession.unrun.iter().any(known)
            } else {
                self.gone(now, cession.to).is_some()
            }
        };
        let over = self.cessions.iter().filter(|(_, cession)| is_over(cession));
        for game in over.map(|(game, _)| *game).collect::<Vec<GameId>>() {
            self.cessions.remove(&game);
            self.view.changed.insert(game);
        }
    }
}
