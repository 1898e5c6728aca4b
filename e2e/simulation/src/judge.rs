//! What is judged about a whole cluster: that games are served, that members leave in time and not too soon, how often a
//! game moves, and how a run ends.

use crate::cluster::{Action, Cluster, TICK};
use crate::hub::{Hub, Own};
use crate::oracle::fence;
use crate::plan::{Kind, Operator};
use crate::server::{Server, short};
use ownership::ring::KEYFRAME_TICKS;
use protocol::{Epoch, GameId, MemberId};
use registry::Request;
use std::collections::BTreeMap;

/// Without faults a player is shown a tick at least so often, microseconds.
const CALM_GAP_US: u64 = 100_000;
/// As above, where messages are late.
const GENTLE_GAP_US: u64 = 300_000;
/// Two ticks of a game that moves are at most so far apart, besides what faults explain.
const PAUSE_US: u64 = 80_000;
/// The last pause and the last outage end within so long after the last fault began.
const SETTLED_US: u64 = 6_500_000;
/// Longest that a game may be without a running owner then.
const UNSERVED_US: u64 = 4_500_000;
/// Where all is well an input is applied, and shown to be, within so long.
const APPLIED_WITHIN_US: u64 = 500_000;
/// A run in which all has been well for so long after the last fault is over.
const WELL_US: u64 = 800_000;
/// A game that was claimed is remembered for so long.
const REMEMBERED_US: u64 = 2_500_000;
/// A link that may stand again does, and has brought what was missing, so long after.
const LINKED_AGAIN_US: u64 = 700_000;
/// An edge that reaches the registry again has learned who owns its games so long after.
const LOOKED_UP_US: u64 = 1_000_000;
/// Nobody was in reach to take a game, so that it was parked: whoever comes claims it within so long.
const PARKED_US: u64 = 4_000_000;
/// A member that reaches the registry again has read who owns its games so long after.
const READ_US: u64 = 500_000;
/// A leaving member has moved its games so long after the registry could be reached again.
const LEAVES_WITHIN_US: u64 = 4_000_000;
/// Links that have stood for so long were there when a leaving member looked for somebody to cede its games to.
const LINKED_US: u64 = 1_500_000;
/// A claim rests on a list of members that was asked for at most so long before: half a lease.
const EVIDENCE_US: u64 = 1_000_000;

/// A member that is cut off from all others finds that out, and leaves its games to them, within so long: half a second
/// without links, a renewal of each of the others, and a few calls that are lost; or a lease that lapses.
const CUT_OFF_US: u64 = 3_500_000;

impl Cluster {
    /// The server that the registry names runs the game, under that epoch.
    pub fn is_served(&mut self, game: GameId) -> bool {
        let Some(record) = self.record(game) else { return false };
        let owner = record.owner.and_then(|owner| self.servers.get(&owner)).filter(|server| server.alive);
        let own = owner.and_then(|server| server.hubs.get(&game)).and_then(|hub| hub.own.as_ref());
        own.is_some_and(|Own { epoch, frozen, .. }| *epoch == record.epoch && !frozen)
    }

