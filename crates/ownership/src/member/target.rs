//! The target's side of a planned move.
//!
//! What goes wrong without: the registry says that a member owns a game, and that member does not know, because the old
//! owner's message was lost. A prepared target reads the record every tick; a member that finds itself owner of an epoch
//! that nobody told it about claims the game afresh, with the world that was stored by the move.

use super::Member;
use crate::{Effect, MoveRecord, Time};
use protocol::peer::{Control, GameSettings};
use protocol::{Epoch, GameId, MemberId, TICK_MICROS};
use registry::{GameRecord, MemberState, Snapshot};
use std::collections::BTreeMap;

/// Games that this member gets ready for at once, at most: whoever comes with more waits.
const INCOMING_MAX: usize = 128;
/// Between two words to the old owner of a game that was called off and is this member's in the registry all the same.
const PROMISE_US: u64 = 500_000;
/// After so many times the settings' `prepare_us` without a commit the old owner has given up.
const FORGET_AFTER: u64 = 4;

/// A game that another member is about to hand over.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) from: MemberId,
    epoch: Epoch,
    settings: GameSettings,
    since: Time,
    prepared: bool,
    next_read: Time,
}

/// What this member has called off: whatever the registry says, the game is the old owner's, which may tick it
/// provisionally, until that one is gone or has given it up.
#[derive(Debug)]
pub(super) struct Promise {
    pub(super) to: MemberId,
    /// The old owner's.
    pub(super) epoch: Epoch,
    /// Kept no longer: the game may be claimed, and players may have seen what the old owner ticked meanwhile.
    pub(super) over: bool,
    next: Time,
}

impl Promise {
    /// Somebody else has got the game since, or it was parked: what was called off cannot give it to `me` any more.
    pub(super) fn is_void(&self, record: &GameRecord, me: MemberId) -> bool {
        record.owner != Some(me) && record.epoch > self.epoch
    }
}

impl Member {
    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn asked_to_prepare(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        epoch: Epoch,
        settings: GameSettings,
        snapshot: Snapshot,
        cedes: bool,
        out: &mut Vec<Effect>,
    ) {
        let refusal = if self.me.state != MemberState::Ready && !(cedes && self.takes_ceded()) {
            Some("not ready, or leaving itself")
        } else if !cedes && !self.lease.valid(now) {
            Some("cannot reach the registry")
        } else if !self.steps(settings.rules) {
            Some("cannot step the game's rules version")
        } else if self.owned.contains_key(&game) {
            Some("owns the game itself")
        } else {
            None
        };
        if let Some(reason) = refusal {
            out.push(Effect::Send(from, Control::Refused { game, epoch, reason: reason.into() }));
            return;
        }
        if self.incoming.len() >= INCOMING_MAX && !self.incoming.contains_key(&game) {
            out.push(Effect::Send(from, Control::Busy { game, epoch }));
            return;
        }
        self.highest = self.highest.max(epoch);
        // Messages of a link come in order, and under another epoch the registry has said so. One that cedes may tick it until
        // then.
        if !cedes {
            self.promises.remove(&game);
        }
        let incoming = Incoming {
            from,
            epoch,
            settings: settings.clone(),
            since: now,
            prepared: false,
            next_read: now.plus(TICK_MICROS),
        };
        self.incoming.insert(game, incoming);
        out.push(Effect::Prepare { game, epoch, owner: from, settings, snapshot });
    }

    pub(super) fn restored(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        error: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        let Some(incoming) = self.incoming.get_mut(&game).filter(|incoming| incoming.epoch == epoch) else {
            return;
        };
        let from = incoming.from;
        match error {
            None => {
                incoming.prepared = true;
                incoming.next_read = now.plus(TICK_MICROS);
                out.push(Effect::Send(from, Control::Prepared { game, epoch }));
            }
            Some(reason) => {
                self.incoming.remove(&game);
                out.push(Effect::Send(from, Control::Refused { game, epoch, reason }));
            }
        }
    }

