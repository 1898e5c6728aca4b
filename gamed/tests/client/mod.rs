//! A client of the players' protocol that checks what every socket is promised: ticks follow each other, epochs never fall.

#![allow(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::peer::Input;
use protocol::{
    ClientMessage, CloseCode, Epoch, FrameEvent, GameId, Hello, Keyframe, KeyframePlayer, PLAYER_VERSION,
    PlayerId, ServerMessage, Tick, Welcome,
};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Nothing here takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The newest world that it was led to.
    pub world: Option<(Epoch, Tick)>,
    /// All frames that it got, with their ticks.
    pub frames: Vec<(Tick, Bytes)>,
    /// Each Welcome that it got.
    pub welcomes: Vec<Welcome>,
    /// (from, to) of each Skipped.
    pub skipped: Vec<(Tick, Tick)>,
    slots: u8,
    seq: u32,
}

/// One request, one answer: status and JSON.
pub async fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, Value)> {
    let (status, body) = text(address, method, path, body).await?;
    Ok((status, serde_json::from_str(&body).unwrap_or(Value::Null)))
}

/// One request, one answer: status and text.
pub async fn text(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let status = head.split(' ').nth(1).unwrap_or_default().parse().expect("a status");
    Ok((status, body.to_owned()))
}

pub fn hello(game: GameId) -> Hello {
    Hello {
        version: PLAYER_VERSION,
        game,
        spectate: false,
        name: "Tester".into(),
        session: 1,
        token: None,
        floor: None,
    }
}

pub fn own(keyframe: &Keyframe, player: PlayerId) -> Option<&KeyframePlayer> {
    keyframe.players.iter().find(|other| other.id == player)
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        let url = format!("ws://{address}/play");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a websocket");
        Client {
            socket,
            world: None,
            frames: Vec::new(),
            welcomes: Vec::new(),
            skipped: Vec::new(),
            slots: 0,
            seq: 0,
        }
    }

    pub async fn enter(address: SocketAddr, hello: Hello) -> (Client, Welcome, Keyframe) {
        let mut client = Client::connect(address).await;
        client.send(ClientMessage::Hello(hello)).await;
        let (welcome, keyframe) = client.welcome().await;
        (client, welcome, keyframe)
    }

    pub async fn send(&mut self, message: ClientMessage) {
        self.send_raw(message.encode()).await;
    }

    pub async fn send_raw(&mut self, bytes: Bytes) {
        self.socket.send(Message::Binary(bytes)).await.expect("the socket takes a message");
    }

    /// Gives the next input after `seq`, or after the last one that was given here.
    pub async fn input(&mut self, keys: u8, action: u8) {
        let seen = self.world.expect("welcomed").1;
        self.input_for(seen, keys, action).await;
    }

    /// Gives the next input, meant for that tick.
    pub async fn input_for(&mut self, for_tick: Tick, keys: u8, action: u8) {
        self.seq += 1;
        let seen = self.world.expect("welcomed").1;
        let input = Input { seq: self.seq, for_tick, keys, action };
        self.send(ClientMessage::Inputs { seen, inputs: vec![input] }).await;
    }

    /// Goes on with the inputs of another socket of the player.
    pub fn go_on_from(&mut self, other: &Client) {
        self.seq = other.seq;
    }

    /// The next message of the server, or the code that it closed with. Answers frames with Seen as clients must.
    pub async fn next(&mut self) -> Result<ServerMessage, u16> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the server says something");
            let bytes = match message {
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(_)) => continue,
                other => panic!("the socket ended without a code: {other:?}"),
            };
            let message = ServerMessage::decode(&bytes).expect("a message");
            self.take(&message, bytes).await;
            return Ok(message);
        }
    }

    async fn take(&mut self, message: &ServerMessage, bytes: Bytes) {
        match message {
            ServerMessage::Frame { header, .. } => {
                let (epoch, tick) = self.world.expect("a keyframe comes first");
                let next = (header.epoch.unwrap_or(epoch), header.tick(tick));
                assert_eq!(next.1, tick.next(), "ticks follow each other");
                assert!(next.0 >= epoch, "epochs never fall");
                self.world = Some(next);
                self.frames.push((next.1, bytes));
                if next.1.0.is_multiple_of(10) {
                    // Its end may be on the way.
                    let seen = ClientMessage::Seen { tick: next.1 }.encode();
                    let _ = self.socket.send(Message::Binary(seen)).await;
                }
            }
            ServerMessage::Keyframe(keyframe) => {
                assert!(self.world.is_none_or(|(epoch, _)| keyframe.epoch >= epoch), "epochs never fall");
                self.world = Some((keyframe.epoch, keyframe.tick));
            }
            ServerMessage::Welcome(welcome) => {
                self.slots = welcome.slots;
                self.welcomes.push(welcome.clone());
            }
            ServerMessage::Skipped { from, to } => self.skipped.push((*from, *to)),
            _ => {}
        }
    }

    pub async fn closes_with(&mut self, code: CloseCode) {
        loop {
            if let Err(found) = self.next().await {
                return assert_eq!(found, code.code());
            }
        }
    }

    pub async fn welcome(&mut self) -> (Welcome, Keyframe) {
        let mut welcome = None;
        loop {
            match self.next().await.expect("no close") {
                ServerMessage::Welcome(message) => welcome = Some(message),
                ServerMessage::Keyframe(keyframe) => {
                    return (welcome.expect("Welcome comes first"), keyframe);
                }
                _ => {}
            }
        }
    }

    /// Reads on until it was led to that tick.
    pub async fn reach(&mut self, tick: Tick) {
        while self.world.is_none_or(|(_, now)| now < tick) {
            self.next().await.expect("no close");
        }
    }

    /// Reads on for so many ticks.
    pub async fn pass(&mut self, ticks: u64) {
        let now = self.world.expect("welcomed").1;
        self.reach(Tick(now.0 + ticks)).await;
    }

    /// Reads on until a frame holds an event that is wanted; says when it was and what.
    pub async fn event<T>(&mut self, what: &str, wanted: impl Fn(&FrameEvent) -> Option<T>) -> (Tick, T) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let message = self.next().await.expect("no close");
            let ServerMessage::Frame { body, .. } = message else { continue };
            let body = body.decode(self.slots).expect("a frame's body");
            if let Some(found) = body.events.iter().find_map(&wanted) {
                return (self.world.expect("welcomed").1, found);
            }
        }
        panic!("no frame with {what}");
    }

    /// Asks for keyframes until one is as wanted.
    pub async fn world(&mut self, what: &str, wanted: impl Fn(&Keyframe) -> bool) -> Keyframe {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let newest = self.world.expect("welcomed").1;
            self.send(ClientMessage::KeyframePlease).await;
            loop {
                match self.next().await.expect("no close") {
                    ServerMessage::Keyframe(keyframe) if wanted(&keyframe) => return keyframe,
                    ServerMessage::Keyframe(_) => break,
                    _ => {}
                }
            }
            // Frames that it has shown already follow the keyframe.
            self.reach(Tick(newest.0 + 5)).await;
        }
        panic!("no world with {what}");
    }
}
