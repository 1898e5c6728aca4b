//! One websocket of a bot.
//!
//! Owns opening, reading with the time of arrival, and writing. Knows nothing of the messages.

use crate::lobby::{Address, CONNECT_TIMEOUT};
use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::{ClientMessage, Epoch, MAX_SERVER_MESSAGE, Tick};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

/// Longest wait for the server to take one message, or a close.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest time that an older socket is kept for the ticks before the newer one's first: a busy machine delivers late.
const OVERLAP_MAX: Duration = Duration::from_secs(3);

/// After so long without a word, and again each time, a server is asked for a keyframe: it has one itself, whoever runs the game. In
/// play something comes every 20 ms, and a planned move leaves out less than 100.
pub(super) const ASK_SILENT: Duration = Duration::from_millis(400);

/// What a socket brings.
pub(super) enum Arrival {
    /// A binary message. A text message comes as its bytes: the oracle shall see it.
    Message(Bytes),
    /// The end: close code and reason, or code 0 and what cut it.
    Closed(u16, String),
}

/// An open websocket.
pub(super) struct Socket {
    /// Counts the bot's sockets from 1.
    pub(super) number: u32,
    /// A Welcome came: messages besides Hello may be sent.
    pub(super) greeted: bool,
    /// Where the frames of this socket stand.
    pub(super) tick: Option<(Epoch, Tick)>,
    /// The first world that it brought.
    pub(super) began: Option<(Epoch, Tick)>,
    /// Frames came after it.
    pub(super) flows: bool,
    /// A GoAway came, or it is to be replaced by another one all the same.
    pub(super) sent_away: bool,
    /// When the last message came, or the socket was opened.
    pub(super) last_arrival: Instant,
    /// The newest world that it has brought.
    newest: Option<(Epoch, Tick)>,
    /// When it brought that, or was opened.
    last_news: Instant,
    /// When it was last asked whether anybody is there.
    asked: Instant,
    /// How often, since the last message came.
    unanswered: u32,
    /// It leads from a world that was left, and a keyframe was asked for.
    pub(super) astray: bool,
    /// A write failed: the next arrival is the end.
    pub(super) broken: bool,
    opened: Instant,
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    pub(super) async fn open(address: &Address, number: u32) -> Result<Socket> {
        let tcp = address.connect().await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_SERVER_MESSAGE))
            .max_frame_size(Some(MAX_SERVER_MESSAGE));
        let url = format!("ws://{address}/play");
        let handshake = tokio_tungstenite::client_async_with_config(&url, tcp, Some(config));
        let (stream, _) = timeout(CONNECT_TIMEOUT, handshake)
            .await
            .with_context(|| format!("{url} did not answer in {CONNECT_TIMEOUT:?}"))?
            .with_context(|| format!("{url} is no websocket"))?;
        Ok(Socket {
            number,
            greeted: false,
            tick: None,
            began: None,
            flows: false,
            sent_away: false,
            last_arrival: Instant::now(),
            newest: None,
            last_news: Instant::now(),
            asked: Instant::now(),
            unanswered: 0,
            opened: Instant::now(),
            astray: false,
            broken: false,
            stream,
        })
    }

    /// It has brought nothing for too long.
    pub(super) fn silent(&self) -> bool {
        self.last_arrival.elapsed() > super::SILENCE
    }

    /// It has brought that world; which is no news where it was asked for.
    pub(super) fn leads_to(&mut self, world: (Epoch, Tick)) {
        self.tick = Some(world);
        if self.tick > self.newest {
            (self.newest, self.last_news) = (self.tick, self.last_arrival);
        }
    }

    /// Nobody answers any more, or nothing is new for too long.
    pub(super) fn stuck(&self) -> bool {
        self.unanswered >= super::ASKS || self.last_news.elapsed() > super::SILENCE
    }

    /// Whether it is time to ask it whether anybody is there; counts as asked then.
    pub(super) fn asks(&mut self) -> bool {
        let due = self.last_arrival.max(self.asked).elapsed() >= ASK_SILENT;
        if due {
            self.asked = Instant::now();
            self.unanswered += 1;
        }
        due
    }

    /// Frames flow here and go on from what the older socket has brought, so that it may be closed without missing any.
    pub(super) fn replaces(&self, older: Option<&Socket>) -> bool {
        let caught_up = older.is_none_or(|older| older.tick >= self.began || older.stuck());
        self.flows && (caught_up || self.opened.elapsed() > OVERLAP_MAX)
    }

    /// The next thing that the socket brings; never, where there is none. Cancel safe.
    pub(super) async fn arrival(socket: &mut Option<Socket>) -> Arrival {
        let Some(socket) = socket else { return std::future::pending().await };
        if socket.broken {
            socket.last_arrival = Instant::now();
            return Arrival::Closed(0, "it took no more messages".to_owned());
        }
        loop {
            let message = socket.stream.next().await;
            (socket.last_arrival, socket.unanswered) = (Instant::now(), 0);
            return match message {
                Some(Ok(Message::Binary(bytes))) => Arrival::Message(bytes),
                Some(Ok(Message::Text(text))) => Arrival::Message(Bytes::copy_from_slice(text.as_bytes())),
                Some(Ok(Message::Close(Some(close)))) => {
                    Arrival::Closed(close.code.into(), close.reason.to_string())
                }
                Some(Ok(Message::Close(None))) => Arrival::Closed(1005, "closed without a code".to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => Arrival::Closed(0, error.to_string()),
                None => Arrival::Closed(0, "it ended".to_owned()),
            };
        }
    }

    pub(super) async fn send(&mut self, message: &ClientMessage) -> Result<()> {
        Ok(timeout(WRITE_TIMEOUT, self.stream.send(Message::Binary(message.encode()))).await??)
    }

    /// Says good-bye; a server that does not take it in time is left without.
    pub(super) async fn close(&mut self) {
        if let Ok(Err(error)) = timeout(WRITE_TIMEOUT, self.stream.close(None)).await {
            tracing::trace!(%error, socket = self.number, "closed before we could");
        }
    }
}