    /// The old owner says that the registry has given the game to this member: (its epoch, that of the world, the new one).
    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn committed(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        (old, base, epoch): (Epoch, Epoch, Epoch),
        snapshot: Snapshot,
        due_us: i64,
        out: &mut Vec<Effect>,
    ) {
        if let Some(owned) = self.owned.get(&game) {
            if owned.epoch >= epoch && !owned.phase.is_over() {
                out.push(Effect::Send(from, Control::Started { game, epoch: owned.epoch }));
            }
            return;
        }
        let waited_for =
            self.incoming.get(&game).is_some_and(|incoming| incoming.from == from && incoming.epoch == old);
        if waited_for {
            // What was called off before has been asked for again, and ends with the tick of this move.
            self.promises.remove(&game);
        }
        let replaced = self.view.game(game).is_some_and(|record| record.epoch > epoch);
        // Not prepared, replaced meanwhile, or maybe so: only the registry can say, and a claim then brings the world. Nobody
        // runs the game until it does.
        if !waited_for || replaced || !self.lease.valid(now) || self.is_claiming_over(game, epoch) {
            self.ask_anew(game, out);
            return;
        }
        let Some(incoming) = self.incoming.remove(&game) else { return };
        let (tick, bytes) = (snapshot.tick, snapshot.world.len());
        let due = Time(now.0.saturating_add_signed(due_us));
        let settings = incoming.settings;
        self.own(now, game, epoch, settings.clone(), tick);
        out.push(Effect::Start {
            game,
            epoch,
            settings,
            base,
            snapshot: Some(snapshot),
            log: Vec::new(),
            durable: tick,
            due,
            rewind: false,
        });
        out.push(Effect::Send(from, Control::Started { game, epoch }));
        let pause_us = now.since(due);
        let to = self.me.id;
        let record = MoveRecord { game, from: Some(from), to, epoch, tick, pause_us, cause: "move", bytes };
        out.push(Effect::Moved(record));
    }

    pub(super) fn aborted_by(
        &mut self,
        now: Time,
        from: MemberId,
        game: GameId,
        (epoch, given): (Epoch, Epoch),
        out: &mut Vec<Effect>,
    ) {
        if let Some(owned) = self.owned.get(&game).filter(|owned| owned.epoch > epoch && owned.has_begun()) {
            out.push(Effect::Send(from, Control::Started { game, epoch: owned.epoch }));
            return;
        }
        if let Some(drain) = &mut self.drain {
            drain.called_off(game, from, epoch);
        }
        // A claim may bring the game here all the same, or has brought it further than the old owner knows, or somebody else has
        // got it since: then the old owner may not go on, be it this member that ran the game meanwhile or another. It is asked
        // again when that is known.
        let me = self.me.id;
        let further = |record: &GameRecord| match record.owner {
            Some(owner) if owner == me => record.base != epoch,
            Some(owner) => owner != from && record.epoch > epoch,
            None => record.base != epoch && record.epoch > epoch,
        };
        if self.is_claiming(game) || self.view.game(game).is_some_and(further) {
            return;
        }
        if self.incoming.get(&game).is_some_and(|incoming| incoming.from == from && incoming.epoch <= epoch) {
            self.incoming.remove(&game);
            out.push(Effect::Unprepare { game });
        }
        self.drop_claim(game);
        let promise = Promise { to: from, epoch, over: false, next: now.plus(PROMISE_US) };
        if !self.view.game(game).is_some_and(|record| promise.is_void(record, me)) {
            self.promises.insert(game, promise);
        }
        out.push(Effect::Send(from, Control::Aborted { game, epoch, given }));
    }

    /// The old owner has given the game up as well.
    pub(super) fn released(&mut self, from: MemberId, game: GameId, epoch: Epoch) {
        if let Some(promise) = self.promises.get_mut(&game)
            && (promise.to, promise.epoch) == (from, epoch)
        {
            promise.over = true;
            self.view.changed.insert(game);
        }
    }

