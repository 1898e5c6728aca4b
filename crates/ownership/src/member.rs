//! One member's part in owning games.
//!
//! Owns the state of the machine and the order in which an event is worked on; each rule lives in the file named after
//! what it is about. Invariant: a game is started only under an epoch that it has been started under never before, and that
//! the registry granted to this member or, where the game was ceded, that this member has made up.

mod behind;
mod cede;
mod create;
mod drain;
mod evidence;
mod failure;
mod handover;
mod lease;
mod log;
mod owning;
mod reach;
mod store;
mod takeover;
mod target;
#[cfg(test)]
mod tests;
mod view;

use crate::placement::{Board, mix};
use crate::{CallId, Effect, Event, Settings, Time};
use bytes::Bytes;
use cede::{Cession, Offer};
use drain::Drain;
use lease::Lease;
use log::Log;
use owning::Owning;
use protocol::peer::{Control, GameSettings};
use protocol::{Epoch, GameId, MemberId, Tick};
use reach::Reach;
use registry::{Fence, GameRecord, MemberRecord, MemberState, RegistryError, Reply, Request, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use takeover::{Claim, Claiming, Placed};
use target::{Incoming, Promise};
use view::View;

/// What an unanswered request was for.
#[derive(Debug)]
enum Call {
    Join,
    Renew {
        sent: Time,
    },
    Members {
        sent: Time,
    },
    Games {
        sent: Time,
    },
    Game {
        game: GameId,
    },
    /// Does the registry still name this member, which stood still?
    Reread {
        game: GameId,
        epoch: Epoch,
        sent: Time,
    },
    Create {
        game: GameId,
        settings: GameSettings,
        snapshot: Snapshot,
    },
    Claim {
        game: GameId,
        claiming: Claiming,
    },
    Commit {
        game: GameId,
        epoch: Epoch,
    },
    /// What has become of a game that ticks provisionally?
    Probe {
        game: GameId,
        epoch: Epoch,
    },
    /// With the world of that tick.
    Bump {
        game: GameId,
        epoch: Epoch,
        tick: Tick,
        sent: Time,
    },
    Recreate {
        game: GameId,
        sent: Time,
    },
    Append {
        game: GameId,
        epoch: Epoch,
        upto: Tick,
    },
    Store {
        game: GameId,
        epoch: Epoch,
        tick: Tick,
    },
    Park {
        game: GameId,
        epoch: Epoch,
    },
    End {
        game: GameId,
    },
    Fail {
        game: GameId,
    },
    Bury,
}

/// The machine of one member: told [`Event`]s, answers with [`Effect`]s.
#[derive(Debug)]
pub struct Member {
    me: MemberRecord,
    settings: Settings,
    random: u64,
    next_call: u64,
    calls: BTreeMap<CallId, Call>,
    /// Highest epoch seen anywhere: new ones are above it.
    highest: Epoch,
    lease: Lease,
    ready: bool,
    view: View,
    /// Members that an authenticated link stands to.
    links: BTreeSet<MemberId>,
    /// When a message of each was handled last.
    heard: BTreeMap<MemberId, Time>,
    /// Who was found to refuse connections, and by whom.
    refused: BTreeMap<MemberId, BTreeSet<MemberId>>,
    /// Dead members that were struck off since the list was read.
    buried: BTreeSet<MemberId>,
    /// What [`Effect::Peers`] said last.
    peers: Option<Vec<(MemberId, String)>>,
    owned: Owning,
    log: Log,
    reach: Reach,
    incoming: BTreeMap<GameId, Incoming>,
    claims: BTreeMap<GameId, Claim>,
    /// When each claim that is not under way is due, and how many are.
    claims_due: BTreeSet<(Time, GameId)>,
    claiming: usize,
    /// Nothing is claimed before.
    claims_from: Time,
    /// Games whose creation was asked for and not answered.
    creating: BTreeSet<GameId>,
    promises: BTreeMap<GameId, Promise>,
    cessions: BTreeMap<GameId, Cession>,
    drain: Option<Drain>,
    /// Those that live, as placement sees them, and who holds which game among them where that was asked for.
    placed: Placed,
    board: Option<Board>,
    /// What is known of members has changed: of their list, their links, or their death.
    members_changed: bool,
    /// All that might be claimed, or moved, is to be looked at again; not only what has changed.
    look_for_claims: bool,
    /// Whom waiting games are left to may have changed: looked at then.
    waiting_looked_at: Option<Time>,
    look_for_moves: bool,
    /// Games to be looked at: do they move?
    to_move: BTreeSet<GameId>,
    /// So many may stand still at once: see [`Settings::frozen`].
    freezes: usize,
    wake: Option<Time>,
}

impl Member {
    /// A member that has not joined yet: the first [`Event::Wake`], due at once, makes it. `record.state` is ignored;
    /// `seed` is 64 random bits, from which the machine draws the salts of its epochs.
    pub fn new(record: MemberRecord, settings: Settings, now: Time, seed: u64) -> Member {
        Member {
            me: MemberRecord { state: MemberState::Joining, games: 0, players: 0, ..record },
            settings,
            random: seed,
            next_call: 0,
            calls: BTreeMap::new(),
            highest: Epoch(0),
            lease: Lease::new(now),
            ready: false,
            view: View::new(now),
            links: BTreeSet::new(),
            heard: BTreeMap::new(),
            refused: BTreeMap::new(),
            buried: BTreeSet::new(),
            peers: None,
            owned: Owning::default(),
            log: Log::default(),
            reach: Reach::default(),
            incoming: BTreeMap::new(),
            claims: BTreeMap::new(),
            claims_due: BTreeSet::new(),
            claiming: 0,
            claims_from: now,
            creating: BTreeSet::new(),
            promises: BTreeMap::new(),
            cessions: BTreeMap::new(),
            drain: None,
            placed: Placed::default(),
            board: None,
            members_changed: true,
            look_for_claims: false,
            waiting_looked_at: None,
            look_for_moves: false,
            to_move: BTreeSet::new(),
            freezes: settings.frozen_least,
            wake: Some(now),
        }
    }

    /// Takes one event in and appends what is to be done, in order. `now` never runs backwards.
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Wake => {}
            Event::Reply(id, reply) => {
                if let Some(call) = self.calls.remove(&id) {
                    self.replied(now, call, reply, out);
                }
            }
            Event::Hint(hint) => self.hinted(hint, out),
            Event::LinkUp(member) => self.link_up(now, member, out),
            Event::LinkDown { member, refused } => self.link_down(now, member, refused, out),
            Event::Message(from, message) => self.message(now, from, message, out),
            Event::Create { game, settings, snapshot } => self.create(now, game, settings, snapshot, out),
            Event::Frozen { game, snapshot, next_due } => self.frozen(now, game, snapshot, next_due, out),
            Event::World { game, snapshot } => self.world(now, game, snapshot, out),
            Event::Ran(all) => self.ran(now, all, out),
            Event::Restored { game, epoch, error } => self.restored(now, game, epoch, error, out),
            Event::Failed { game, epoch, tick } => self.failed(now, game, epoch, tick, out),
            Event::Lookup(game) => self.look_up(game, out),
            Event::Over(game) => self.over(game, out),
            Event::Stalled(game) => self.stalled(now, game, out),
            Event::Terminate { grace_us } => self.terminate(now, grace_us, out),
            Event::Load { players } => self.me.players = players,
        }
        self.pass_time(now, out);
    }

    /// Does what has become due, and finds out when to be woken next.
    fn pass_time(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.wake = None;
        self.keep_lease(now, out);
        if !self.lease.joined {
            return;
        }
        self.keep_view(now, out);
        if std::mem::take(&mut self.members_changed) {
            self.keep_peers(out);
            self.keep_placed(now);
            self.keep_cessions(now);
            self.look_again();
        }
        self.keep_readiness(now, out);
        self.keep_reach(now, out);
        self.keep_incoming(now, out);
        self.keep_promises(now, out);
        self.keep_games(now, out);
        self.keep_claims(now, out);
        self.bury(now, out);
        self.keep_drain(now, out);
        if self.members_changed {
            self.wake_at(now);
        }
        // Both read what was decided above: a change of state or of the number of games is told without delay.
        self.keep_lease(now, out);
    }

    fn replied(&mut self, now: Time, call: Call, reply: Result<Reply, RegistryError>, out: &mut Vec<Effect>) {
        self.note_epochs(&reply);
        match call {
            Call::Join => self.joined(now, reply),
            Call::Renew { sent } => self.renewed(now, sent, reply),
            Call::Members { sent } => self.members_came(now, sent, reply),
            Call::Games { sent } => self.games_came(now, sent, reply, out),
            Call::Game { game } => self.game_came(now, game, reply, out),
            Call::Reread { game, epoch, sent } => self.reread((sent, now), game, epoch, reply, out),
            Call::Create { game, settings, snapshot } => {
                self.create_answered(now, game, settings, snapshot, reply, out);
            }
            Call::Claim { game, claiming } => self.claim_answered(now, game, claiming, reply, out),
            Call::Commit { game, epoch } => self.commit_answered(now, game, epoch, reply, out),
            Call::Bump { game, epoch, tick, sent } => {
                self.bump_answered((sent, now), game, (epoch, tick), reply, out)
            }
            Call::Probe { game, epoch } => self.probed(now, game, epoch, reply, out),
            Call::Recreate { game, sent } => self.recreate_answered(now, game, sent, reply, out),
            Call::Append { game, epoch, upto } => self.append_answered(now, game, (epoch, upto), reply, out),
            Call::Store { game, epoch, tick } => self.store_answered(now, game, epoch, tick, reply, out),
            Call::Park { game, epoch } => self.park_answered(now, game, epoch, reply, out),
            Call::End { game } => self.end_answered(now, game, reply, out),
            Call::Fail { game } => self.fail_answered(now, game, reply, out),
            // The next list of members says whether it was carried out.
            Call::Bury => {}
        }
    }

    fn message(&mut self, now: Time, from: MemberId, message: Control, out: &mut Vec<Effect>) {
        self.heard.insert(from, now);
        match message {
            Control::Prepare { game, epoch, settings, tick, snapshot, edges: _, cedes } => {
                let snapshot = self.sent_world(game, (epoch, tick), snapshot);
                self.asked_to_prepare(now, from, game, epoch, settings, snapshot, cedes, out);
            }
            Control::Commit { game, old, base, epoch, tick, snapshot, due_us } => {
                let snapshot = self.sent_world(game, (base, tick), snapshot);
                self.committed(now, from, game, (old, base, epoch), snapshot, due_us, out);
            }
            Control::Abort { game, epoch, given } => self.aborted_by(now, from, game, (epoch, given), out),
            Control::Prepared { game, epoch } => self.target_prepared(from, game, epoch),
            Control::Refused { game, epoch, reason } => {
                self.target_refused(now, from, game, epoch, &reason, out)
            }
            Control::Busy { game, epoch } => self.target_busy(now, from, game, epoch),
            Control::Started { game, epoch } => self.target_started(now, from, game, epoch, out),
            Control::Aborted { game, epoch, given } => {
                self.target_aborted(now, from, game, (epoch, given), out)
            }
            Control::Released { game, epoch } => self.released(from, game, epoch),
            Control::Cede {
                game,
                epoch,
                base,
                held,
                owner,
                unrun,
                off,
                settings,
                tick,
                snapshot,
                durable,
                due_us,
            } => {
                let (held, snapshot) =
                    (Fence { epoch: held, owner }, self.sent_world(game, (base, tick), snapshot));
                let settings = *settings;
                let offer = Offer { game, epoch, held, unrun, off, settings, snapshot, durable, due_us };
                self.asked_to_take(now, from, offer, out);
            }
            Control::Ceded { game, to, epoch, held, unrun } => {
                self.told_of_cede(game, Cession { to, epoch, held, unrun }, out);
            }
            // For edges.
            Control::MoveSoon { .. } | Control::Moved { .. } => {}
            Control::Unreachable { member } => {
                if member != self.me.id {
                    self.refused.entry(member).or_default().insert(from);
                    self.members_changed = true;
                }
            }
            Control::Reachable { member } => {
                if let Some(by) = self.refused.get_mut(&member) {
                    by.remove(&from);
                    self.members_changed = true;
                }
            }
        }
    }

    fn call(&mut self, call: Call, request: Request, out: &mut Vec<Effect>) {
        self.next_call += 1;
        let id = CallId(self.next_call);
        self.calls.insert(id, call);
        out.push(Effect::Call(id, request));
    }

    fn salt(&mut self) -> u16 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.random) as u16
    }

    /// Facts changed that may concern any game.
    fn look_again(&mut self) {
        (self.look_for_claims, self.look_for_moves) = (true, true);
    }

    fn wake_at(&mut self, at: Time) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn note_epochs(&mut self, reply: &Result<Reply, RegistryError>) {
        let highest = match reply {
            Ok(Reply::Granted { epoch }) => Some(*epoch),
            Ok(Reply::Game(record) | Reply::Stale(record) | Reply::Claimed { record, .. }) => {
                Some(record.epoch)
            }
            Ok(Reply::Games(records)) => records.iter().map(|record| record.epoch).max(),
            _ => None,
        };
        self.highest = self.highest.max(highest.unwrap_or_default());
    }

    /// A world that came from a peer: how many are in it is not sent along, and stays as last stored until the next one is.
    fn sent_world(&self, game: GameId, (epoch, tick): (Epoch, Tick), world: Bytes) -> Snapshot {
        let (players, bots) = self.view.game(game).map_or((0, 0), |record| (record.players, record.bots));
        Snapshot { epoch, tick, players, bots, world }
    }

    /// When [`Event::Wake`] is wanted next.
    pub fn next_wake(&self) -> Option<Time> {
        self.wake
    }

    /// This member's id.
    pub fn id(&self) -> MemberId {
        self.me.id
    }

    /// What this member says about itself at the next renewal.
    pub fn record(&self) -> &MemberRecord {
        &self.me
    }

    /// The games that this member owns, with their epochs; not those that have gone to another already.
    pub fn owned(&self) -> impl Iterator<Item = (GameId, Epoch)> + '_ {
        self.owned
            .iter()
            .filter(|(_, owned)| !owned.phase.is_over())
            .map(|(game, owned)| (*game, owned.epoch))
    }

    /// All members as of the last poll, this one included, in order of id.
    pub fn members(&self) -> impl Iterator<Item = &MemberRecord> {
        self.view.members.values()
    }

    /// The lease of that member lives, as far as this member has watched it, and no later start of its container is known.
    pub fn is_living(&self, member: MemberId) -> bool {
        self.view.members.get(&member).is_some_and(|record| self.lives(record))
    }

    /// All games as of the last poll, in order of id.
    pub fn games(&self) -> impl Iterator<Item = &GameRecord> {
        self.view.games()
    }

    /// Who owns a game, as far as this member knows.
    pub fn owner_of(&self, game: GameId) -> Option<(MemberId, Epoch)> {
        match self.owned.get(&game).filter(|owned| !owned.phase.is_over()) {
            Some(owned) => Some((self.me.id, owned.epoch)),
            None => self.ceded_to(game).or_else(|| {
                let record = self.view.game(game)?;
                self.promised_to(record).or_else(|| Some((record.owner?, record.epoch)))
            }),
        }
    }

    /// Whether a link to that member stands.
    pub fn is_linked(&self, member: MemberId) -> bool {
        self.links.contains(&member)
    }

    /// Joined and linked with the living; stays true while draining.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// [`Event::Terminate`] came.
    pub fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// [`Event::Terminate`] came, and no game is left.
    pub fn is_drained(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.told)
    }

    /// Nobody can have replaced this member yet: it may call things durable.
    pub fn lease_valid(&self, now: Time) -> bool {
        self.lease.valid(now)
    }

    /// The registry has not answered a renewal for as long as a lease.
    pub fn registry_away(&self, now: Time) -> bool {
        !self.lease.valid(now)
    }

    /// Revision that games should move to, as far as this member knows.
    pub fn target_revision(&self) -> String {
        self.placed.target.clone()
    }

    /// Rules version of a game that is created here now: one that all living members step, as far as there is one, and this
    /// one in any case.
    pub fn rules_for_new_games(&self) -> u16 {
        let published = self.view.published_rules();
        let own = (self.me.rules_min, self.me.rules_max);
        let others = self.placed.members.iter().map(|member| (member.rules_min, member.rules_max));
        let all = crate::placement::rules_for_new_games(published, others.chain([own]));
        all.unwrap_or(published).clamp(own.0, own.1)
    }

    fn steps(&self, rules: u16) -> bool {
        (self.me.rules_min..=self.me.rules_max).contains(&rules)
    }
}

impl Time {
    /// So many microseconds later.
    pub fn plus(self, micros: u64) -> Time {
        Time(self.0.saturating_add(micros))
    }

    /// Microseconds since an earlier time; 0 if it is not earlier.
    pub fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