    /// Once the last pause and outage are over, no game stays without a running owner for longer than a lease, a claim and
    /// those who step in take. Says whether everything is well.
    pub fn judge_service(&mut self) {
        let settled = self.plan.faults_until + SETTLED_US;
        let now = self.now;
        let mut well = true;
        for game in self.games.clone() {
            // Who does not reach the registry cannot take a game, nor watch its owner's lease.
            let ready = self.servers.values().any(|server| {
                server.alive
                    && !server.terminating
                    && server.member.is_ready()
                    && !server.paused(now)
                    && now >= server.blind_until.max(self.away_until)
            });
            let served = self.is_served(game) || self.is_quarantined(game) || self.is_gone(game);
            well &= served;
            // Whom the registry names lives, and has not heard of it.
            let owner = self.record(game).and_then(|record| record.owner);
            let unheard = owner.and_then(|owner| self.servers.get(&owner));
            let unheard = unheard.is_some_and(|owner| owner.alive && now < owner.blind_until);
            if !ready || served || unheard || self.runs_ceded(game).is_some() {
                self.served_at.insert(game, now);
            }
            let since = self.served_at.get(&game).copied().unwrap_or(0);
            if now > settled && now - since > UNSERVED_US {
                let record = self.record(game);
                self.oracle.fail(format!("liveness: nobody has run {game} since {since}: {record:?}"));
            }
        }
        let back = self.plan.all_leave.map_or(0, |(_, back)| back + TICK * 100);
        let restless = self.servers.values().any(|server| {
            server.alive && (server.terminating || server.paused(now) || !server.member.is_ready())
        });
        let unseen = self
            .clients
            .iter()
            .filter(|client| !self.is_spared(client.game))
            .any(|client| now - client.shown_at > 100_000 || client.lines.len() != 1);
        if !well
            || restless
            || unseen
            || !self.rolled
            || now < self.plan.faults_until.max(back).max(self.outage_until)
        {
            self.well_since = now;
        }
        self.ended |= now - self.well_since >= WELL_US;
    }

