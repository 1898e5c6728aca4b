//! A TCP proxy that passes on late: a slow server, or a long way to it.
//!
//! Owns the delays. What clients send goes on so much later, and what the server says, in order.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Passes on to `to` what comes, `asks` later, and its answers, `answers` later.
    ///
    /// # Errors
    /// When there is no way to `to`, or no port.
    pub async fn start(to: SocketAddr, asks: Duration, answers: Duration) -> Result<Proxy> {
        // Sends nothing: tells which of our addresses is on the way.
        let way = UdpSocket::bind("0.0.0.0:0").await?;
        way.connect(to).await.with_context(|| format!("there is no way to {to}"))?;
        let listener = TcpListener::bind((way.local_addr()?.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(async move {
                    if let Err(error) = pass(client, to, asks, answers).await {
                        tracing::debug!("a proxied connection has ended: {error:#}");
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Proxy { address, accepted, serving })
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

async fn pass(client: TcpStream, to: SocketAddr, asks: Duration, answers: Duration) -> Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever side ends, both do.
    tokio::select! {
        ended = late(from_client, to_server, asks) => ended,
        ended = late(from_server, to_client, answers) => ended,
    }
}

async fn late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) -> Result<()> {
    let (waits, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(WAITING);
    let read = async move {
        let mut piece = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 || waits.send((Instant::now() + delay, piece[..length].to_vec())).await.is_err() {
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
        let proxy = Proxy::start(to, asks, answers).await.unwrap();
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
