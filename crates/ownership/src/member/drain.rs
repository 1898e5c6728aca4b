//! Leaving: every game is handed over, or parked when nobody can take it.
//!
//! What goes wrong without: a member that leaves while no operator runs, or while there is nobody to move to, takes its
//! games with it. It waits a moment for assignments, then places its games itself; with nobody to take them it goes on
//! serving, and shortly before it is killed it puts them into the registry for whoever is ready next, or cedes them.

use super::Member;
use super::handover::{Owned, Phase, Step, Then};
use crate::{Effect, Time};
use protocol::{Epoch, GameId, MemberId};
use registry::{Fence, MemberState, RegistryError, Reply};
use std::collections::BTreeMap;

/// A game that was called prepared may be committed to this member for so many microseconds after it has refused it, where
/// the owner does not say that it will not be.
const COMMITS_FOR_US: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Drain {
    /// Assignments are waited for until then.
    places_from: Time,
    /// That time has come.
    places: bool,
    /// Until then a game waits for a member of the target revision that is slow to take it: one of another revision would
    /// have to move it again.
    pub(super) settles_from: Time,
    /// What has not moved by then is parked.
    pub(super) parks_from: Time,
    /// Not parked but ceded: see [`Member::cedes`].
    cedes: bool,
    /// Games that were called prepared before they were refused, by whom they were coming and under which epoch: until
    /// then they may be committed to this member.
    prepared: BTreeMap<GameId, (MemberId, Epoch)>,
    prepared_until: Time,
    /// [`Effect::Drained`] was said.
    pub(super) told: bool,
}

impl Drain {
    /// The owner of a game says that it will not be committed to this member.
    pub(super) fn called_off(&mut self, game: GameId, by: MemberId, epoch: Epoch) {
        self.prepared.retain(|other, of| *other != game || *of != (by, epoch));
    }
}

impl Member {
    pub(super) fn terminate(&mut self, now: Time, grace_us: u64, out: &mut Vec<Effect>) {
        if self.drain.is_some() {
            return;
        }
        // A short grace is for moving, too, before it is for parking.
        let parks_from = now.plus(grace_us - self.settings.park_before_us.min(grace_us / 4));
        let places_from = now.plus(self.settings.assign_wait_us);
        // Half of the time in which games can move.
        let settles_from = Time(now.0 + (parks_from.0 - now.0) / 2);
        let prepared = self.refuse_incoming(out);
        let prepared_until = now.plus(COMMITS_FOR_US);
        self.drain = Some(Drain {
            places_from,
            places: false,
            settles_from,
            parks_from,
            cedes: false,
            prepared,
            prepared_until,
            told: false,
        });
        self.me.state = MemberState::Draining;
        self.members_changed = true;
    }

    /// Leaving, and assignments have been waited for.
    pub(super) fn places_itself(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.places)
    }

    pub(super) fn keep_drain_deadline(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Some(drain) = &mut self.drain else { return };
        if now >= drain.places_from && !std::mem::replace(&mut drain.places, true) {
            self.look_for_moves = true;
        }
        let (places_from, settles_from, parks_from) =
            (drain.places_from, drain.settles_from, drain.parks_from);
        for at in [places_from, settles_from] {
            if now < at {
                self.wake_at(at);
            }
        }
        if now < parks_from {
            self.wake_at(parks_from);
            return;
        }
        let cedes = self.cedes(now);
        let before = self.drain.as_mut().map(|drain| std::mem::replace(&mut drain.cedes, cedes));
        if cedes {
            // What nobody takes goes on for as long as this process does.
            return self.cede_games(now, before == Some(false), out);
        }
        for game in self.owned.resting.iter().copied().collect::<Vec<GameId>>() {
            self.freeze(game, Then::Park, out);
        }
    }

    pub(super) fn park_answered(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let parks = |owned: &&Owned| matches!(owned.phase, Phase::Frozen { step: Step::Parking, .. });
        let Some(owned) = self.owned.get(&game).filter(|owned| owned.epoch == epoch).filter(parks) else {
            return;
        };
        let own = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        match reply {
            Ok(Reply::Granted { epoch }) => {
                self.view.note_owner(game, None, epoch);
                self.stop(game, None, out);
                self.ask_for(game, out);
            }
            Ok(Reply::Stale(record)) => self.frozen_is_stale(now, game, None, None, own, record, out),
            Ok(_) => self.lost_by_registry(now, game),
            // Who is cut off stands still until the registry has said whose the game is.
            Err(_) if self.is_cut_off() && self.drain.is_none() => {
                self.start_bump(now, game, own, None, None, out)
            }
            Err(RegistryError::Refused(_)) => self.go_on(now, game, own.epoch, out),
            Err(RegistryError::Unanswered(_)) => self.start_bump(now, game, own, None, None, out),
        }
    }

    /// Nothing is left here, and nothing can come: neither what the registry names this member for already nor what may
    /// still be given to it.
    fn is_empty(&self) -> bool {
        self.owned.is_empty()
            && self.claims.is_empty()
            && self.creating.is_empty()
            && self.claiming == 0
            && !self.keeps_promises()
            && self.view.games_of(Some(self.me.id)).all(|game| self.ceded_to(game).is_some())
    }

    pub(super) fn keep_drain(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Some(drain) = &mut self.drain else { return };
        if now >= drain.prepared_until {
            drain.prepared.clear();
        }
        let (waits, until) = (!drain.prepared.is_empty(), drain.prepared_until);
        if waits {
            self.wake_at(until);
        }
        let empty = !waits && self.is_empty();
        let Some(drain) = &mut self.drain else { return };
        if empty && !drain.told {
            drain.told = true;
            out.push(Effect::Drained);
        } else if !empty {
            drain.told = false;
        }
    }
}
