//! What the servers offer by HTTP, as a player's page sees it: list games, create one.
//!
//! Owns the address and the requests. One connection for each request, so that the load balancer decides each time.

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use protocol::GameId;
use serde::{Deserialize, de::DeserializeOwned};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

/// Longest wait for a connection. Just above the 1 s after which a lost SYN is sent again.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Longest wait for an answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Where players connect to: one address, whatever is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Address> {
        let hint = "give the players' address as HOST, HOST:PORT or http://HOST:PORT";
        if text.starts_with("https://") || text.starts_with("wss://") {
            bail!("{text:?}: bots do not speak TLS; {hint}, of a listener without TLS");
        }
        let plain = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let (host, port) = match plain.rsplit_once(':') {
            Some((host, port)) => {
                (host, port.parse().with_context(|| format!("{text:?}: bad port; {hint}"))?)
            }
            None => (plain, 80),
        };
        if host.is_empty() || host.contains(['/', ' ', '@']) {
            bail!("{text:?} is no address; {hint}");
        }
        Ok(Address { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A game as the lobby lists it.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedGame {
    /// Its id.
    pub id: GameId,
    /// Who ticks it; none while nobody does.
    pub owner: Option<ListedMember>,
    /// Version of the rules that it is played by; 0: the server does not say.
    #[serde(default)]
    pub rules: u16,
}

/// A game server as the lobby names it.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedMember {
    /// Of the process: another one after each start.
    pub id: String,
    /// Of the pod.
    pub name: String,
}

/// A move as the servers noted it.
#[derive(Clone, Debug, Deserialize)]
pub struct NotedMove {
    /// The game.
    pub game: GameId,
    /// How long nobody ran it, in microseconds.
    pub pause_us: u64,
    /// `move`, or what was known of the old owner's death.
    pub cause: String,
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
}

#[derive(Deserialize)]
struct Overview {
    #[serde(default)]
    operator_beat: Option<u64>,
    moves: Vec<NotedMove>,
}

#[derive(Deserialize)]
struct Games {
    games: Vec<ListedGame>,
}

#[derive(Deserialize)]
struct Created {
    id: GameId,
}

#[derive(Deserialize)]
struct Refused {
    /// As Kubernetes calls it.
    #[serde(alias = "message")]
    error: String,
}

impl Address {
    /// A new connection, without delay of small writes.
    ///
    /// # Errors
    /// When there is none in [`CONNECT_TIMEOUT`].
    pub async fn connect(&self) -> Result<TcpStream> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT_TIMEOUT, connecting)
            .await
            .with_context(|| format!("no connection to {self} in {CONNECT_TIMEOUT:?}"))?
            .with_context(|| format!("cannot connect to {self}"))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A new connection whose kernel keeps only so many bytes that nobody has read.
    ///
    /// # Errors
    /// As above.
    pub async fn connect_narrow(&self, unread: u32) -> Result<TcpStream> {
        let mut found = lookup_host((self.host.as_str(), self.port)).await?;
        let to = found.next().with_context(|| format!("{} has no address", self.host))?;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_recv_buffer_size(unread)?;
        timeout(CONNECT_TIMEOUT, socket.connect(to))
            .await
            .with_context(|| format!("no connection to {self} in {CONNECT_TIMEOUT:?}"))?
            .with_context(|| format!("cannot connect to {self}"))
    }

    /// As [`Address::connect`], and once more where nobody answered: a load balancer may still send connections to a pod that
    /// has just ended, and the next one takes another way.
    async fn connect_again(&self) -> Result<TcpStream> {
        match self.connect().await {
            Ok(stream) => Ok(stream),
            Err(error) => {
                tracing::debug!("{error:#}; once more");
                self.connect().await
            }
        }
    }

    /// All games.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn games(&self) -> Result<Vec<ListedGame>> {
        Ok(self.get::<Games>("/api/games").await?.games)
    }

    /// The last moves, as the server that answers knows them.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn moves(&self) -> Result<Vec<NotedMove>> {
        Ok(self.get::<Overview>("/api/cluster").await?.moves)
    }

    /// The operator's sign of life: rises while there is one. None: the server does not say.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn operator_beat(&self) -> Result<Option<u64>> {
        Ok(self.get::<Overview>("/api/cluster").await?.operator_beat)
    }

    /// Creates a game without the servers' own bots.
    ///
    /// # Errors
    /// When the server does not answer, or with its sentence when it refuses.
    pub async fn create_game(&self, name: &str) -> Result<GameId> {
        let body = serde_json::json!({ "name": name, "bots": 0 }).to_string();
        Ok(self.request::<Created>(Method::POST, "/api/games", Some(body)).await?.id)
    }

    /// What is there, as JSON.
    ///
    /// # Errors
    /// When nobody answers, with what the server says when it refuses, or when it is something else.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.request(Method::GET, path, None).await
    }

    /// What is there, as it is.
    ///
    /// # Errors
    /// When nobody answers, or with what the server says when it refuses.
    pub(crate) async fn text(&self, path: &str) -> Result<String> {
        let body = self.answer(Method::GET, path, None).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T> {
        let answer = self.answer(method.clone(), path, body).await?;
        serde_json::from_slice(&answer)
            .with_context(|| format!("{method} http://{self}{path}: the answer is another one than expected"))
    }

    /// The body of a good answer.
    async fn answer(&self, method: Method, path: &str, body: Option<String>) -> Result<Bytes> {
        let what = format!("{method} http://{self}{path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let answer = async {
            let stream = TokioIo::new(self.connect_again().await?);
            let (mut sender, connection) = http1::handshake(stream).await?;
            let exchange = async {
                let answer = sender.send_request(request).await?;
                let status = answer.status();
                let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
                let body = body.map_err(|error| anyhow::anyhow!("cannot read the answer: {error}"))?;
                anyhow::Ok((status, body.to_bytes()))
            };
            tokio::pin!(exchange);
            tokio::select! {
                done = &mut exchange => done,
                // The connection may end as soon as it has handed over the last byte.
                ended = connection => { ended?; exchange.await }
            }
        };
        let (status, body) = timeout(ANSWER_TIMEOUT, answer)
            .await
            .with_context(|| format!("{what}: no answer in {ANSWER_TIMEOUT:?}"))?
            .with_context(|| what.clone())?;
        if !status.is_success() {
            let sentence = serde_json::from_slice::<Refused>(&body).map(|refused| refused.error);
            bail!(
                "{what}: {status}: {}",
                sentence.unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned())
            );
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_port_80_unless_told() {
        let shown = |text: &str| text.parse::<Address>().unwrap().to_string();
        assert_eq!(shown("198.18.1.1"), "198.18.1.1:80");
        assert_eq!(shown("localhost:8080"), "localhost:8080");
        assert_eq!(shown("http://tanx.example:81/"), "tanx.example:81");
        for bad in ["", ":80", "host:port", "host:99999", "a b", "https://tanx.example", "host/path"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
