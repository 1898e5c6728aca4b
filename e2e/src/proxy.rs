//! A TCP proxy that passes on late: a slow server, or a long way to it.
//!
//! Owns the delays. What clients send goes on so much later, and what the server says, in order; at once until it is told to wait.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Pieces that wait for their time before no more is read.
const WAITING: usize = 4096;

/// Serves until it is dropped, and takes its connections with it.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens: an address that `to` and its neighbours reach.
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    delays: Arc<Delays>,
    serving: JoinHandle<()>,
}

/// In microseconds.
#[derive(Debug, Default)]
struct Delays {
    asks: AtomicU64,
    answers: AtomicU64,
}

impl Proxy {
    /// Passes on to `to` what comes, and its answers.
    ///
    /// # Errors
    /// When there is no way to `to`, or no port.
    pub async fn start(to: SocketAddr) -> Result<Proxy> {
        // Sends nothing: tells which of our addresses is on the way.
        let way = UdpSocket::bind("0.0.0.0:0").await?;
        way.connect(to).await.with_context(|| format!("there is no way to {to}"))?;
        let listener = TcpListener::bind((way.local_addr()?.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let accepted = Arc::new(AtomicUsize::new(0));
        let delays = Arc::new(Delays::default());
        let (count, late) = (accepted.clone(), delays.clone());
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let late = late.clone();
                connections.spawn(async move {
                    if let Err(error) = pass(client, to, &late).await {
                        tracing::debug!("a proxied connection has ended: {error:#}");
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Proxy { address, accepted, delays, serving })
    }

    /// From now on what comes is passed on `asks` later, and the answers `answers` later.
    pub fn delay(&self, asks: Duration, answers: Duration) {
        self.delays.asks.store(asks.as_micros() as u64, Ordering::Relaxed);
        self.delays.answers.store(answers.as_micros() as u64, Ordering::Relaxed);
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(client: TcpStream, to: SocketAddr, delays: &Delays) -> Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever side ends, both do.
    tokio::select! {
        ended = late(from_client, to_server, &delays.asks) => ended,
        ended = late(from_server, to_client, &delays.answers) => ended,
    }
}

async fn late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: &AtomicU64) -> Result<()> {
    let (waits, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(WAITING);
    let read = async move {
        let mut piece = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut piece).await?;
            let at = Instant::now() + Duration::from_micros(delay.load(Ordering::Relaxed));
            if length == 0 || waits.send((at, piece[..length].to_vec())).await.is_err() {
                return anyhow::Ok(());
            }
        }
    };
    let write = async move {
        while let Some((at, piece)) = due.recv().await {
            sleep_until(at).await;
            to.write_all(&piece).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(read, write)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_comes_late_and_in_order_and_the_end_is_passed_on() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = echo.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = echo.accept().await.unwrap();
            let mut bytes = [0; 6];
            stream.read_exact(&mut bytes[..3]).await.unwrap();
            stream.write_all(&bytes[..3]).await.unwrap();
            stream.read_exact(&mut bytes[3..]).await.unwrap();
            stream.write_all(&bytes[3..]).await.unwrap();
        });
        let (asks, answers) = (Duration::from_millis(30), Duration::from_millis(60));
        let proxy = Proxy::start(to).await.unwrap();
        proxy.delay(asks, answers);
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        let asked = Instant::now();
        client.write_all(b"one").await.unwrap();
        client.write_all(b"two").await.unwrap();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"onetwo");
        assert!(asked.elapsed() >= asks + answers, "{:?}", asked.elapsed());
        assert_eq!(proxy.accepted(), 1);
    }
}