    /// Faults have been over for long enough: every game runs, and every player sees it.
    pub fn judge_the_end(&mut self) {
        let alive = self.servers.values().filter(|server| server.alive && !server.terminating).count();
        if alive == 0 {
            return;
        }
        for game in self.games.clone() {
            if !self.is_served(game) && !self.is_quarantined(game) && !self.is_gone(game) {
                let record = self.record(game);
                self.oracle.fail(format!("liveness: nobody runs {game} at the end: {record:?}"));
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            if self.is_spared(client.game) {
                continue;
            }
            if self.now - client.shown_at > 200_000 {
                let servers: Vec<String> = client.lines.iter().map(|line| short(line.server)).collect();
                let sentence = format!(
                    "liveness: player {index} on {servers:?} was shown nothing since {}, last {:?}",
                    client.shown_at, client.shown
                );
                self.oracle.fail(sentence);
                break;
            }
            let unapplied = client.unapplied(self.now.saturating_sub(APPLIED_WITHIN_US));
            if unapplied > 0 {
                self.oracle.fail(format!(
                    "promise 4: {unapplied} inputs of player {index} were never applied, though all has been well for long"
                ));
                break;
            }
        }
        self.judge_rollout();
    }

    /// A game was given to another member by a planned move.
    pub fn judge_move(&mut self, game: GameId, to: MemberId) {
        self.of_kind().moves += 1;
        let Some(revision) = self.servers.get(&to).map(|server| server.revision) else { return };
        let times = self.moved.entry((game, revision)).or_default();
        *times += 1;
        let (times, twice) = (*times, *times > 1);
        let undone = self.undone_at.is_some();
        if self.plan.kind == Kind::Calm && (twice || revision != "v2" && !undone) {
            self.oracle
                .fail(format!("promise 6: {game} moves to {revision} for the {times}. time in a rollout"));
        }
    }

    /// At the end of a rollout that nothing disturbed every game has moved once, to the new revision, and the load is even.
    fn judge_rollout(&mut self) {
        if self.plan.kind != Kind::Calm || self.undone_at.is_some() {
            return;
        }
        for game in self.games.clone() {
            if self.moved.get(&(game, "v2")).copied().unwrap_or(0) != 1 {
                self.oracle.fail(format!("promise 6: {game} did not move to v2 in a whole rollout"));
            }
        }
        if self.plan.operator == Operator::Always {
            let loads = self.servers.values().filter(|server| server.alive);
            let loads: Vec<usize> =
                loads.map(|server| server.hubs.values().filter(|hub| hub.own.is_some()).count()).collect();
            let (least, most) = (loads.iter().min().copied(), loads.iter().max().copied());
            if let (Some(least), Some(most)) = (least, most)
                && most - least > 1
            {
                self.oracle.fail(format!("promise 6: the load is uneven after a rollout: {loads:?}"));
            }
        }
    }

    /// A leaving member ends by itself: nothing may be on its way to it.
    pub fn judge_exit(&mut self, id: MemberId) {
        for game in self.games.clone().into_iter().filter(|game| !self.is_spared(*game)).collect::<Vec<_>>() {
            let Some(record) = self.record(game).filter(|record| record.owner == Some(id)) else { continue };
            let elsewhere = self.exposed.contains(&game);
            if elsewhere || self.runs_ceded(game).is_some_and(|other| other != id) {
                continue;
            }
            // Carried out after its sender gave it up, or while the registry could not be reached: the one who leaves cannot
            // have known.
            let unread = self.servers.get(&id).map_or(0, |server| server.blind_until);
            let unread = unread.max(self.away_until).max(self.slow_until);
            if self.given_late.contains(&(game, record.epoch)) || self.now < unread + READ_US {
                self.orphans.insert(game);
            } else {
                self.oracle.fail(format!(
                    "promise 5: {} exits while the registry names it as the owner of {game} under {}",
                    short(id),
                    record.epoch
                ));
            }
        }
    }

    /// A leaving member is killed at the end of its grace.
    pub fn judge_late_leaver(&mut self, id: MemberId) {
        let away = self.now < self.outage_until + LEAVES_WITHIN_US;
        let excused = away && !self.could_cede(id);
        for game in self.games.clone() {
            let named = self.record(game).is_some_and(|record| record.owner == Some(id));
            let named = named && !self.exposed.contains(&game);
            // Whoever runs what was ceded to it owns it, whomever the registry names.
            let owns = self.runs_ceded(game).map_or(named, |owner| owner == id);
            let (holds, ticks) = self.runs(id, game);
            if self.is_spared(game) || !owns && !holds || !owns && !ticks && !away {
                continue;
            }
            // What it was given unheard, and could not claim, stands still; so does what it has moved to one that is gone now and
            // has not said whether it runs it.
            if excused || away && !ticks {
                self.orphans.insert(game);
                let until = self.outage_until.max(self.now) + PARKED_US;
                *self.excuses.entry(game).or_default() += until - self.now;
            } else if self.plan.misses_nothing() {
                self.oracle.fail(format!(
                    "promise 10: {} is killed at the end of its grace and still owns {game}",
                    short(id)
                ));
            }
        }
    }

    /// The server that runs the game, though the registry does not know.
    fn runs_ceded(&self, game: GameId) -> Option<MemberId> {
        let runs = |server: &&Server| {
            let own = server.hubs.get(&game).and_then(|hub| hub.own.as_ref());
            server.alive && own.is_some_and(|own| own.provisional)
        };
        self.servers
            .values()
            .filter(runs)
            .max_by_key(|server| self.epoch_on(server.id, game))
            .map(|server| server.id)
    }

    /// Holds its world; and ticks it.
    fn runs(&self, id: MemberId, game: GameId) -> (bool, bool) {
        let hub = self.servers.get(&id).and_then(|server| server.hubs.get(&game));
        let own = hub.and_then(|hub| hub.own.as_ref());
        (own.is_some(), own.is_some_and(|own| !own.frozen))
    }

    /// Under which epoch that server runs the game, whatever the registry knows.
    pub fn epoch_on(&self, id: MemberId, game: GameId) -> Option<Epoch> {
        self.servers.get(&id)?.hubs.get(&game)?.own.as_ref().map(|own| own.epoch)
    }

    /// The one that leaves has not reached the registry for the whole end of its grace, but others that stay.
    fn could_cede(&self, id: MemberId) -> bool {
        let now = self.now;
        let Some(server) = self.servers.get(&id) else { return false };
        let away = now < server.blind_until.max(self.away_until);
        let linked = server.links_broke.is_none_or(|at| now > at + LINKED_US);
        let stays = |peer: &MemberId| {
            self.servers.get(peer).is_some_and(|peer| {
                !peer.terminating
                    && peer.member.is_ready()
                    && peer.links_broke.is_none_or(|at| now > at + LINKED_US)
            })
        };
        away && linked && self.links_of(id).iter().any(stays)
    }

    /// A request leaves a member: it may hold no write under an epoch that the registry has refused it, and no claim
    /// without evidence.
    pub fn judge_call(&mut self, id: MemberId, request: &Request) {
        let now = self.now;
        // A fresh epoch may be asked for all the same: what it meets says what became of a write that was not answered.
        if let Some((game, expect)) = fence(request)
            && expect.owner == Some(id)
            && !matches!(request, Request::Bump { .. })
            // One that was restored may name it again.
            && !(matches!(request, Request::Claim { .. }) && self.restored_at > 0)
        {
            self.oracle.writes(game, expect.epoch, id);
        }
        if let Request::Claim { game, expect, owner, .. } = request
            && let Some(over) = expect.owner.filter(|over| over != owner)
            && let Some(server) = self.servers.get_mut(&over)
        {
            server.note_lapse(now);
            let lapsed = server.lapsed;
            if lapsed.is_none_or(|at| now - at > EVIDENCE_US) {
                self.oracle.fail(format!(
                    "promise 8: {game} is claimed from {}, whose lease has held all the time ({lapsed:?})",
                    short(over)
                ));
            }
        }
    }

    /// A game was parked. Where all could be reached for long, somebody could have taken it.
    pub fn judge_parking(&mut self, game: GameId, by: Option<MemberId>) {
        if self.now < self.outage_until + LEAVES_WITHIN_US || by.is_some_and(|by| self.was_isolated(by)) {
            *self.excuses.entry(game).or_default() += PARKED_US;
        } else if self.plan.misses_nothing() && !self.is_spared(game) {
            self.oracle.fail(format!("promise 5: {game} is parked though others could be reached"));
        }
    }

    /// A fault explains that this game's next tick comes later by so much.
    pub fn excuse(&mut self, game: Option<GameId>, micros: u64) {
        if let Some(game) = game {
            *self.excuses.entry(game).or_default() += micros;
        }
    }

    /// As [`Cluster::excuse`], for the games that are moved between the two.
    pub fn excuse_moves(&mut self, a: MemberId, b: MemberId, micros: u64) {
        for (game, m) in &self.moves {
            if (m.from, m.to) == (a, b) || (m.from, m.to) == (b, a) {
                *self.excuses.entry(*game).or_default() += micros;
            }
        }
    }

    /// A game has run a tick. Where nobody crashes none may be late but for what faults explain.
    pub fn judge_pace(&mut self, game: GameId) {
        let now = self.now;
        let Some(before) = self.ran_at.insert(game, now) else {
            self.stood_still.insert(game, now);
            return;
        };
        let excuse = self.excuses.remove(&game).unwrap_or(0);
        if now - before > PAUSE_US {
            self.stood_still.insert(game, now);
        }
        let of_kind = self.of_kind();
        of_kind.longest_pause = of_kind.longest_pause.max(now - before);
        if self.plan.misses_nothing() && !self.is_spared(game) && now - before > PAUSE_US + excuse {
            self.oracle.fail(format!(
                "promise 5: {game} stood still for {} us, of which faults explain {excuse}",
                now - before
            ));
        }
    }

    /// A member starts a game. Where nobody crashes it goes on from the last tick, and no chain is broken.
    pub fn judge_start(&mut self, id: MemberId, game: GameId, epoch: Epoch, tick: u64, rewind: bool) {
        let last = self.oracle.last_tick(game);
        if self.oracle.began_twice(game, epoch, tick) {
            self.coverage.count("ownerships that ran no tick");
        }
        // An owner ticks on its own when the registry has moved its game, unheard, to a target that has called that off. The
        // record names the target all the same until the owner reaches the registry; if the target's process ends before, whoever
        // claims from it finds the world of the move, and cannot know that somebody has gone on from there. These ticks are lost,
        // and none else.
        let gone = |target: MemberId| self.servers.get(&target).is_none_or(|server| !server.alive);
        let moved = self.oracle.over_called_off(game, epoch);
        let unknown = moved.is_some_and(|(target, moved)| gone(target) && tick == moved);
        if !self.plan.misses_nothing() || self.orphans.remove(&game) || unknown || self.is_spared(game) {
            // What comes next follows on this, and comes when it comes.
            if last.is_some_and(|last| last > tick) {
                self.went_back_at.insert(game, self.now);
            }
            self.excuse(Some(game), PARKED_US);
            return self.oracle.goes_on_from(game, tick);
        }
        if last.is_some_and(|last| last > tick) {
            self.oracle.fail(format!(
                "promise 5: {game} starts again at tick {tick} under {epoch} on {}, {last:?} were run",
                short(id)
            ));
        } else if rewind && last.is_some() {
            self.oracle.fail(format!(
                "promise 5: {game} starts under {epoch} on {} as if ticks had been lost",
                short(id)
            ));
        }
    }

    /// A player was shown a tick so long after the one before, by these servers. Where nobody crashes that is as long as a message
    /// is late at most, if the game ran, and they reached its owner and the registry.
    pub fn judge_gap(&mut self, index: usize, servers: &[MemberId], gap: u64) {
        if self.plan.kind == Kind::Calm && gap > CALM_GAP_US {
            self.oracle.fail(format!(
                "promise 5: nothing but planned moves, but player {index} was shown nothing for {gap} us"
            ));
        }
        if !self.plan.misses_nothing() || gap <= GENTLE_GAP_US || self.is_spared(self.clients[index].game) {
            return;
        }
        let (now, client) = (self.now, &self.clients[index]);
        let stood = self.stood_still.get(&client.game).is_some_and(|until| now < until + gap);
        let blind = |server: &MemberId| self.servers.get(server).map_or(0, |server| server.blind_until);
        let blind = servers.iter().map(blind).max().unwrap_or(0).max(self.away_until).max(self.slow_until);
        let excused = stood || self.were_cut(servers) || now < blind + LOOKED_UP_US || client.stranded();
        if !excused {
            self.oracle.fail(format!(
                "promise 2: {} runs, but player {index} was shown nothing for {gap} us",
                client.game
            ));
        }
    }

    /// A link of one of them broke, and what was missing since then may still be under way.
    fn were_cut(&self, servers: &[MemberId]) -> bool {
        let broke = |server: &MemberId| self.servers.get(server).and_then(|server| server.links_broke);
        servers.iter().filter_map(broke).any(|at| self.now < at + LINKED_AGAIN_US)
    }

    /// It has lost all its links, or had until a moment ago: they may not stand again yet.
    fn was_isolated(&self, id: MemberId) -> bool {
        let until = self.servers.get(&id).map_or(0, |server| server.isolated_until);
        until > 0 && self.now < until + LINKED_AGAIN_US
    }

    /// One has lost all its links, and may still lack what was sent meanwhile.
    fn is_one_isolated(&self) -> bool {
        self.servers.keys().any(|id| self.was_isolated(*id))
    }

    /// A player was shown another tick than the next one: what comes after lost ticks does not follow on them. What was missing
    /// when its edge's link to the old owner broke is in the new owner's ring, but for one that claims a game unheard: the last
    /// ticks did not reach that one either. Who was shown nothing for longer than rings surely reach back misses ticks for the
    /// reason that [`Cluster::judge_gap`] finds.
    pub fn judge_hole(&mut self, index: usize, servers: &[MemberId], what: &str) {
        let (now, game) = (self.now, self.clients[index].game);
        let lately =
            |times: &BTreeMap<GameId, u64>| times.get(&game).is_some_and(|at| now < at + REMEMBERED_US);
        let long = now - self.clients[index].shown_at > KEYFRAME_TICKS * TICK;
        let excused = self.is_spared(game)
            || long
            || lately(&self.went_back_at)
            || lately(&self.claimed_at) && (self.were_cut(servers) || self.is_one_isolated());
        if self.plan.misses_nothing() && !excused {
            self.oracle.fail(format!("promise 2: player {index} {what}, and nobody crashed"));
        }
    }

    /// A player has been shown nothing for long, and looks for another server. No server can help where nobody runs the game;
    /// and one that is cut off from the registry may not know who does.
    pub fn judge_lost(&mut self, index: usize, server: MemberId) {
        let (now, game) = (self.now, self.clients[index].game);
        let until = self.servers.get(&server).map_or(0, |server| server.blind_until).max(self.away_until);
        let blind = until > 0 && now < until + LOOKED_UP_US;
        let stands = self.ran_at.get(&game).is_none_or(|at| now - at > PAUSE_US);
        let stood = self.stood_still.get(&game).is_some_and(|until| now < until + LOOKED_UP_US);
        // Nor where one has lost all its links: it may be that server, or the one that has run the game until then.
        let cut = self.is_one_isolated();
        if self.plan.misses_nothing() && !blind && !stands && !stood && !cut && !self.is_spared(game) {
            self.oracle.fail(format!(
                "promise 2: player {index} has to look for another server than {}, and nobody crashed",
                short(server)
            ));
        }
    }

    /// Who reaches none of the others, of which at least two reach the registry, runs no game for long: its players elsewhere
    /// would not see it, and where it does not reach the registry either somebody else runs it. Such a one must have known of
    /// these two: half of those that it knows to live may be itself.
    fn judge_cut_off(&mut self) {
        let now = self.now;
        let away = now < self.away_until.max(self.slow_until);
        let well = |server: &Server| {
            server.alive && !server.terminating && server.member.is_ready() && !server.paused(now) && !away
        };
        let reaches = |server: &&Server| now >= server.blind_until && now >= server.isolated_until;
        let others = self.servers.values().filter(|server| well(server)).filter(reaches);
        let ready: Vec<u64> = others.filter_map(|server| server.ready_at).collect();
        let mut broken = None;
        for server in self.servers.values_mut() {
            let wholly = now < server.blind_until;
            let known_to_it = |at: &&u64| !wholly || **at + READ_US < server.blind_from;
            let others = ready.iter().filter(known_to_it).count();
            if others < 2 || !well(server) || now >= server.isolated_until {
                server.cut_off = None;
                continue;
            }
            let since = match server.cut_off {
                Some((since, before)) if before == wholly => since,
                _ => now,
            };
            server.cut_off = Some((since, wholly));
            let runs = |(_, hub): &(&GameId, &Hub)| hub.own.as_ref().is_some_and(|own| !own.frozen);
            let game = server.hubs.iter().find(runs).filter(|_| now - since > CUT_OFF_US);
            if let Some((game, _)) = game {
                let (rule, also) = if wholly { (17, " and the registry") } else { (19, "") };
                broken = Some(format!(
                    "rule {rule}: {} has been cut off from all others{also} since {since}, and still runs {game}",
                    short(server.id)
                ));
            }
        }
        if let Some(broken) = broken {
            self.oracle.fail(broken);
        }
    }

    /// Looks at the cluster ten times a second.
    pub fn look(&mut self) {
        self.dial_all();
        self.judge_exposed();
        self.judge_service();
        self.judge_cut_off();
        self.break_links_of_the_silent();
    }

    /// Schedules the next beat.
    pub fn beat_again(&mut self) {
        let at = self.now + TICK;
        self.at(at, Action::Beat);
    }
}
