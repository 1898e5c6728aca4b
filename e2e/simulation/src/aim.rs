//! Where each planned move is, as seen from outside, so that faults can be aimed at a phase of it and counted by it.

use crate::cluster::{Action, Cluster};
use crate::coverage;
use crate::faults::Fault;
use crate::plan::{Blow, Phase};
use ownership::Effect;
use protocol::peer::Control;
use protocol::{GameId, MemberId};
use rand::Rng;
use registry::Request;

/// A move under way.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub from: MemberId,
    pub to: MemberId,
    pub phase: Phase,
    /// Times that the target was told.
    told: u32,
    refused: bool,
}

impl Cluster {
    /// Reads from what a member does how far its moves are.
    pub fn follow_moves(&mut self, id: MemberId, effect: &Effect) {
        match effect {
            Effect::Send(to, Control::Prepare { game, .. }) => self.reach(*game, id, *to, Phase::Prepare),
            Effect::Send(from, Control::Prepared { game, .. })
                if self.moves.get(game).is_some_and(|m| m.to == id && m.from == *from) =>
            {
                self.reach(*game, *from, id, Phase::Prepared);
            }
            Effect::Freeze(game) => {
                if let Some(to) = self.moves.get(game).filter(|m| m.from == id).map(|m| m.to) {
                    self.reach(*game, id, to, Phase::Freeze);
                }
            }
            Effect::Call(_, Request::CommitMove { game, to, .. }) => {
                self.reach(*game, id, *to, Phase::Commit)
            }
            Effect::Send(to, Control::Commit { game, .. }) => {
                let known = self.moves.get(game).filter(|m| m.from == id && m.to == *to);
                if known.is_some_and(|m| m.told > 0) {
                    self.coverage.branch(coverage::COMMIT_AGAIN);
                    return;
                }
                self.reach(*game, id, *to, Phase::Hand);
                if let Some(hand_over) = self.moves.get_mut(game) {
                    hand_over.told += 1;
                }
            }
            Effect::Send(to, Control::Cede { game, .. }) => self.reach(*game, id, *to, Phase::Hand),
            Effect::Send(from, Control::Started { game, .. })
                if self.moves.get(game).is_some_and(|m| m.to == id && m.from == *from) =>
            {
                self.reach(*game, *from, id, Phase::Started);
            }
            Effect::Send(from, Control::Refused { game, .. }) => {
                self.coverage.branch(coverage::PREPARE_REFUSED);
                if let Some(m) = self.moves.get_mut(game).filter(|m| m.to == id && m.from == *from) {
                    m.refused = true;
                }
            }
            Effect::Send(to, Control::Abort { game, .. }) => {
                if let Some(m) = self.moves.get(game).filter(|m| m.from == id && m.to == *to) {
                    if m.phase < Phase::Freeze && !m.refused {
                        self.coverage.branch(coverage::PREPARE_GIVEN_UP);
                    }
                    self.touched.insert(*game);
                }
            }
            Effect::Stop { game, .. } | Effect::Start { game, .. }
                if self.moves.get(game).is_some_and(|m| m.from == id) =>
            {
                self.moves.remove(game);
            }
            _ => {}
        }
    }

    fn reach(&mut self, game: GameId, from: MemberId, to: MemberId, phase: Phase) {
        let fresh = Move { from, to, phase, told: 0, refused: false };
        let known = self.moves.entry(game).or_insert(fresh);
        if (known.from, known.to) != (from, to) || phase == Phase::Prepare {
            *known = fresh;
        } else if known.phase >= phase {
            return;
        }
        known.phase = phase;
        let now = self.now;
        let aim = self.plan.aims.iter().position(|aim| aim.phase == phase && now >= aim.after);
        if let Some(aim) = aim.map(|at| self.plan.aims.remove(at)) {
            self.at(now + aim.delay, Action::Fault(Fault::Blow { blow: aim.blow, game, from, to }));
        }
    }

    /// Counts what happens to a member by the phases of its moves.
    pub fn hit_member(&mut self, id: MemberId, as_owner: Option<&'static str>, as_target: &'static str) {
        for m in self.moves.values() {
            let hit = if m.to == id { Some(as_target) } else { as_owner.filter(|_| m.from == id) };
            if let Some(hit) = hit {
                *self.coverage.hits.entry((hit, m.phase)).or_default() += 1;
            }
        }
    }

    /// As [`Cluster::hit_member`], for a link.
    pub fn hit_link(&mut self, a: MemberId, b: MemberId) {
        for (game, m) in &self.moves {
            if (m.from, m.to) == (a, b) || (m.from, m.to) == (b, a) {
                *self.coverage.hits.entry(("their link breaks", m.phase)).or_default() += 1;
                self.touched.insert(*game);
            }
        }
    }

    /// An aimed fault comes down.
    pub fn blow(&mut self, blow: Blow, game: GameId, from: MemberId, to: MemberId) {
        let now = self.now;
        self.count("aimed");
        self.of_kind().aimed += 1;
        self.note(|| format!("{blow:?} aimed at the move of {game}"));
        match blow {
            Blow::KillOwner => self.crash(from, true),
            Blow::KillTarget => self.crash(to, true),
            Blow::LoseOwner => self.crash(from, false),
            Blow::LoseTarget => self.crash(to, false),
            Blow::LeaveTarget => {
                self.fault(Fault::Leave(to));
                self.replace();
            }
            Blow::PauseOwner | Blow::PauseTarget => {
                let micros = self.rng.random_range(30_000..4_000_000);
                self.pause(if blow == Blow::PauseOwner { from } else { to }, micros);
            }
            Blow::CutBoth => {
                let micros = self.rng.random_range(0..2_500_000);
                self.break_link(from, to, micros);
            }
            Blow::CutOwnerEdges | Blow::CutTargetEdges => {
                let (one, other) = if blow == Blow::CutOwnerEdges { (from, to) } else { (to, from) };
                for peer in self.links_of(one).into_iter().filter(|peer| *peer != other) {
                    let micros = self.rng.random_range(0..1_500_000);
                    self.break_link(one, peer, micros);
                }
            }
            Blow::BlindOwner | Blow::BlindTarget => {
                let micros = self.rng.random_range(100_000..5_000_000);
                self.blind(if blow == Blow::BlindOwner { from } else { to }, micros);
            }
            Blow::Slow => {
                self.slow_until = now + self.rng.random_range(200_000..2_000_000);
            }
            Blow::Away => {
                self.away_until = self.away_until.max(now + self.rng.random_range(50_000..3_000_000));
            }
            Blow::LoseWrite | Blow::LoseAnswer | Blow::LateWrite => drop(self.doomed.insert(game, blow)),
            Blow::Reassign => {
                let others: Vec<MemberId> =
                    self.stays().into_iter().filter(|id| *id != from && *id != to).collect();
                if !others.is_empty() {
                    let other = others[self.rng.random_range(0..others.len())];
                    self.assign(game, other, registry::Reason::Move);
                }
            }
        }
    }
}
