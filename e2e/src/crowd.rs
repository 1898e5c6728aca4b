//! Clients that nobody wants: hundreds that come back at once, some that read nothing, some that send garbage.
//!
//! Owns what they do. Records and judges nothing: what counts is what they cost others.

use crate::lobby::Address;
use anyhow::{Context, Result, ensure};
use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::{ClientMessage, GameId, Hello, PLAYER_VERSION};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::setpriority_process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// How far their thread yields to others of this machine: see nice(1).
const NICE: i32 = 10;
/// Longest wait for a server to take one of them: many come at once.
const IN_WITHIN: Duration = Duration::from_secs(5);
/// Who is thrown out comes back after this.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two looks of a watcher at what has come: hundreds of them shall not take the players' processor.
const LOOKS: Duration = Duration::from_millis(100);
/// How long one that reads nothing stays; a server has given it up by then.
const DEAF: Duration = Duration::from_secs(10);
/// What its kernel keeps of what it does not read, in bytes: so that the server notices soon.
const DEAF_BYTES: u32 = 4096;
/// Messages of garbage on one connection, if the server takes them all.
const PIECES: usize = 50;
/// Longest of them, in bytes.
const LONGEST: usize = 300;

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Watch a game.
    Watch,
    /// Begin to watch one, and read nothing.
    Deaf,
    /// Send what nobody can read: instead of HTTP, of a Hello, or after it.
    Garbage,
}

/// Clients of one manner. They end when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    /// Theirs alone; there until the drop.
    runtime: Option<Runtime>,
    again: watch::Sender<()>,
    visits: Arc<AtomicUsize>,
}

impl Crowd {
    /// Lets so many come, spread over these games. Anywhere else they would be on machines of their own: here their thread yields
    /// to those who measure.
    ///
    /// # Errors
    /// When there is no thread for them.
    pub fn come(
        address: &Address,
        games: &[GameId],
        manner: Manner,
        count: usize,
        seed: u64,
    ) -> Result<Crowd> {
        let (again, _) = watch::channel(());
        let visits = Arc::new(AtomicUsize::new(0));
        let yields = || {
            if let Err(error) = setpriority_process(None, NICE) {
                tracing::warn!(%error, "the crowd's thread does not yield to others");
            }
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().on_thread_start(yields).build();
        let runtime = runtime.context("no thread for the crowd")?;
        for (number, game) in games.iter().cycle().take(count).enumerate() {
            let client = Client {
                address: address.clone(),
                game: *game,
                rng: StdRng::seed_from_u64(seed.wrapping_add(number as u64)),
                visits: visits.clone(),
            };
            runtime.spawn(client.live(manner, again.subscribe()));
        }
        Ok(Crowd { runtime: Some(runtime), again, visits })
    }

    /// All leave without a word, and come back at once.
    pub fn come_again(&self) {
        self.again.send_replace(());
    }

    /// How often one of them was let in so far.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }

    /// Waits until there were so many visits.
    ///
    /// # Errors
    /// When there are fewer after `limit`.
    pub async fn visited(&self, visits: usize, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.visits() < visits {
            let now = self.visits();
            ensure!(Instant::now() < deadline, "after {limit:?} there were {now} visits, not {visits}");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Client {
    address: Address,
    game: GameId,
    rng: StdRng,
    visits: Arc<AtomicUsize>,
}

impl Client {
    async fn live(mut self, manner: Manner, mut again: watch::Receiver<()>) {
        loop {
            let visit = async {
                match manner {
                    Manner::Watch => self.watch().await,
                    Manner::Deaf => self.read_nothing().await,
                    Manner::Garbage => self.send_garbage().await,
                }
            };
            tokio::select! {
                ended = visit => {
                    if let Err(error) = ended {
                        tracing::trace!("one of the crowd was thrown out: {error:#}");
                    }
                    sleep(AGAIN).await;
                }
                told = again.changed() => if told.is_err() { return },
            }
        }
    }

    fn let_in(&self) {
        self.visits.fetch_add(1, Ordering::Relaxed);
    }

    async fn enter(&self, stream: TcpStream) -> Result<WebSocketStream<TcpStream>> {
        let mut socket = self.open(stream).await?;
        let hello = Hello {
            version: PLAYER_VERSION,
            game: self.game,
            spectate: true,
            name: String::new(),
            session: 0,
            token: None,
            floor: None,
        };
        socket.send(Message::Binary(ClientMessage::Hello(hello).encode())).await?;
        Ok(socket)
    }

    async fn open(&self, stream: TcpStream) -> Result<WebSocketStream<TcpStream>> {
        let url = format!("ws://{}/play", self.address);
        let (socket, _) = timeout(IN_WITHIN, client_async(&url, stream)).await.context("no answer")??;
        Ok(socket)
    }

    async fn watch(&self) -> Result<()> {
        let mut socket = self.enter(self.address.connect().await?).await?;
        timeout(IN_WITHIN, socket.next()).await.context("no Welcome")?.context("closed")??;
        self.let_in();
        loop {
            sleep(LOOKS).await;
            while let Some(message) = socket.next().now_or_never() {
                message.context("it ended")??;
            }
        }
    }

    async fn read_nothing(&self) -> Result<()> {
        let _socket = self.enter(self.address.connect_narrow(DEAF_BYTES).await?).await?;
        self.let_in();
        sleep(DEAF).await;
        Ok(())
    }

    async fn send_garbage(&mut self) -> Result<()> {
        let kind = self.rng.random_range(0..3);
        let mut stream = self.address.connect().await?;
        self.let_in();
        if kind == 0 {
            for _ in 0..PIECES {
                stream.write_all(&self.garbage()).await?;
            }
            drained(stream).await;
            return Ok(());
        }
        let mut socket = if kind == 1 { self.open(stream).await? } else { self.enter(stream).await? };
        for _ in 0..PIECES {
            socket.send(Message::Binary(self.garbage().into())).await?;
        }
        drained(socket.into_inner()).await;
        Ok(())
    }

    fn garbage(&mut self) -> Vec<u8> {
        let length = self.rng.random_range(1..=LONGEST);
        (0..length).map(|_| self.rng.random()).collect()
    }
}

/// Until the server has had enough.
async fn drained(mut stream: TcpStream) {
    // However it ends, it is over.
    let _ = timeout(IN_WITHIN, copy(&mut stream, &mut sink())).await;
}
