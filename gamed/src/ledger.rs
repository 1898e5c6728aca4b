//! Tells the registry's ledger of moves, for people: behind the moves, never in their way.
//!
//! Owns what was not told yet: bounded, told in batches, again after a failure. A move that is told twice counts once.

use crate::limits;
use protocol::peer::MoveNote;
use registry::{Registry, Reply, Request};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Gathered for so long before they are told.
const GATHER: Duration = Duration::from_millis(250);

/// After a failure it is tried again so much later.
const RETRY: Duration = Duration::from_secs(1);

/// Where moves are noted.
#[derive(Clone)]
pub struct Ledger(mpsc::Sender<(Instant, MoveNote)>);

/// What takes them from there to the registry.
pub struct Clerk {
    registry: Arc<dyn Registry>,
    noted: mpsc::Receiver<(Instant, MoveNote)>,
}

impl Ledger {
    /// Of that registry, and what works on it.
    pub fn new(registry: Arc<dyn Registry>) -> (Ledger, Clerk) {
        let (sender, noted) = mpsc::channel(limits::MOVES_UNTOLD);
        (Ledger(sender), Clerk { registry, noted })
    }

    /// Notes a move that is done now. Where too many wait, as when the registry is away, it is left out of the ledger.
    pub fn note(&self, note: MoveNote) {
        if self.0.try_send((Instant::now(), note)).is_err() {
            debug!("a move is left out of the ledger");
        }
    }
}

impl Clerk {
    /// Works until cancelled or nobody can note any more; then what was noted is told once more.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut batch: Vec<(Instant, MoveNote)> = Vec::new();
        loop {
            let room = limits::MOVES_TOLD_AT_ONCE - batch.len();
            tokio::select! {
                () = cancel.cancelled() => break,
                taken = self.noted.recv_many(&mut batch, room), if room > 0 && batch.is_empty() => if taken == 0 { break },
                () = sleep(GATHER), if !batch.is_empty() => {
                    while batch.len() < limits::MOVES_TOLD_AT_ONCE && let Ok(note) = self.noted.try_recv() {
                        batch.push(note);
                    }
                    if self.tell(&batch).await {
                        batch.clear();
                    } else {
                        tokio::select! {
                            () = cancel.cancelled() => break,
                            () = sleep(RETRY) => {}
                        }
                    }
                }
            }
        }
        while let Ok(note) = self.noted.try_recv() {
            batch.push(note);
        }
        if !batch.is_empty() && !self.tell(&batch).await {
            debug!(moves = batch.len(), "left out of the ledger at the end");
        }
    }

    async fn tell(&self, batch: &[(Instant, MoveNote)]) -> bool {
        let aged = |(at, note): &(Instant, MoveNote)| MoveNote {
            ago_ms: at.elapsed().as_millis() as u64,
            ..note.clone()
        };
        let notes = batch.iter().map(aged).collect();
        matches!(self.registry.call(Request::NoteMoves(notes)).await, Ok(Reply::Done))
    }
}
