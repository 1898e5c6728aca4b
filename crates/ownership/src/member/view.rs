//! What the registry said last about members and games, and how long each member's renewals have stood still.
//!
//! What goes wrong without: a Redis that returns after a minute makes everybody claim everybody's games. A lease has
//! lapsed here only when this member itself has seen its counter stand still while the same Redis answered all the time.

use super::{Call, Member};
use crate::{Effect, Time};
use protocol::{Epoch, GameId, MemberId};
use registry::{ClusterRecord, GameRecord, Hint, MemberRecord, RegistryError, Reply, Request};
use std::collections::{BTreeMap, BTreeSet};

/// One member's renewal counter, watched.
#[derive(Debug)]
struct Watch {
    /// None: the registry does not know the member.
    renewals: Option<u64>,
    since: Time,
    expired: bool,
}

#[derive(Debug)]
pub(super) struct View {
    pub(super) members: BTreeMap<MemberId, MemberRecord>,
    cluster: ClusterRecord,
    /// When the operator's beat was first seen to be what it is, and whether it has stood still for too long.
    beat_since: Time,
    beat_stopped: bool,
    nobody: ClusterRecord,
    run_id: String,
    watches: BTreeMap<MemberId, Watch>,
    /// When the newest answered poll of members was sent; none after one that failed.
    members_sent: Option<Time>,
    games: BTreeMap<GameId, (GameRecord, Time)>,
    games_known: bool,
    next_poll: Time,
    polling_members: bool,
    polling_games: bool,
    /// A hint came while the poll of members was under way: its answer may be older.
    members_again: bool,
    /// As above, of games.
    games_again: bool,
    /// Games asked for one by one; true where a hint came meanwhile.
    asked: BTreeMap<GameId, bool>,
    /// Games that an edge wants to know about.
    wanted: BTreeSet<GameId>,
}

impl View {
    pub(super) fn new(now: Time) -> View {
        View {
            members: BTreeMap::new(),
            cluster: ClusterRecord::default(),
            beat_since: now,
            beat_stopped: false,
            nobody: ClusterRecord::default(),
            run_id: String::new(),
            watches: BTreeMap::new(),
            members_sent: None,
            games: BTreeMap::new(),
            games_known: false,
            next_poll: now,
            polling_members: false,
            polling_games: false,
            members_again: false,
            games_again: false,
            asked: BTreeMap::new(),
            wanted: BTreeSet::new(),
        }
    }

    pub(super) fn game(&self, game: GameId) -> Option<&GameRecord> {
        self.games.get(&game).map(|(record, _)| record)
    }

    /// The registry is known to name that owner by now, before the record is read again.
    pub(super) fn note_owner(&mut self, game: GameId, owner: Option<MemberId>, epoch: Epoch) {
        if let Some((record, _)) = self.games.get_mut(&game).filter(|(record, _)| record.epoch < epoch) {
            (record.base, record.epoch, record.owner, record.next) = (record.epoch, epoch, owner, None);
        }
    }

    pub(super) fn games(&self) -> impl Iterator<Item = &GameRecord> {
        self.games.values().map(|(record, _)| record)
    }

    pub(super) fn games_known(&self) -> bool {
        self.games_known
    }

    /// What the operator has published, as long as it goes on saying so: a target revision that nobody vouches for may be
    /// the old one of a rollout.
    pub(super) fn published(&self) -> &ClusterRecord {
        if self.beat_stopped { &self.nobody } else { &self.cluster }
    }

    /// As with leases: on this member's own clock, while the same registry answered all the time.
    fn watch_beat(&mut self, now: Time, sent: Time, cluster: ClusterRecord, unbroken: bool, quiet_us: u64) {
        if !unbroken || cluster.beat != self.cluster.beat {
            (self.beat_since, self.beat_stopped) = (now, false);
        } else {
            self.beat_stopped = sent >= self.beat_since.plus(quiet_us);
        }
        self.cluster = cluster;
    }

    fn unbroken(&self, sent: Time, run_id: &str, gap_us: u64) -> bool {
        self.run_id == run_id && self.members_sent.is_some_and(|last| sent.since(last) <= gap_us)
    }

    /// The lease of that member has lapsed, as this member has watched itself.
    pub(super) fn expired(&self, member: MemberId) -> bool {
        self.watches.get(&member).is_some_and(|watch| watch.expired)
    }

    /// The list of members was answered not longer than so many microseconds ago.
    pub(super) fn fresh(&self, now: Time, micros: u64) -> bool {
        self.members_sent.is_some_and(|sent| now.since(sent) < micros)
    }

    fn watch_all(&mut self, now: Time, sent: Time, run_id: String, quiet_us: u64, unbroken: bool) {
        if !unbroken {
            self.watches.clear();
        }
        self.run_id = run_id;
        self.members_sent = Some(sent);
        let owners = self.games.values().filter_map(|(record, _)| record.owner);
        let watched: BTreeSet<MemberId> = owners.chain(self.members.keys().copied()).collect();
        self.watches.retain(|member, _| watched.contains(member));
        for member in watched {
            let renewals = self.members.get(&member).map(|record| record.renewals);
            match self.watches.get_mut(&member).filter(|watch| watch.renewals == renewals) {
                // Counted from when the number was first seen to when the question was sent that it still answers.
                Some(watch) => watch.expired = sent >= watch.since.plus(quiet_us),
                None => {
                    self.watches.insert(member, Watch { renewals, since: now, expired: false });
                }
            }
        }
    }
}

