//! The mazes of the games that are played, shown or prepared in this process now: each is parsed once, however many games it
//! is part of.
//!
//! Owns who shares what. A game that comes here finds its maze read, and its bots their ways.

use crate::bots::Ways;
use sim::{Maze, MazeError};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak, mpsc};
use std::thread;
use tracing::{debug, warn};

/// By their text.
static KNOWN: Mutex<Option<HashMap<String, Weak<Maze>>>> = Mutex::new(None);

/// The maze of this text; parsed (some 150 us) where no game of the process has it.
///
/// # Errors
/// When the text is no maze.
pub fn maze(text: &str) -> Result<Arc<Maze>, MazeError> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(maze) = known.get(text).and_then(Weak::upgrade) {
        return Ok(maze);
    }
    known.retain(|_, maze| maze.strong_count() > 0);
    let maze = Arc::new(Maze::parse(text)?);
    known.insert(text.to_owned(), Arc::downgrade(&maze));
    Ok(maze)
}

/// What a game that is about to come needs besides its world; kept until it has come.
pub struct Warm {
    _maze: Arc<Maze>,
    /// None where it has no bots.
    _ways: Option<Arc<Ways>>,
}

impl Warm {
    /// Gets ready for a game in this maze, with bots or without. Their ways are worked out elsewhere than on the game's
    /// thread, the first time that anybody has bots in this maze.
    pub fn up(maze: Arc<Maze>, bots: bool) -> Warm {
        let ways = bots.then(|| Ways::of(&maze));
        if let Some(ways) = ways.as_ref().filter(|ways| ways.is_new())
            && AHEAD.send(Arc::downgrade(ways)).is_err()
        {
            debug!("nobody works ways out beforehand: bots work them out when they want them");
        }
        Warm { _maze: maze, _ways: ways }
    }
}

/// Works ways out one after the other, and yields to everything else: some 30 ms for each maze, while games come to a member
/// that has just started and have to tick in time.
static AHEAD: LazyLock<mpsc::Sender<Weak<Ways>>> = LazyLock::new(|| {
    let (sender, wanted) = mpsc::channel::<Weak<Ways>>();
    let thread = thread::Builder::new().name("ways".into()).spawn(move || {
        yield_to_all();
        for ways in wanted {
            if let Some(ways) = ways.upgrade() {
                ways.work_out();
            }
        }
    });
    if let Err(error) = thread {
        warn!(%error, "cannot start the thread that works ways out");
    }
    sender
});

/// Of this thread alone.
#[cfg(target_os = "linux")]
fn yield_to_all() {
    if let Err(error) = rustix::process::setpriority_process(None, LEAST) {
        debug!(%error, "cannot yield to other threads");
    }
}

#[cfg(not(target_os = "linux"))]
fn yield_to_all() {}

/// As nice(1) has it.
#[cfg(target_os = "linux")]
const LEAST: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_in_one_maze_share_it_and_it_goes_with_the_last() {
        let text = format!("{}\n# of this test alone\n", sim::MAZES[1]);
        let first = maze(&text).expect("it is shipped");
        assert!(Arc::ptr_eq(&first, &maze(&text).expect("known")));
        assert!(!Arc::ptr_eq(&first, &maze(sim::MAZES[0]).expect("it is shipped")));
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none(), "nobody keeps it");
        maze("nonsense").expect_err("no maze");
    }

    #[tokio::test]
    async fn ways_are_worked_out_before_the_first_bot_wants_them() {
        // The portrait one: no other test of this crate has bots prepared in it.
        let maze = maze(sim::MAZES[sim::MAZES.len() - 1]).expect("it is shipped");
        let warm = Warm::up(maze.clone(), true);
        let ways = Ways::of(&maze);
        tokio::time::timeout(std::time::Duration::from_secs(20), async {
            while !ways.is_worked_out() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it takes some milliseconds");
        drop(warm);
    }
}
