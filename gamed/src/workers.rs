//! The threads that games live on: one single-threaded runtime each, on which a game, its hub and its sockets stay.
//!
//! Owns which thread a game is on and the life of hubs. A hub is made by the first message for its game.

use crate::context::Context;
use crate::hub::{Hub, ToHub};
use crate::limits;
use protocol::{GameId, MemberId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::warn;

/// Messages waiting for a worker thread, over all its games.
const WORKER_QUEUE: usize = 65_536;

/// A worker that has not shown a sign of life for this long fails the liveness probe.
const BEAT: Duration = Duration::from_millis(500);

/// Something that all games of a member are told.
#[derive(Clone, Copy, Debug)]
pub enum ToAll {
    /// A link came up or broke.
    Link(MemberId, bool),
    /// This member leaves, or is cut off from most others: sockets are to find another, each at its time.
    GoAway,
    /// The cluster signs with another key: players are to get new tokens.
    Tokens,
    /// This member ends now: all sockets are closed.
    Close,
}

enum ToWorker {
    One(GameId, ToHub),
    All(ToAll),
}

/// The way to all hubs of a member.
#[derive(Clone)]
pub struct Workers {
    queues: Arc<Vec<mpsc::Sender<ToWorker>>>,
    beats: Arc<Vec<AtomicU64>>,
}

/// The receiving ends, to be run.
pub struct WorkerThreads {
    inboxes: Vec<mpsc::Receiver<ToWorker>>,
    beats: Arc<Vec<AtomicU64>>,
}

impl Workers {
    /// So many threads, not yet running.
    pub fn new(threads: usize) -> (Workers, WorkerThreads) {
        let (queues, inboxes): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel(WORKER_QUEUE)).unzip();
        let beats = Arc::new((0..threads).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
        (Workers { queues: Arc::new(queues), beats: beats.clone() }, WorkerThreads { inboxes, beats })
    }

    fn queue(&self, game: GameId) -> &mpsc::Sender<ToWorker> {
        &self.queues[(game.0 % self.queues.len() as u64) as usize]
    }

    /// Sends a message that must not get lost.
    pub async fn send(&self, game: GameId, message: ToHub) {
        if self.queue(game).send(ToWorker::One(game, message)).await.is_err() {
            warn!(%game, "the game's thread is gone");
        }
    }

    /// Tells all games.
    pub async fn send_all(&self, message: ToAll) {
        for queue in self.queues.iter() {
            if queue.send(ToWorker::All(message)).await.is_err() {
                warn!("a game thread is gone");
            }
        }
    }

    /// Whether every thread was alive within the last `limit`.
    pub fn alive(&self, limit: Duration) -> bool {
        let now = crate::clock::now().0;
        self.beats.iter().all(|beat| {
            let at = beat.load(Ordering::Relaxed);
            at == 0 || now.saturating_sub(at) < limit.as_micros() as u64
        })
    }
}

impl WorkerThreads {
    /// Starts the threads. They end when all [`Workers`] are dropped; one that ends before, with the panic of a hub, is
    /// noticed through its receiver.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn start(self, context: &Context) -> std::io::Result<Vec<oneshot::Receiver<()>>> {
        let WorkerThreads { inboxes, beats } = self;
        inboxes
            .into_iter()
            .enumerate()
            .map(|(index, inbox)| {
                let (context, beats) = (context.clone(), beats.clone());
                let (running, ended) = oneshot::channel();
                std::thread::Builder::new().name(format!("games-{index}")).spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .expect("a runtime needs a few file descriptors, which a starting process has");
                    LocalSet::new().block_on(&runtime, work(inbox, Rc::new(context), &beats[index]));
                    drop(running);
                })?;
                Ok(ended)
            })
            .collect()
    }
}

impl From<ToAll> for ToHub {
    fn from(message: ToAll) -> ToHub {
        match message {
            ToAll::Link(member, up) => ToHub::Link(member, up),
            ToAll::GoAway => ToHub::GoAway,
            ToAll::Tokens => ToHub::Tokens,
            ToAll::Close => ToHub::Close,
        }
    }
}

type Inboxes = Rc<RefCell<HashMap<GameId, mpsc::Sender<ToHub>>>>;

async fn work(mut inbox: mpsc::Receiver<ToWorker>, context: Rc<Context>, beat: &AtomicU64) {
    let hubs: Inboxes = Rc::default();
    let mut tasks = JoinSet::new();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = inbox.recv() => match message {
                Some(ToWorker::One(game, message)) => deliver(game, message, &hubs, &mut tasks, &context),
                Some(ToWorker::All(message)) => {
                    let games: Vec<_> = hubs.borrow().keys().copied().collect();
                    for game in games {
                        deliver(game, message.into(), &hubs, &mut tasks, &context);
                    }
                }
                None => return,
            },
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    // A game that nobody runs any more although this member owns it: better no member.
                    std::panic::resume_unwind(error.into_panic());
                }
            }
            _ = beats.tick() => beat.store(crate::clock::now().0.max(1), Ordering::Relaxed),
        }
    }
}

fn deliver(game: GameId, message: ToHub, hubs: &Inboxes, tasks: &mut JoinSet<()>, context: &Rc<Context>) {
    let queue = hubs.borrow().get(&game).cloned();
    let queue = match queue {
        Some(queue) => queue,
        None if message.makes_a_hub() => {
            let (sender, mut receiver) = mpsc::channel(limits::HUB_QUEUE);
            hubs.borrow_mut().insert(game, sender.clone());
            let (hubs, hub) = (hubs.clone(), Hub::new(game, context.clone()));
            tasks.spawn_local(async move {
                hub.run(&mut receiver).await;
                // No await between the hub's last look at its empty inbox and this: no message is lost.
                hubs.borrow_mut().remove(&game);
            });
            sender
        }
        None => return,
    };
    let spare = matches!(message, ToHub::Peer(..)) && queue.capacity() <= limits::HUB_QUEUE_RESERVE;
    if spare || matches!(queue.try_send(message), Err(mpsc::error::TrySendError::Full(_))) {
        context.metrics.hub_messages_dropped.inc();
        warn!(%game, "a hub's queue is full; a message was dropped");
    }
}
