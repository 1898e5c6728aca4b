//! How long each stage of a hand-over took, as the old owner's driver sees it pass by.
//!
//! Owns the clocks of moves under way and nothing else: it decides nothing, and a move that is called off leaves no trace.

use crate::metrics::Metrics;
use ownership::{Effect, Event};
use protocol::GameId;
use protocol::peer::Control;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// A stage that has begun, and when.
type Since = (&'static str, Instant);

/// See the module.
pub struct Stages {
    metrics: Arc<Metrics>,
    moving: HashMap<GameId, Since>,
}

impl Stages {
    /// No move is under way.
    pub fn new(metrics: Arc<Metrics>) -> Stages {
        Stages { metrics, moving: HashMap::new() }
    }

    /// The hub says something.
    pub fn saw(&mut self, event: &Event) {
        if let Event::Frozen { game, .. } = event {
            self.next(*game, "freeze", Some("commit"));
        }
    }

    /// The machine wants something.
    pub fn sees(&mut self, effect: &Effect) {
        match effect {
            Effect::Send(_, Control::Prepare { game, .. }) => {
                self.moving.insert(*game, ("prepare", Instant::now()));
            }
            Effect::Freeze(game) => self.next(*game, "prepare", Some("freeze")),
            Effect::Send(_, Control::Commit { game, .. }) => self.next(*game, "commit", Some("hand")),
            Effect::Stop { game, .. } => {
                self.next(*game, "hand", None);
                self.moving.remove(game);
            }
            Effect::Start { game, .. } => {
                self.moving.remove(game);
            }
            _ => {}
        }
    }

    /// That stage is over, where it was under way.
    fn next(&mut self, game: GameId, ended: &'static str, next: Option<&'static str>) {
        let Some((stage, since)) = self.moving.get_mut(&game) else { return };
        if *stage != ended {
            return;
        }
        self.metrics.move_stage(ended, since.elapsed());
        match next {
            Some(next) => (*stage, *since) = (next, Instant::now()),
            None => {
                self.moving.remove(&game);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use protocol::{Epoch, MemberId, Tick};

    #[test]
    fn each_stage_of_a_move_is_counted_once_and_of_one_that_was_called_off_those_that_were_done() {
        let metrics = Arc::new(Metrics::new());
        let mut stages = Stages::new(metrics.clone());
        let (game, epoch, to) = (GameId(1), Epoch(1), MemberId(2));
        let (tick, snapshot) = (Tick(1), Bytes::new());
        let commit = Control::Commit {
            game,
            old: epoch,
            base: epoch,
            epoch,
            tick,
            snapshot: snapshot.clone(),
            due_us: 0,
        };
        let settings = protocol::peer::GameSettings {
            name: String::new(),
            maze: String::new(),
            maze_name: String::new(),
            slots: 1,
            rules: 1,
            bots: 0,
            stays: true,
        };
        let (edges, cedes) = (Vec::new(), false);
        let prepare = Control::Prepare { game, epoch, settings, tick, snapshot, edges, cedes };
        let world = registry::Snapshot { epoch: Epoch(1), tick, players: 0, bots: 0, world: Bytes::new() };
        let frozen = Event::Frozen { game, snapshot: world, next_due: ownership::Time(0) };
        for called_off in [true, false] {
            stages.sees(&Effect::Send(to, prepare.clone()));
            stages.sees(&Effect::Freeze(game));
            stages.saw(&frozen);
            if !called_off {
                stages.sees(&Effect::Send(to, commit.clone()));
                // Sent again.
                stages.sees(&Effect::Send(to, commit.clone()));
            }
            stages.sees(&Effect::Stop { game, to: None, goes_on: true });
        }
        let text = metrics.text().expect("a string");
        for (stage, count) in [("prepare", 2), ("freeze", 2), ("commit", 1), ("hand", 1)] {
            let line = format!("gamed_move_stage_seconds_count{{stage=\"{stage}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(stages.moving.is_empty());
    }
}
