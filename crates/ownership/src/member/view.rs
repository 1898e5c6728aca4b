//! What the registry said last about members and games, and how long each member's renewals have stood still.
//!
//! What goes wrong without: a Redis that returns after a minute makes everybody claim everybody's games. A lease has
//! lapsed here only when this member itself has seen its counter stand still while the same Redis answered all the time.

use super::{Call, Member};
use crate::{Effect, Time};
use protocol::{Epoch, GameId, MemberId};
use registry::{ClusterRecord, GameRecord, Hint, MemberRecord, Reason, RegistryError, Reply, Request};
use std::collections::{BTreeMap, BTreeSet};

/// Between two listings there are so many microseconds for each game.
const POLL_GAME_US: u64 = 1_000;

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
    pub(super) run_id: String,
    /// When it was first heard that the registry is another one than before: it may have less than it had.
    pub(super) lost_at: Time,
    /// Since when its answers have followed each other without a break.
    pub(super) answers_since: Time,
    /// It has become another one since this member began.
    pub(super) is_another: bool,
    watches: BTreeMap<MemberId, Watch>,
    /// When the newest answered poll of members was sent; none after one that failed.
    members_sent: Option<Time>,
    games: BTreeMap<GameId, (GameRecord, Time)>,
    by_owner: BTreeMap<Option<MemberId>, BTreeSet<GameId>>,
    /// Games that are assigned to somebody as a move, and those whose owner is dead on the operator's word.
    pub(super) assigned: BTreeSet<GameId>,
    pub(super) dead_word: BTreeSet<GameId>,
    /// Games whose records have changed, or which this member has ceased to own, since claims were looked for.
    pub(super) changed: BTreeSet<GameId>,
    games_known: bool,
    next_poll: Time,
    next_games: Time,
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
            lost_at: now,
            answers_since: now,
            is_another: false,
            watches: BTreeMap::new(),
            members_sent: None,
            games: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            assigned: BTreeSet::new(),
            dead_word: BTreeSet::new(),
            changed: BTreeSet::new(),
            games_known: false,
            next_poll: now,
            next_games: now,
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

    /// Its record was read after that, or is gone, and no answer about it is under way.
    pub(super) fn was_read_since(&self, game: GameId, at: Time) -> bool {
        self.games.get(&game).is_none_or(|(_, seen)| *seen > at) && !self.asked.contains_key(&game)
    }

    /// The registry is known to name that owner by now, before the record is read again.
    pub(super) fn note_owner(&mut self, game: GameId, owner: Option<MemberId>, epoch: Epoch) {
        let known = self.games.get(&game).filter(|(record, _)| record.epoch < epoch).cloned();
        if let Some((record, seen)) = known {
            self.put(GameRecord { base: record.epoch, epoch, owner, next: None, ..record }, seen);
        }
    }

    pub(super) fn games(&self) -> impl Iterator<Item = &GameRecord> {
        self.games.values().map(|(record, _)| record)
    }

    /// Who owns games; none stands for those that are parked.
    pub(super) fn owners(&self) -> impl Iterator<Item = Option<MemberId>> {
        self.by_owner.keys().copied()
    }

    pub(super) fn games_of(&self, owner: Option<MemberId>) -> impl Iterator<Item = GameId> {
        self.by_owner.get(&owner).into_iter().flatten().copied()
    }

    fn put(&mut self, record: GameRecord, seen: Time) {
        let id = record.id;
        self.take(id);
        self.by_owner.entry(record.owner).or_default().insert(id);
        match &record.next {
            Some((_, Reason::Move)) => drop(self.assigned.insert(id)),
            Some((_, Reason::Dead(_))) => drop(self.dead_word.insert(id)),
            None => {}
        }
        self.changed.insert(id);
        self.games.insert(id, (record, seen));
    }

    fn take(&mut self, game: GameId) -> bool {
        let Some((record, _)) = self.games.remove(&game) else { return false };
        if let Some(games) = self.by_owner.get_mut(&record.owner) {
            games.remove(&game);
            if games.is_empty() {
                self.by_owner.remove(&record.owner);
            }
        }
        self.assigned.remove(&game);
        self.dead_word.remove(&game);
        self.changed.insert(game);
        true
    }

    /// All that was read may be lost.
    pub(super) fn read_again(&mut self, now: Time) {
        self.is_another |= !self.run_id.is_empty();
        self.games_known = false;
        (self.lost_at, self.games_again, self.next_games) = (now, true, now);
    }

    pub(super) fn games_known(&self) -> bool {
        self.games_known
    }

    /// What the operator has published, as long as it goes on saying so: a target revision that nobody vouches for may be
    /// the old one of a rollout.
    pub(super) fn published(&self) -> &ClusterRecord {
        if self.beat_stopped { &self.nobody } else { &self.cluster }
    }

    /// What the operator has said last of the rules of new games, whether or not it still says so: an old version is one that
    /// games can still be run under. 0: nothing.
    pub(super) fn published_rules(&self) -> u16 {
        self.cluster.rules
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

    /// When the question was sent that was answered last with all members; none while it fails.
    pub(super) fn members_sent(&self) -> Option<Time> {
        self.members_sent
    }

    /// The list of members was answered not longer than so many microseconds ago.
    pub(super) fn fresh(&self, now: Time, micros: u64) -> bool {
        self.members_sent.is_some_and(|sent| now.since(sent) < micros)
    }

    /// `others`: are watched as owners are.
    fn watch_all(
        &mut self,
        now: Time,
        sent: Time,
        run_id: String,
        (quiet_us, unbroken): (u64, bool),
        others: impl Iterator<Item = MemberId>,
    ) {
        if !unbroken {
            self.watches.clear();
            self.answers_since = now;
        }
        self.run_id = run_id;
        self.members_sent = Some(sent);
        let owners = self.by_owner.keys().flatten().copied();
        let watched: BTreeSet<MemberId> = owners.chain(self.members.keys().copied()).chain(others).collect();
        // Who was proven dead stays so when it has been struck off the list, whoever speaks of it later.
        self.watches.retain(|member, watch| watch.expired || watched.contains(member));
        for member in watched {
            let renewals = self.members.get(&member).map(|record| record.renewals);
            // One that was struck off the list has not renewed either.
            let same = |watch: &&mut Watch| renewals.is_none() || watch.renewals == renewals;
            match self.watches.get_mut(&member).filter(same) {
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
        }
        if now >= self.view.next_games {
            // A listing costs as much as there are games: the poll finds what hints did not say, and need not be soon.
            let all = if self.is_settled() { POLL_GAME_US * self.view.games.len() as u64 } else { 0 };
            self.view.next_games = now.plus(self.settings.poll_us.max(all));
            self.poll_games(now, out);
        }
        if self.view.members_again && !self.view.polling_members {
            self.poll_members(now, out);
        }
        if self.view.games_again && !self.view.polling_games {
            self.poll_games(now, out);
        }
        self.wake_at(self.view.next_poll.min(self.view.next_games));
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

    /// As [`Member::ask_for`], where a question that is under way is not waited for: it may be lost.
    pub(super) fn ask_anew(&mut self, game: GameId, out: &mut Vec<Effect>) {
        self.view.asked.remove(&game);
        self.ask_for(game, out);
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
        self.members_changed = true;
        let Ok(Reply::Members { run_id, members, cluster }) = reply else {
            self.view.members_sent = None;
            return;
        };
        self.buried.clear();
        self.view.members = members.into_iter().map(|record| (record.id, record)).collect();
        if self.view.run_id != run_id {
            self.lost_something(now);
        }
        let unbroken = self.view.unbroken(sent, &run_id, self.settings.lease_us / 2);
        self.view.watch_beat(now, sent, cluster, unbroken, self.settings.beat_us);
        let quiet = self.settings.lease_us + self.settings.margin_us;
        // Struck off the list by somebody who does not know, such a one would be waited for for ever.
        let waited_for = self.cessions.values().map(|cession| cession.to);
        let waited_for = waited_for.chain(self.promises.values().map(|promise| promise.to));
        let waited_for = waited_for.chain(self.owned.iter().filter_map(|(_, owned)| owned.target()));
        self.view.watch_all(now, sent, run_id, (quiet, unbroken), waited_for);
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
        let Ok(Reply::Games(records)) = reply else { return };
        // What another registry has said before is nothing to claim from.
        self.view.games_known |= sent >= self.view.lost_at;
        let listed: BTreeMap<GameId, Epoch> =
            records.iter().map(|record| (record.id, record.epoch)).collect();
        self.settle_with(now, sent, &listed);
        for record in records {
            self.learn(sent, record, out);
        }
        // What was learned after the question was sent may be newer than its answer.
        let gone: Vec<GameId> = self
            .view
            .games
            .iter()
            .filter(|(id, (_, seen))| !listed.contains_key(id) && *seen < sent)
            .map(|(id, _)| *id)
            .collect();
        for game in gone {
            self.forget(game, out);
        }
    }

    pub(super) fn game_came(
        &mut self,
        now: Time,
        game: GameId,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        match reply {
            Ok(Reply::Game(record)) => self.learn(now, record, out),
            Ok(Reply::Gone) => self.forget(game, out),
            _ => {}
        }
        if self.view.wanted.remove(&game) {
            out.push(Effect::OwnerOf(game, self.owner_of(game)));
            if self.view.game(game).is_some_and(|record| record.quarantined) {
                out.push(Effect::Quarantined(game));
            }
        }
        if self.view.asked.remove(&game) == Some(true) {
            self.ask_for(game, out);
        }
    }

    /// Takes a record in, wherever it came from: a lower epoch is an older answer.
    pub(super) fn learn(&mut self, seen: Time, record: GameRecord, out: &mut Vec<Effect>) {
        if self.owned.contains_key(&record.id) {
            self.view_only(seen, record.clone(), out);
            self.failure_told(seen, &record);
            self.fenced_by(&record, out);
        } else {
            self.view_only(seen, record, out);
        }
    }

    /// As [`Member::learn`], for an answer that its receiver acts on by itself.
    pub(super) fn view_only(&mut self, seen: Time, record: GameRecord, out: &mut Vec<Effect>) {
        let held = |record: &GameRecord| (record.owner, record.epoch, record.next.clone());
        let known = self.view.games.get(&record.id);
        if known.is_some_and(|(known, _)| known.epoch > record.epoch) && !self.is_lost(seen, record.id) {
            return;
        }
        match self.view.games.get_mut(&record.id) {
            // Nothing that anything is decided by.
            Some((known, when)) if held(known) == held(&record) => {
                (*known, *when) = (record, seen);
                return;
            }
            _ => {}
        }
        let known = self.view.game(record.id);
        let news = known.map(|known| (known.owner, known.epoch)) != Some((record.owner, record.epoch));
        if !self.is_behind_cede(&record) && self.promised_to(&record).is_none() && news {
            out.push(Effect::OwnerOf(record.id, record.owner.map(|owner| (owner, record.epoch))));
        }
        if news && record.quarantined {
            out.push(Effect::Quarantined(record.id));
        }
        self.highest = self.highest.max(record.epoch);
        if self.promises.get(&record.id).is_some_and(|promise| promise.is_void(&record, self.me.id)) {
            self.promises.remove(&record.id);
        }
        let id = record.id;
        self.view.put(record, seen);
        self.put_on_board(id);
        if self.owned.contains_key(&id) {
            self.to_move.insert(id);
        }
    }

    /// The registry is another one since the record of that game was read, and nobody puts it back: its owner is gone, or lives
    /// and has put back all that it had, as have all others. Such an owner has lost the world, or never had it.
    fn is_lost(&self, seen: Time, game: GameId) -> bool {
        let since = self.view.lost_at;
        let Some((known, read)) = self.view.games.get(&game).filter(|_| !self.owned.contains_key(&game))
        else {
            return false;
        };
        let puts_back = |owner| {
            owner != self.me.id && self.gone(seen, owner).is_none() && !self.has_put_back(seen, owner)
        };
        *read < since && seen >= since && !known.owner.is_some_and(puts_back)
    }

    pub(super) fn forget(&mut self, game: GameId, out: &mut Vec<Effect>) {
        self.promises.remove(&game);
        if self.ceded_to(game).is_some() {
            self.cessions.remove(&game);
        }
        let known = self.view.take(game);
        self.put_on_board(game);
        if known && !self.owned.contains_key(&game) {
            out.push(Effect::OwnerOf(game, None));
        }
    }
}
