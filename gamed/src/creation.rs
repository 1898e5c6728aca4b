//! New games: what users may choose, and the first world.
//!
//! Owns the limits of those choices and their sentences. Who runs the new game is the ownership rules' matter.

use crate::mazes::Mazes;
use protocol::peer::GameSettings;
use protocol::{Epoch, GameName, TextError, Tick};
use registry::Snapshot;
use serde::Deserialize;
use sim::{Maze, Rounds, World};
use thiserror::Error;

/// What games of this cluster are like, as far as nobody chooses.
#[derive(Clone, Debug)]
pub struct Creation {
    /// Places for tanks, 1 to 32.
    pub slots: u8,
    /// Bots fill a game up to so many players; at most [`bots_at_most`].
    pub bots: u8,
    /// How long rounds are.
    pub rounds: Rounds,
    /// Where games can be played.
    pub mazes: Mazes,
}

/// What somebody wants of a new game.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// Name of the maze; the first one where absent.
    pub maze: Option<String>,
    /// Bots fill it up to so many players; as the cluster's settings say where absent.
    pub bots: Option<u8>,
    /// It does not end when it is empty.
    pub stays: bool,
}

impl Wish {
    /// A wish as users send it.
    ///
    /// # Errors
    /// With a sentence: it is none.
    pub fn from_json(body: &[u8]) -> Result<Wish, String> {
        #[derive(Deserialize)]
        struct NewGame {
            name: String,
            maze: Option<String>,
            bots: Option<u8>,
        }
        let NewGame { name, maze, bots } = serde_json::from_slice(body).map_err(|error| {
            format!("send {{\"name\": \"...\", \"maze\": \"...\", \"bots\": 0}} as JSON (only name is needed): {error}")
        })?;
        Ok(Wish { name, maze, bots, stays: false })
    }
}

/// Why there is no such game.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WishError {
    /// Its name.
    #[error(transparent)]
    Name(#[from] TextError),
    /// No such maze.
    #[error("there is no maze {wanted:?}; choose one of: {known}")]
    Maze {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Too many bots.
    #[error("{wanted} bots leave no place for people; choose 0 to {most}")]
    Bots {
        /// What was asked for.
        wanted: u8,
        /// What fits.
        most: u8,
    },
}

/// Bots that leave a place to people.
pub fn bots_at_most(slots: u8) -> u8 {
    slots.saturating_sub(1)
}

impl Creation {
    /// Settings and first world of a game of that rules version, which this build steps. Its seed is random; from then on
    /// chance is part of the world.
    ///
    /// # Errors
    /// With a sentence, when the wish cannot be granted.
    pub fn first_world(&self, wish: Wish, rules: u16) -> Result<(GameSettings, Snapshot), WishError> {
        let name = String::from(GameName::parse(&wish.name)?);
        let Some(maze) = self.mazes.find(wish.maze.as_deref()) else {
            let known: Vec<_> = self.mazes.list().iter().map(|maze| maze.name.as_str()).collect();
            return Err(WishError::Maze { wanted: wish.maze.unwrap_or_default(), known: known.join(", ") });
        };
        let (bots, most) = (wish.bots.unwrap_or(self.bots), bots_at_most(self.slots));
        if bots > most {
            return Err(WishError::Bots { wanted: bots, most });
        }
        let settings = GameSettings {
            name,
            maze: maze.text.clone(),
            maze_name: maze.name.clone(),
            slots: self.slots,
            rules,
            bots,
            stays: wish.stays,
        };
        let maze = Maze::parse(&settings.maze).expect("it was read when the process started");
        let world = World::new(&maze, settings.rules, settings.slots, rand::random(), self.rounds);
        let snapshot = Snapshot {
            epoch: Epoch(0),
            tick: Tick(world.tick()),
            players: 0,
            bots: 0,
            world: world.snapshot().into(),
        };
        Ok((settings, snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(wish: Wish) -> Option<String> {
        let mazes = Mazes::load(None).expect("the shipped ones");
        let creation = Creation { slots: 8, bots: 4, rounds: Rounds::default(), mazes };
        creation
            .first_world(Wish { name: "g".into(), ..wish }, sim::RULES)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        assert_eq!(refusal(Wish::default()), None);
        assert_eq!(refusal(Wish { bots: Some(7), ..Wish::default() }), None);
        let bots = refusal(Wish { bots: Some(8), ..Wish::default() });
        assert_eq!(bots.as_deref(), Some("8 bots leave no place for people; choose 0 to 7"));
        let maze = refusal(Wish { maze: Some("Nowhere".into()), ..Wish::default() }).expect("a refusal");
        assert!(maze.starts_with("there is no maze \"Nowhere\"; choose one of: "), "{maze}");
        assert!(maze.contains(Maze::parse(sim::STANDARD_MAZE).expect("it is shipped").name()));
    }
}