impl Member {
    pub(super) fn keep_view(&mut self, now: Time, out: &mut Vec<Effect>) {
        if now >= self.view.next_poll {
            self.view.next_poll = now.plus(self.settings.poll_us);
            self.poll_members(now, out);
            self.poll_games(now, out);
        }
        if self.view.members_again && !self.view.polling_members {
            self.poll_members(now, out);
        }
        if self.view.games_again && !self.view.polling_games {
            self.poll_games(now, out);
        }
        self.wake_at(self.view.next_poll);
    }

    fn poll_members(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.view.polling_members {
            self.view.polling_members = true;
            self.view.members_again = false;
            self.call(Call::Members { sent: now }, Request::Members, out);
        }
    }

    fn poll_games(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.view.polling_games {
            self.view.polling_games = true;
            self.view.games_again = false;
            self.call(Call::Games { sent: now }, Request::Games, out);
        }
    }

    pub(super) fn hinted(&mut self, hint: Hint, out: &mut Vec<Effect>) {
        match hint {
            Hint::Members => self.view.members_again = true,
            Hint::Game(game) => self.ask_for(game, out),
            Hint::Lost => (self.view.members_again, self.view.games_again) = (true, true),
        }
    }

    /// Reads one game's record now.
    pub(super) fn ask_for(&mut self, game: GameId, out: &mut Vec<Effect>) {
        match self.view.asked.get_mut(&game) {
            Some(again) => *again = true,
            None => {
                self.view.asked.insert(game, false);
                self.call(Call::Game { game }, Request::Game(game), out);
            }
        }
    }

    /// As [`Member::ask_for`], where an answer that is under way is new enough.
    pub(super) fn ask_for_once(&mut self, game: GameId, out: &mut Vec<Effect>) {
        if !self.view.asked.contains_key(&game) {
            self.ask_for(game, out);
        }
    }

    pub(super) fn look_up(&mut self, game: GameId, out: &mut Vec<Effect>) {
        self.view.wanted.insert(game);
        self.ask_for(game, out);
    }

    pub(super) fn members_came(&mut self, now: Time, sent: Time, reply: Result<Reply, RegistryError>) {
        self.view.polling_members = false;
        self.look_again();
        let Ok(Reply::Members { run_id, members, cluster }) = reply else {
            self.view.members_sent = None;
            return;
        };
        self.buried.clear();
        self.view.members = members.into_iter().map(|record| (record.id, record)).collect();
        let unbroken = self.view.unbroken(sent, &run_id, self.settings.lease_us / 2);
        self.view.watch_beat(now, sent, cluster, unbroken, self.settings.beat_us);
        let quiet = self.settings.lease_us + self.settings.margin_us;
        self.view.watch_all(now, sent, run_id, quiet, unbroken);
        let known = &self.view.members;
        self.refused.retain(|member, _| known.contains_key(member));
    }

    pub(super) fn games_came(
        &mut self,
        now: Time,
        sent: Time,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        self.view.polling_games = false;
        self.look_again();
        let Ok(Reply::Games(records)) = reply else { return };
        self.view.games_known = true;
        let named: BTreeSet<GameId> = records.iter().map(|record| record.id).collect();
        for record in records {
            self.learn(sent, record, out);
        }
        // What was learned after the question was sent may be newer than its answer.
        let gone: Vec<GameId> = self
            .view
            .games
            .iter()
            .filter(|(id, (_, seen))| !named.contains(id) && *seen < sent)
            .map(|(id, _)| *id)
            .collect();
        for game in gone {
            self.forget(game, out);
        }
        let _ = now;
    }

    pub(super) fn game_came(
        &mut self,
        now: Time,
        game: GameId,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        self.look_again();
        match reply {
            Ok(Reply::Game(record)) => self.learn(now, record, out),
            Ok(Reply::Gone) => self.forget(game, out),
            _ => {}
        }
        if self.view.wanted.remove(&game) {
            out.push(Effect::OwnerOf(game, self.owner_of(game)));
        }
        if self.view.asked.remove(&game) == Some(true) {
            self.ask_for(game, out);
        }
    }

    /// Takes a record in, wherever it came from: a lower epoch is an older answer.
    pub(super) fn learn(&mut self, seen: Time, record: GameRecord, out: &mut Vec<Effect>) {
        self.view_only(seen, record.clone(), out);
        self.fenced_by(&record, out);
    }

    /// As [`Member::learn`], for an answer that its receiver acts on by itself.
    pub(super) fn view_only(&mut self, seen: Time, record: GameRecord, out: &mut Vec<Effect>) {
        let known = self.view.game(record.id);
        if known.is_some_and(|known| known.epoch > record.epoch) {
            return;
        }
        if known.map(|known| (known.owner, known.epoch)) != Some((record.owner, record.epoch)) {
            out.push(Effect::OwnerOf(record.id, record.owner.map(|owner| (owner, record.epoch))));
        }
        self.highest = self.highest.max(record.epoch);
        let promise = self.promises.get(&record.id);
        if record.owner != Some(self.me.id) && promise.is_some_and(|promise| record.epoch > promise.epoch) {
            self.promises.remove(&record.id);
        }
        self.look_again();
        self.view.games.insert(record.id, (record, seen));
    }

    pub(super) fn forget(&mut self, game: GameId, out: &mut Vec<Effect>) {
        self.promises.remove(&game);
        if self.view.games.remove(&game).is_some() && !self.owned.contains_key(&game) {
            out.push(Effect::OwnerOf(game, None));
        }
    }
}
