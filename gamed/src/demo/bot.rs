//! A player made of a few dice, so that the demo is never empty. Speaks the public protocol through the load balancer.

use futures_util::{SinkExt, StreamExt};
use protocol::peer::Input;
use protocol::{
    ClientMessage, CloseCode, Epoch, FrameEvent, GameId, Hello, PLAYER_VERSION, PlayerId, ServerMessage, Tick,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tracing::debug;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const NAMES: [&str; 12] =
    ["Ada", "Bert", "Cleo", "Dirk", "Edda", "Finn", "Gitta", "Hugo", "Ines", "Jost", "Kaja", "Lutz"];

/// Bits of a player's keys.
const FORWARD: u8 = 1;
const BACK: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;
const FIRE: u8 = 16;

/// Launch from any free entry point.
const LAUNCH: u8 = 2;

/// Between two tries to connect.
const RETRY: Duration = Duration::from_millis(300);

/// What a bot knows of itself.
#[derive(Default)]
struct Me {
    player: PlayerId,
    slots: u8,
    slot: Option<u8>,
    has_tank: bool,
    token: Option<Vec<u8>>,
    session: u32,
    seq: u32,
    shown: Option<(Epoch, Tick)>,
}

/// Why a bot stops reading a socket.
enum End {
    /// Its server leaves: find another while this one still plays.
    GoAway,
    /// The socket is gone.
    Lost,
    /// The game is.
    GameOver,
}

/// See the module.
pub struct Bot {
    server: SocketAddr,
    game: GameId,
    name: String,
    dice: StdRng,
    me: Me,
    /// Keys held, and the tick at which it thinks again.
    keys: u8,
    thinks_at: Tick,
}

impl Bot {
    /// The `number`-th bot, which decides its name and its luck.
    pub fn new(server: SocketAddr, game: GameId, number: u64) -> Bot {
        let name = NAMES[number as usize % NAMES.len()].to_owned();
        Bot {
            server,
            game,
            name,
            dice: StdRng::seed_from_u64(number),
            me: Me::default(),
            keys: 0,
            thinks_at: Tick(0),
        }
    }

    /// Plays until the game is over.
    pub async fn play(mut self) {
        let mut socket = self.connect().await;
        loop {
            match self.follow(&mut socket).await {
                End::GoAway => {
                    // Make before break: the old socket stays until the new one has shown a world.
                    let mut next = self.connect().await;
                    if let End::Lost | End::GameOver = self.first_world(&mut next).await {
                        continue;
                    }
                    if let Err(error) = socket.close(None).await {
                        debug!(%error, "the old socket was gone");
                    }
                    socket = next;
                }
                End::Lost => {
                    tokio::time::sleep(RETRY).await;
                    socket = self.connect().await;
                }
                End::GameOver => return,
            }
        }
    }

    async fn connect(&mut self) -> Socket {
        loop {
            self.me.session += 1;
            match self.hello().await {
                Ok(socket) => return socket,
                Err(error) => {
                    debug!(%error, "a bot cannot connect");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn hello(&self) -> Result<Socket, tungstenite::Error> {
        let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/play", self.server)).await?;
        let hello = Hello {
            version: PLAYER_VERSION,
            game: self.game,
            spectate: false,
            name: self.name.clone(),
            session: self.me.session,
            token: self.me.token.clone(),
            floor: self.me.shown,
        };
        socket.send(Message::Binary(ClientMessage::Hello(hello).encode())).await?;
        Ok(socket)
    }

    /// Reads until the first keyframe.
    async fn first_world(&mut self, socket: &mut Socket) -> End {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Binary(bytes) = message else { continue };
            let Ok(message) = ServerMessage::decode(&bytes) else { return End::Lost };
            let keyframe = matches!(message, ServerMessage::Keyframe(_));
            self.learn(message);
            if keyframe {
                return End::GoAway;
            }
        }
        End::Lost
    }

    async fn follow(&mut self, socket: &mut Socket) -> End {
        while let Some(Ok(message)) = socket.next().await {
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Close(Some(frame)) if u16::from(frame.code) == CloseCode::GameOver.code() => {
                    return End::GameOver;
                }
                _ => continue,
            };
            let Ok(message) = ServerMessage::decode(&bytes) else { return End::Lost };
            if matches!(message, ServerMessage::GoAway { .. }) {
                return End::GoAway;
            }
            let frame = matches!(message, ServerMessage::Frame { .. });
            self.learn(message);
            if frame
                && let Some(reply) = self.think()
                && socket.send(Message::Binary(reply.encode())).await.is_err()
            {
                return End::Lost;
            }
        }
        End::Lost
    }

    fn learn(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Welcome(welcome) => {
                self.me.player = welcome.player;
                self.me.slots = welcome.slots;
                self.me.token = Some(welcome.token);
            }
            ServerMessage::Keyframe(keyframe) => {
                self.me.shown = Some((keyframe.epoch, keyframe.tick));
                let own = keyframe.players.iter().find(|player| player.id == self.me.player);
                self.me.slot = own.map(|player| player.slot);
                self.me.has_tank = own.is_some_and(|player| player.tank.is_some());
                self.me.seq = own.map_or(self.me.seq, |player| self.me.seq.max(player.last_seq));
                self.thinks_at = keyframe.tick;
            }
            ServerMessage::Frame { header, body } => {
                let Some((epoch, tick)) = self.me.shown else { return };
                self.me.shown = Some((header.epoch.unwrap_or(epoch), header.tick(tick)));
                let Ok(body) = body.decode(self.me.slots) else { return };
                for event in body.events {
                    match event {
                        FrameEvent::Join { slot, player, .. } if player == self.me.player => {
                            self.me.slot = Some(slot)
                        }
                        FrameEvent::Launch { slot, .. } if Some(slot) == self.me.slot => {
                            self.me.has_tank = true
                        }
                        FrameEvent::Kill { slot, .. } if Some(slot) == self.me.slot => {
                            self.me.has_tank = false
                        }
                        _ => {}
                    }
                }
            }
            ServerMessage::Expect { seq } => self.me.seq = seq.saturating_sub(1),
            _ => {}
        }
    }

    /// Every now and then: other keys, a shot, or a new tank.
    fn think(&mut self) -> Option<ClientMessage> {
        let (_, tick) = self.me.shown?;
        self.me.slot?;
        if tick < self.thinks_at {
            // A sign of life, as clients owe one.
            return tick.0.is_multiple_of(10).then_some(ClientMessage::Seen { tick });
        }
        self.thinks_at = Tick(tick.0 + self.dice.random_range(8..40));
        let action = if self.me.has_tank { 0 } else { LAUNCH };
        self.keys = if self.me.has_tank { self.drive() } else { 0 };
        self.me.seq += 1;
        let input = Input { seq: self.me.seq, for_tick: tick.next(), keys: self.keys, action };
        Some(ClientMessage::Inputs { seen: tick, inputs: vec![input] })
    }

    fn drive(&mut self) -> u8 {
        let go = match self.dice.random_range(0..10) {
            0 => BACK,
            1 => 0,
            _ => FORWARD,
        };
        let turn = match self.dice.random_range(0..5) {
            0 | 1 => LEFT,
            2 | 3 => RIGHT,
            _ => 0,
        };
        let fire = if self.dice.random_bool(0.6) { FIRE } else { 0 };
        go | turn | fire
    }
}