    /// Who runs the game, and under which epoch, though the record names this member.
    pub(super) fn promised_to(&self, record: &GameRecord) -> Option<(MemberId, Epoch)> {
        let promise = self.promises.get(&record.id).filter(|promise| !promise.over)?;
        (record.owner == Some(self.me.id)).then_some((promise.to, promise.epoch))
    }

    /// The old owner of some game may tick it provisionally, on this member's word.
    pub(super) fn keeps_promises(&self) -> bool {
        self.promises.values().any(|promise| !promise.over)
    }

    /// A game that the registry names this member for is not left to an old owner that does not run it either.
    pub(super) fn keep_promises(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.promises.is_empty() {
            return;
        }
        // Where the registry does not name this member, only one that leaves has to know how it ends.
        let (me, leaves) = (self.me.id, self.drain.is_some());
        let named = |game: &GameId| self.view.game(*game).is_some_and(|record| record.owner == Some(me));
        let waiting = self.promises.iter().filter(|(game, promise)| !promise.over && (leaves || named(game)));
        for game in waiting.map(|(game, _)| *game).collect::<Vec<_>>() {
            let Some(promise) = self.promises.get(&game) else { continue };
            let (to, epoch) = (promise.to, promise.epoch);
            // It may have ceded the game before that, and told those that this member does not reach.
            let gone = self.gone(now, to).is_some() && !self.may_have_missed_words(now);
            let Some(promise) = self.promises.get_mut(&game) else { continue };
            if gone {
                promise.over = true;
                self.view.changed.insert(game);
                continue;
            }
            if now >= promise.next {
                promise.next = now.plus(PROMISE_US);
                out.push(Effect::Send(to, Control::Aborted { game, epoch, given: Epoch(0) }));
            }
            let next = promise.next;
            self.wake_at(next);
        }
    }

    /// This member leaves: what was to come here is to look for another target. Returns what it had called prepared.
    pub(super) fn refuse_incoming(&mut self, out: &mut Vec<Effect>) -> BTreeMap<GameId, (MemberId, Epoch)> {
        let incoming = std::mem::take(&mut self.incoming);
        for (game, Incoming { from, epoch, .. }) in &incoming {
            let (game, epoch) = (*game, *epoch);
            out.push(Effect::Unprepare { game });
            out.push(Effect::Send(*from, Control::Refused { game, epoch, reason: "leaving".into() }));
        }
        let prepared = incoming.into_iter().filter(|(_, incoming)| incoming.prepared);
        prepared.map(|(game, incoming)| (game, (incoming.from, incoming.epoch))).collect()
    }

    pub(super) fn keep_incoming(&mut self, now: Time, out: &mut Vec<Effect>) {
        let patience = self.settings.prepare_us.saturating_mul(FORGET_AFTER);
        for game in self.incoming.keys().copied().collect::<Vec<_>>() {
            let Some(incoming) = self.incoming.get_mut(&game) else { continue };
            let until = incoming.since.plus(patience);
            if now >= until {
                self.incoming.remove(&game);
                out.push(Effect::Unprepare { game });
                continue;
            }
            if incoming.prepared && now >= incoming.next_read {
                incoming.next_read = now.plus(TICK_MICROS);
                self.ask_for_once(game, out);
            }
            if let Some(incoming) = self.incoming.get(&game) {
                let next = if incoming.prepared { incoming.next_read.min(until) } else { until };
                self.wake_at(next);
            }
        }
    }

    /// A claim of this member for the game is under way, or may still be though it was not answered.
    pub(super) fn is_claiming(&self, game: GameId) -> bool {
        self.claims.get(&game).is_some_and(|claim| claim.unanswered.is_some() || claim.in_flight)
    }

    /// As [`Member::is_claiming`], where the claim would replace that ownership: any other one is refused.
    fn is_claiming_over(&self, game: GameId, epoch: Epoch) -> bool {
        self.is_claiming(game) && self.claims.get(&game).is_some_and(|claim| claim.epoch == epoch)
    }
}
