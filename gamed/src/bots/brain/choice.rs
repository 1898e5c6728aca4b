//! Whom a bot fights and what it fetches.

use super::{Brain, Own, Scene};
use crate::bots::plane::Spot;
use crate::bots::sight::Seen;
use sim::ItemKind;

/// Forward speed in u a tick.
const SPEED: f32 = sim::FORWARD_STEP as f32 / sim::U as f32;

impl Brain {
    /// Whom to fight, and whether there is a clear line.
    pub(super) fn choose(&mut self, scene: &Scene, own: &Own) -> Option<(Seen, bool)> {
        let mut best: Option<(f32, Seen, bool)> = None;
        for foe in scene.sight.tanks().iter().filter(|foe| foe.slot != own.slot) {
            let distance = (foe.at - own.at).length();
            let mut badness = distance + foe.armour;
            if self.target == Some(foe.slot) {
                badness -= 1.5;
            }
            // What cannot be better than the best even if it is visible needs no look.
            if best.as_ref().is_some_and(|(least, ..)| badness >= *least) {
                continue;
            }
            let visible = scene.maze.clear_line(own.at.units(), foe.at.units());
            if !visible {
                // The way there counts, not the wall between.
                badness += 3.0 + scene.ways.length(own.at, foe.at).map_or(40.0, |length| length - distance);
            }
            if best.as_ref().is_none_or(|(least, ..)| badness < *least) {
                best = Some((badness, *foe, visible));
            }
        }
        let (_, foe, visible) = best?;
        if visible && !(self.sees && self.target == Some(foe.slot)) {
            // Nobody shoots in the moment in which somebody comes round a corner.
            self.shoots_at = self.shoots_at.max(scene.now + self.temper.reaction);
        }
        (self.target, self.sees) = (Some(foe.slot), visible);
        Some((foe, visible))
    }

    /// An item that is worth fetching now; `fights`: somebody is in sight.
    pub(super) fn errand(&self, scene: &Scene, own: &Own, fights: bool) -> Option<Spot> {
        let hurt = 2.0 - own.armour;
        let wanted = scene.world.items().iter().filter_map(|item| {
            let reach = match item.kind {
                ItemKind::Health if hurt < 0.3 => return None,
                ItemKind::Health if fights && own.armour > self.temper.caution => 1.0 + 1.5 * hurt,
                ItemKind::Health => 3.0 + 5.0 * hurt,
                ItemKind::Bounce if own.bounce => return None,
                ItemKind::Bounce if fights => 2.0,
                ItemKind::Bounce => 5.0,
            };
            let at = Spot::of_units((item.x, item.y));
            if (at - own.at).length() > reach {
                return None;
            }
            let length = scene.ways.length(own.at, at)?;
            let ticks = length / SPEED;
            (length <= reach && ticks < f32::from(item.left)).then_some((length, at))
        });
        wanted.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, at)| at)
    }
}
