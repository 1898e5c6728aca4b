//! A load balancer for TCP, as the demo needs one: new connections go round over the servers that stay, open ones stay.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

#[derive(Default)]
struct Backends {
    addresses: Vec<SocketAddr>,
    next: usize,
}

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct Balancer(Arc<Mutex<Backends>>);

impl Balancer {
    /// No server yet.
    pub fn new() -> Balancer {
        Balancer::default()
    }

    /// New connections may go there.
    pub fn add(&self, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).addresses.push(address);
    }

    /// New connections no longer go to the server that was added first.
    pub fn remove_oldest(&self) {
        let mut backends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !backends.addresses.is_empty() {
            backends.addresses.remove(0);
        }
    }

    fn pick(&self) -> Option<SocketAddr> {
        let mut backends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        backends.next += 1;
        let count = backends.addresses.len();
        (count > 0).then(|| backends.addresses[backends.next % count])
    }

    /// Carries connections until cancelled.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let client = match accepted {
                Ok((client, _)) => client,
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(server) = self.pick() else { continue };
            let stop = stop.clone();
            connections.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    carried = carry(client, server) => if let Err(error) = carried { debug!(%error, "connection") },
                }
            });
        }
        connections.close();
        connections.wait().await;
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
