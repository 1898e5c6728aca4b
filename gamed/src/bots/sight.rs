//! What the bots of one game have seen: how fast tanks go, and since when missiles fly.
//!
//! Owns what cannot be read from one world. Starts empty: a new owner's bots look for a moment and know as much.

use super::plane::Spot;
use sim::World;

/// Ticks between two places that are noted of each tank.
const NOTED_EVERY: u64 = 5;
/// A tank that moved more than this in a tick, in u, did not drive there.
const FASTEST: f32 = 0.06;
/// Ticks until a tank that got through by itself again is taken to do so.
const SLOTS: usize = sim::SLOTS_MAX as usize;

/// A tank in the arena.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Whose.
    pub slot: u8,
    /// Where.
    pub at: Spot,
    /// How fast it has been lately, in u a tick.
    pub speed: Spot,
    /// Armour left, of 2.0.
    pub armour: f32,
}

/// Places of a tank at two earlier ticks; none when it was not there.
#[derive(Clone, Copy, Default)]
struct Track {
    before: Option<Spot>,
    last: Option<Spot>,
}

/// See the module.
pub struct Sight {
    tracks: [Track; SLOTS],
    noted: u64,
    tanks: Vec<Seen>,
    /// By id of a missile: the ticks at which it was seen first and last.
    missiles: Box<[(u64, u64); 256]>,
}

impl Sight {
    /// Nothing seen yet.
    pub fn new() -> Sight {
        Sight {
            tracks: [Track::default(); SLOTS],
            noted: 0,
            tanks: Vec::new(),
            missiles: Box::new([(0, 0); 256]),
        }
    }

    /// Looks at the world of a tick; wants to be called for each.
    pub fn look(&mut self, world: &World) {
        let now = world.tick();
        for missile in world.missiles() {
            let (first, last) = &mut self.missiles[usize::from(missile.id)];
            if *last + 1 != now {
                *first = now;
            }
            *last = now;
        }
        let note = now >= self.noted + NOTED_EVERY;
        if note {
            self.noted = now;
            for track in &mut self.tracks {
                *track = Track { before: track.last, last: None };
            }
        }
        self.tanks.clear();
        let since = (now - self.noted + NOTED_EVERY) as f32;
        for player in world.players() {
            let Some(tank) = &player.tank else { continue };
            let at = Spot::of_units((tank.x, tank.y));
            let track = &mut self.tracks[usize::from(player.slot)];
            if note {
                track.last = Some(at);
            }
            let moved = track.before.map(|before| (at - before) * (1.0 / since)).unwrap_or_default();
            let speed = if moved.length() < FASTEST { moved } else { Spot::default() };
            let armour = f32::from(tank.armour) / sim::ONE as f32;
            self.tanks.push(Seen { slot: player.slot, at, speed, armour });
        }
    }

    /// The tanks in the arena.
    pub fn tanks(&self) -> &[Seen] {
        &self.tanks
    }

    /// The tick at which a missile that flies now was seen first.
    pub fn missile_since(&self, id: u8) -> u64 {
        self.missiles[usize::from(id)].0
    }
}
