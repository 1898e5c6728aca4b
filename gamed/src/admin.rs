//! What an administrator does about games whose worlds failed again and again: `gamed quarantine`.
//!
//! Speaks to the registry as a member does, under the same fences, so that nothing is done to a game that somebody runs.

use clap::Subcommand;
use protocol::{Epoch, GameId};
use registry::{Fence, GameRecord, Registry, RegistryError, Reply, Request};
use std::fmt::Write;
use thiserror::Error;

/// What the process does instead of serving.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Lists, releases and ends games that nobody runs because their worlds failed again and again
    #[command(subcommand)]
    Quarantine(Quarantine),
}

/// What becomes of quarantined games.
#[derive(Subcommand, Debug, Clone)]
pub enum Quarantine {
    /// All of them: id, failures, the tick that is stored, name
    List,
    /// The game may run again, from the world and the log that are stored: once a version runs that can
    Release {
        /// As listed, 16 hex digits
        game: GameId,
    },
    /// The game is over: its world and its log are deleted
    End {
        /// As listed, 16 hex digits
        game: GameId,
    },
}

/// Nothing was done.
#[derive(Debug, Error)]
pub enum AdminError {
    /// It does not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Nothing to do about it.
    #[error("game {0} is not quarantined: see gamed quarantine list")]
    NotQuarantined(GameId),
    /// The registry speaks of something else.
    #[error("the registry answers another question: {0}")]
    Other(String),
    /// Somebody else did something about it at the same time.
    #[error("game {0} has changed meanwhile: look again with gamed quarantine list")]
    Changed(GameId),
}

/// Does it, and says what was done.
///
/// # Errors
/// When the registry does not answer, or the game is not quarantined.
pub async fn quarantine(registry: &dyn Registry, what: &Quarantine) -> Result<String, AdminError> {
    let (game, release) = match what {
        Quarantine::List => return list(registry).await,
        Quarantine::Release { game } => (*game, true),
        Quarantine::End { game } => (*game, false),
    };
    let record = match registry.call(Request::Game(game)).await? {
        Reply::Game(record) if record.quarantined => record,
        _ => return Err(AdminError::NotQuarantined(game)),
    };
    let expect = Fence { epoch: record.epoch, owner: record.owner };
    let request = match release {
        true => Request::Release { game, expect, salt: rand::random(), floor: Epoch(0) },
        false => Request::End { game, expect },
    };
    match registry.call(request).await? {
        Reply::Game(_) => Ok(format!("game {game} is released: a server claims it within a second\n")),
        Reply::Done => Ok(format!("game {game} is over\n")),
        _ => Err(AdminError::Changed(game)),
    }
}

async fn list(registry: &dyn Registry) -> Result<String, AdminError> {
    let games = match registry.call(Request::Games).await? {
        Reply::Games(games) => games,
        other => return Err(AdminError::Other(format!("{other:?}"))),
    };
    let mut text = String::new();
    for GameRecord { id, failures, snapshot_tick, name, .. } in games.iter().filter(|game| game.quarantined) {
        writeln!(text, "{id} failures {failures} tick {snapshot_tick} {name}").expect("a string takes all");
    }
    if text.is_empty() {
        text.push_str("no game is quarantined\n");
    }
    Ok(text)
}
