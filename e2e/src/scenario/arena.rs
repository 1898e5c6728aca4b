//! The games of a run and the bots in them.
//!
//! Owns their life, from the creation of the games to the bots' good-bye.

use crate::bot::{self, Bot};
use crate::lobby::Address;
use crate::recording::Recording;
use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use protocol::GameId;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait until a server creates a game: new connections fail for about a second after a rollout.
const CREATED_WITHIN: Duration = Duration::from_secs(15);
/// Games that are created at the same time.
const CREATED_AT_ONCE: usize = 8;
/// Longest wait until every bot has had a tank.
const PLAY_WITHIN: Duration = Duration::from_secs(60);
/// Longest wait until a bot that comes again is welcomed.
const AGAIN_WITHIN: Duration = Duration::from_secs(10);
/// A bot without a new tick for so long has no frames.
const FRESH: Duration = Duration::from_millis(500);

/// See the module.
pub struct Arena {
    /// Time 0 of the recordings.
    pub start: Instant,
    /// The games.
    pub games: Vec<GameId>,
    bots: Vec<(String, Bot)>,
}

impl Arena {
    /// Creates games and lets bots join them.
    ///
    /// # Errors
    /// When a game cannot be created in time.
    pub async fn open(address: &Address, games: usize, bots: usize, seed: u64) -> Result<Arena> {
        let start = Instant::now();
        let mut arena = Arena { start, games: Vec::new(), bots: Vec::new() };
        let create = |number| create(address, format!("e2e {number}"));
        let mut created = futures_util::stream::iter(1..=games).map(create).buffered(CREATED_AT_ONCE);
        let mut number = 0;
        while let Some(game) = created.next().await {
            let game = game?;
            number += 1;
            arena.games.push(game);
            for bot in 1..=bots {
                let name = format!("bot-{number}-{bot}");
                let seed = seed.wrapping_add((number * 1_000 + bot) as u64);
                let settings =
                    bot::Settings { address: address.clone(), game, name: name.clone(), seed, start };
                arena.bots.push((name, Bot::start(settings)));
            }
        }
        Ok(arena)
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until every bot has had a tank and has frames.
    ///
    /// # Errors
    /// After a minute, with what is missing.
    pub async fn all_play(&self) -> Result<()> {
        let deadline = Instant::now() + PLAY_WITHIN;
        loop {
            let waiting = self.bots.iter().filter(|(_, bot)| !bot.logbook.progress().launched).count();
            let missing = match self.all_have_frames() {
                Ok(()) if waiting == 0 => return Ok(()),
                Ok(()) => format!("{waiting} of {} bots have had no tank", self.bots.len()),
                Err(error) => error.to_string(),
            };
            ensure!(
                Instant::now() < deadline,
                "after {} s not all play: {missing}; {}",
                PLAY_WITHIN.as_secs(),
                self.troubles().join("; ")
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Fails with who gets no frames.
    ///
    /// # Errors
    /// When somebody does not.
    pub fn all_have_frames(&self) -> Result<()> {
        let now = self.now();
        for (name, bot) in &self.bots {
            let newest = bot.logbook.progress().newest.map(|(_, _, at)| at);
            let fresh = newest.is_some_and(|at| now.saturating_sub(at) < FRESH);
            ensure!(fresh, "{name} has no frame of the last {FRESH:?}");
        }
        Ok(())
    }

    /// Lets the bots take another socket, one after the other; each resumes by its token and gets a new one.
    ///
    /// # Errors
    /// When one is not welcomed in time.
    pub async fn all_come_again(&self) -> Result<()> {
        for (name, bot) in &self.bots {
            let before = bot.logbook.progress().welcomed;
            let deadline = Instant::now() + AGAIN_WITHIN;
            bot.come_again();
            while bot.logbook.progress().welcomed == before {
                ensure!(Instant::now() < deadline, "{name} was not welcomed again in {AGAIN_WITHIN:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// How often each bot was told by a server that this is cut off from the others.
    pub fn told_cut_off(&self) -> Vec<u32> {
        self.bots.iter().map(|(_, bot)| bot.logbook.progress().told_cut_off).collect()
    }

    /// What went wrong with the bots themselves.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        for (name, bot) in &self.bots {
            let progress = bot.logbook.progress();
            troubles.extend(progress.gave_up.map(|why| format!("{name} gave up: {why}")));
            if progress.inputs_dropped > 0 {
                troubles.push(format!("{name} had to give up {} inputs", progress.inputs_dropped));
            }
        }
        troubles
    }

    /// Sends the bots home, all at once, and gives what they recorded.
    ///
    /// # Errors
    /// When one of them has panicked.
    pub async fn close(self) -> Result<Vec<Recording>> {
        self.bots.iter().for_each(|(_, bot)| bot.tell_to_stop());
        let mut recordings = Vec::new();
        for (name, bot) in self.bots {
            let logbook = bot.logbook.clone();
            bot.stop().await.with_context(|| format!("{name} panicked"))?;
            recordings.push(logbook.recording());
        }
        Ok(recordings)
    }
}

async fn create(address: &Address, name: String) -> Result<GameId> {
    let deadline = Instant::now() + CREATED_WITHIN;
    loop {
        match address.create_game(&name).await {
            Ok(game) => return Ok(game),
            Err(error) if Instant::now() >= deadline => return Err(error.context("cannot create a game")),
            Err(error) => tracing::debug!("no game yet: {error:#}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}
