//! Bots: players whose inputs the owner of a game makes itself.
//!
//! Owns who plays as a bot ([`roster`]) and what each wants ([`brain`]). What they do reaches the world as people's doings
//! do: comings and goings as entries of the log, the rest as inputs with a seq that go through the player's desk. Reads the
//! world, never changes it.
//!
//! Invariant: nothing here has to survive. Who is a bot stands in the world, and so does the last seq of each: a new owner
//! makes all of this anew and the same bots play on. The ways of a maze are shared by all games of the process.

mod aim;
mod bank;
mod brain;
mod dodge;
mod hands;
mod plane;
mod roster;
mod sight;
mod temper;
#[cfg(test)]
mod tests;
mod way;

use brain::{Brain, Deed, Scene};
use protocol::peer::Input;
use protocol::{PlayerId, Tick};
use rand::SeedableRng;
use roster::Roster;
use sight::Sight;
use sim::{Entry, Maze, World};
use std::sync::Arc;
pub use way::Ways;

/// Where chance comes from.
pub type Dice = rand::rngs::StdRng;

/// See the module. All bots of one game.
pub struct Bots {
    /// People and bots together fill the game up to so many.
    wanted: u8,
    dice: Dice,
    roster: Roster,
    sight: Sight,
    brains: Vec<Brain>,
    /// None until the first bot needs them.
    ways: Option<Arc<Ways>>,
}

impl Bots {
    /// The bots of a game, as its world has them. `wanted`: people and bots together fill it up to so many.
    pub fn new(world: &World, wanted: u8) -> Bots {
        Bots::seeded(world, wanted, rand::random())
    }

    fn seeded(world: &World, wanted: u8, seed: u64) -> Bots {
        Bots {
            wanted,
            dice: Dice::seed_from_u64(seed),
            roster: Roster::new(world.tick()),
            sight: Sight::new(),
            brains: Vec::new(),
            ways: None,
        }
    }

    /// Takes part in the tick after `world`. `entries` holds the comings and goings of people; those of bots are added.
    /// `give` gets the bots' inputs for that tick.
    pub fn take_part(
        &mut self,
        world: &World,
        maze: &Maze,
        entries: &mut Vec<Entry>,
        give: impl FnMut(PlayerId, Input),
    ) {
        self.roster.fill(world, self.wanted, entries, &mut self.dice);
        if world.players().any(|player| player.bot) {
            self.play(world, maze, entries, give);
        } else {
            self.brains.clear();
        }
    }

    fn play(&mut self, world: &World, maze: &Maze, entries: &[Entry], mut give: impl FnMut(PlayerId, Input)) {
        let now = world.tick() + 1;
        self.sight.look(world);
        let ways = self.ways.get_or_insert_with(|| Ways::of(maze));
        let scene = Scene { now, world, maze, ways, sight: &self.sight };
        self.brains.retain(|brain| world.player(brain.id()).is_some());
        for player in world.players().filter(|player| player.bot && !roster::leaves(player.id, entries)) {
            let known = self.brains.iter().position(|brain| brain.id() == player.id);
            let at = known.unwrap_or_else(|| {
                self.brains.push(Brain::new(player.id, now, &mut self.dice));
                self.brains.len() - 1
            });
            if let Some(Deed { keys, action }) = self.brains[at].act(&scene, player, &mut self.dice) {
                let seq = player.last_seq.wrapping_add(1);
                give(PlayerId(player.id), Input { seq, for_tick: Tick(now), keys, action });
            }
        }
    }
}
