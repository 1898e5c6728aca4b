//! Bots against a small scripted server, and the oracle on what they recorded.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use bytes::Bytes;
use e2e::bot::{Bot, Settings};
use e2e::oracle::{Fault, Verdict, Window, judge};
use e2e::recording::What;
use futures_util::{SinkExt, StreamExt};
use protocol::{
    Body, ClientMessage, CloseCode, Epoch, Flags, Frame, FrameEvent, FrameHeader, GameId, Hello, Host,
    Keyframe, KeyframePlayer, PlayerId, ServerMessage, SlotInputs, Tick, Welcome, peer::Input,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::{Instant, interval, sleep};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

const SLOTS: u8 = 4;
const DURABLE_LAG: u64 = 10;
const DEADLINE: Duration = Duration::from_secs(10);

/// What all sockets are told at once.
#[derive(Clone)]
enum Say {
    /// To every socket.
    All(Bytes),
    /// To sockets that were opened so long ago: leave.
    GoAway { opened_before: Instant },
    /// To no socket of now, ever again: a server that was stopped.
    Nothing,
    /// Cut every socket without a word.
    Cut,
    /// Close every socket for that reason.
    Close(CloseCode),
}

/// A game of one rule: inputs are consumed in order, one a player and tick.
struct Game {
    world: Keyframe,
    waiting: Vec<(PlayerId, Input)>,
    joining: Vec<KeyframePlayer>,
    /// Worlds since the durable one, to go back to.
    past: Vec<Keyframe>,
    forget_tokens: bool,
    /// No tick is run.
    stands_still: bool,
    /// So many new connections are accepted and hear nothing.
    dead_ends: usize,
    sockets: u32,
    expects: u32,
    asked: u32,
    pings: u32,
}

struct Server {
    address: String,
    game: Arc<Mutex<Game>>,
    say: broadcast::Sender<Say>,
}

impl Server {
    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let world = Keyframe { epoch: Epoch(0x10000), tick: Tick(1), rules: 1, ..Keyframe::default() };
        let game = Game {
            world,
            waiting: Vec::new(),
            joining: Vec::new(),
            past: Vec::new(),
            forget_tokens: false,
            stands_still: false,
            dead_ends: 0,
            sockets: 0,
            expects: 0,
            asked: 0,
            pings: 0,
        };
        let (game, say) = (Arc::new(Mutex::new(game)), broadcast::channel(256).0);
        let (ticking, told) = (game.clone(), say.clone());
        tokio::spawn(async move {
            let mut pace = interval(Duration::from_millis(20));
            let mut flags = Flags::default();
            loop {
                pace.tick().await;
                let mut game = ticking.lock().unwrap();
                if game.stands_still {
                    continue;
                }
                let frame = game.tick(std::mem::take(&mut flags));
                let _ = told.send(Say::All(frame));
            }
        });
        let (accepting, saying) = (game.clone(), say.clone());
        tokio::spawn(async move {
            let mut dead = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                if accepting.lock().unwrap().dead_ends > dead.len() {
                    dead.push(stream);
                    continue;
                }
                tokio::spawn(serve(stream, accepting.clone(), saying.clone()));
            }
        });
        Server { address, game, say }
    }

    fn tell(&self, say: Say) {
        let _ = self.say.send(say);
    }

    /// Goes back to the durable world under a new epoch, as after a crash.
    fn rewind(&self) {
        let mut game = self.game.lock().unwrap();
        let epoch = Epoch(game.world.epoch.0 + 0x10000);
        let durable = game.past[0].tick;
        game.world = Keyframe { epoch, durable, ..game.past[0].clone() };
        game.past.clear();
        game.waiting.clear();
        // Under the lock, so that nothing comes between keyframe and flagged frame.
        self.tell(Say::All(ServerMessage::Keyframe(game.world.clone()).encode()));
        let flags = Flags { rewind: true, ..Flags::default() };
        let frame = game.tick(flags);
        self.tell(Say::All(frame));
    }

    fn play(&self, bots: u64, start: Instant) -> Vec<Bot> {
        (1..=bots)
            .map(|number| {
                Bot::start(Settings {
                    address: self.address.parse().unwrap(),
                    game: GameId(1),
                    name: format!("bot-{number}"),
                    seed: number,
                    start,
                })
            })
            .collect()
    }

    fn applied(&self, bots: usize) -> Option<u32> {
        let game = self.game.lock().unwrap();
        let all = game.world.players.len() == bots;
        all.then(|| game.world.players.iter().map(|player| player.applied).min().unwrap_or(0))
    }
}

impl Game {
    fn tick(&mut self, flags: Flags) -> Bytes {
        self.past.push(self.world.clone());
        let keep = self.past.len().saturating_sub(DURABLE_LAG as usize);
        self.past.drain(..keep);
        self.world.tick = self.world.tick.next();
        self.world.durable = self.past[0].tick;
        let mut body = Body::default();
        for player in self.joining.drain(..) {
            body.events.push(FrameEvent::Join {
                slot: player.slot,
                player: player.id,
                bot: false,
                name: player.name.clone(),
            });
            self.world.players.push(player);
        }
        for player in &mut self.world.players {
            let next = (self.waiting.iter())
                .position(|(id, input)| *id == player.id && input.seq == player.last_seq + 1);
            if let Some(index) = next {
                let (_, Input { seq, keys, action, .. }) = self.waiting.swap_remove(index);
                (player.last_seq, player.keys, player.applied) = (seq, keys, player.applied + 1);
                let [a, b, c, d] = seq.to_le_bytes();
                let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                player.applied_hash = [a, b, c, d, keys, action].into_iter().fold(player.applied_hash, fnv);
                body.inputs.push(SlotInputs { slot: player.slot, keys: vec![keys] });
            }
        }
        let header = FrameHeader::new(self.world.tick, self.world.durable, flags, None);
        Frame { header, body }.encode(SLOTS)
    }

    fn join(&mut self, hello: &Hello) -> Result<PlayerId, CloseCode> {
        self.sockets += 1;
        if let Some(token) = &hello.token {
            let id = PlayerId(u64::from_le_bytes(token[..].try_into().unwrap()));
            return if self.forget_tokens { Err(CloseCode::Token) } else { Ok(id) };
        }
        let slot = (self.world.players.len() + self.joining.len()) as u8;
        let id = PlayerId(u64::from(slot) + 1);
        let (name, applied_hash) = (hello.name.clone(), 0x811c_9dc5);
        self.joining.push(KeyframePlayer { id, slot, name, applied_hash, ..KeyframePlayer::default() });
        Ok(id)
    }

    fn inputs(&mut self, me: PlayerId, inputs: Vec<Input>) -> Option<u32> {
        let mut expect = None;
        for input in inputs {
            let last =
                self.world.players.iter().find(|player| player.id == me).map_or(0, |player| player.last_seq);
            let waiting = self.waiting.iter().filter(|(id, _)| *id == me).count() as u32;
            if input.seq == last + waiting + 1 {
                self.waiting.push((me, input));
            } else if input.seq > last + waiting {
                self.expects += 1;
                expect = Some(last + waiting + 1);
            }
        }
        expect
    }
}

async fn serve(stream: TcpStream, game: Arc<Mutex<Game>>, say: broadcast::Sender<Say>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let opened = Instant::now();
    let Some(Ok(Message::Binary(bytes))) = socket.next().await else { return };
    let Ok(ClientMessage::Hello(hello)) = ClientMessage::decode(&bytes) else {
        panic!("a Hello comes first")
    };
    let joined = game.lock().unwrap().join(&hello);
    let me = match joined {
        Ok(me) => me,
        Err(code) => return close(&mut socket, code).await,
    };
    let welcome = Welcome {
        version: 1,
        player: me,
        session: hello.session,
        settings_name: "scripted".into(),
        maze: String::new(),
        slots: SLOTS,
        edge_name: "edge".into(),
        edge_build: "v1".into(),
        token: me.0.to_le_bytes().into(),
    };
    let (mut told, first) = {
        let game = game.lock().unwrap();
        let host = Host {
            epoch: game.world.epoch,
            owner_name: format!("owner of {}", game.world.epoch),
            owner_build: "v1".into(),
            owner_revision: "r1".into(),
            edge_name: "edge".into(),
            edge_build: "v1".into(),
            edge_revision: "r1".into(),
        };
        let keyframe = ServerMessage::Keyframe(game.world.clone());
        (say.subscribe(), [ServerMessage::Welcome(welcome), ServerMessage::Host(host), keyframe])
    };
    for message in first {
        if socket.send(Message::Binary(message.encode())).await.is_err() {
            return;
        }
    }
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(Ok(Message::Binary(bytes))) = message else { return };
                match ClientMessage::decode(&bytes).expect("bots send what can be read") {
                    ClientMessage::Inputs { inputs, .. } => {
                        let expect = game.lock().unwrap().inputs(me, inputs);
                        if let Some(seq) = expect {
                            let message = ServerMessage::Expect { seq }.encode();
                            if socket.send(Message::Binary(message)).await.is_err() { return }
                        }
                    }
                    ClientMessage::KeyframePlease => {
                        // The newest world, which this socket is shown after the frames that are under way to it.
                        let keyframe = {
                            let mut game = game.lock().unwrap();
                            game.asked += 1;
                            ServerMessage::Keyframe(game.world.clone()).encode()
                        };
                        while let Ok(said) = told.try_recv() {
                            let Say::All(bytes) = said else { return };
                            if socket.send(Message::Binary(bytes)).await.is_err() { return }
                        }
                        if socket.send(Message::Binary(keyframe)).await.is_err() { return }
                    }
                    ClientMessage::Ping { nonce, tick } => {
                        game.lock().unwrap().pings += 1;
                        let message = ServerMessage::Pong { nonce, tick, slack_ms: 0 }.encode();
                        if socket.send(Message::Binary(message)).await.is_err() { return }
                    }
                    ClientMessage::Leave => return,
                    _ => {}
                }
            }
            said = told.recv() => match said.expect("a socket keeps up") {
                Say::All(bytes) => if socket.send(Message::Binary(bytes)).await.is_err() { return },
                Say::GoAway { opened_before } if opened < opened_before => {
                    let message = ServerMessage::GoAway { grace_ms: 1000 }.encode();
                    if socket.send(Message::Binary(message)).await.is_err() { return }
                }
                Say::GoAway { .. } => {}
                Say::Nothing => return std::future::pending().await,
                Say::Cut => return,
                Say::Close(code) => return close(&mut socket, code).await,
            },
        }
    }
}

async fn close(socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>, code: CloseCode) {
    let frame = CloseFrame { code: code.code().into(), reason: code.sentence().into() };
    let _ = socket.close(Some(frame)).await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "in {DEADLINE:?} it did not come true that {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Starts two bots, waits until they play, lets `fault` happen, and judges what they recorded until `over`.
async fn run(fault: impl AsyncFnOnce(&Server, &[Bot])) -> (Verdict, Server) {
    let server = Server::start().await;
    let start = Instant::now();
    let bots = server.play(2, start);
    until("both bots play", || server.applied(2).is_some_and(|applied| applied >= 1)).await;
    let from = start.elapsed();
    fault(&server, &bots).await;
    let newest = server.game.lock().unwrap().world.tick;
    until("both bots have frames after it", || {
        bots.iter()
            .all(|bot| bot.logbook.progress().newest.is_some_and(|(_, tick, _)| tick.0 > newest.0 + 20))
    })
    .await;
    let window = Window { from, to: start.elapsed() };
    bots.iter().for_each(Bot::tell_to_stop);
    let mut recordings = Vec::new();
    for bot in bots {
        let logbook = bot.logbook.clone();
        bot.stop().await.unwrap();
        recordings.push(logbook.recording());
    }
    assert!(
        recordings.iter().all(|one| one.entries().any(|entry| entry.what == What::Rested)),
        "each bot has seen to its inputs before it left"
    );
    (judge(&recordings, window), server)
}

fn red(verdict: &Verdict) -> Vec<Fault> {
    verdict.faults.iter().filter(|(_, count)| **count > 0).map(|(fault, _)| *fault).collect()
}

#[tokio::test]
async fn bots_play_and_nothing_is_red() {
    let (verdict, server) = run(async |server, _| {
        until("each bot has done five things", || server.applied(2).is_some_and(|applied| applied >= 5))
            .await;
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
    assert_eq!((verdict.ticks_missed, verdict.rewinds, server.game.lock().unwrap().sockets), (0, 0, 2));
    assert!(server.game.lock().unwrap().asked >= 2, "each bot asked what was applied");
}

#[tokio::test]
async fn an_input_that_the_servers_forget_is_seen() {
    let (verdict, _) = run(async |server, _| {
        until("some inputs were applied", || server.applied(2).is_some_and(|applied| applied >= 3)).await;
        // The number alone: whoever counts and hashes does both.
        let mut game = server.game.lock().unwrap();
        game.world.players.iter_mut().for_each(|player| player.applied -= 1);
    })
    .await;
    assert_eq!(verdict.count(Fault::InputsWrong), 2, "{:#?}", verdict.findings);
}

#[tokio::test]
async fn a_bot_that_is_sent_away_takes_a_second_socket_first_and_misses_nothing() {
    let (verdict, server) = run(async |server, _| {
        server.tell(Say::GoAway { opened_before: Instant::now() });
        until("each bot has a second socket", || server.game.lock().unwrap().sockets == 4).await;
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
    assert_eq!(verdict.ticks_missed, 0);
    assert_eq!(server.game.lock().unwrap().sockets, 4, "one socket more for each bot, not a storm");
}

#[tokio::test]
async fn a_bot_that_comes_again_does_so_by_its_token_and_misses_nothing() {
    let (verdict, server) = run(async |_, bots| {
        bots.iter().for_each(Bot::come_again);
        until("each bot was welcomed again", || bots.iter().all(|bot| bot.logbook.progress().welcomed == 2))
            .await;
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
    assert_eq!(verdict.ticks_missed, 0);
    assert_eq!(server.game.lock().unwrap().sockets, 4, "one socket more for each bot");
}

#[tokio::test]
async fn a_bot_that_is_cut_off_comes_back_as_the_same_player() {
    let (verdict, server) = run(async |server, _| {
        server.tell(Say::Cut);
        until("each bot has a second socket", || server.game.lock().unwrap().sockets >= 4).await;
    })
    .await;
    assert_eq!(red(&verdict), [Fault::SocketLost], "{:#?}", verdict.findings);
    assert_eq!(server.game.lock().unwrap().world.players.len(), 2);
}

#[tokio::test]
async fn a_bot_whose_server_is_dead_finds_another_though_new_sockets_lead_to_dead_ones_too() {
    let (verdict, _) = run(async |server, bots| {
        until("each bot knows how long a round trip takes", || server.game.lock().unwrap().pings >= 4).await;
        let dead_since = Instant::now();
        server.game.lock().unwrap().dead_ends = 2;
        server.tell(Say::Nothing);
        until("each bot was welcomed again", || bots.iter().all(|bot| bot.logbook.progress().welcomed == 2))
            .await;
        // 1.2 s until it is known to be dead, and 0.3 and 0.38 s where one bot meets both dead ends; a busy machine takes longer.
        let back = dead_since.elapsed();
        let expected = Duration::from_millis(1_200)..Duration::from_millis(2_500);
        assert!(expected.contains(&back), "back after {back:?}");
        assert!(bots.iter().map(|bot| bot.logbook.progress().failed_connects).sum::<u32>() >= 2);
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
}

#[tokio::test]
async fn a_bot_stays_with_a_server_that_answers_though_the_game_stands_still() {
    let (verdict, server) = run(async |server, _| {
        let asked = {
            let mut game = server.game.lock().unwrap();
            game.stands_still = true;
            game.asked
        };
        until("each bot has asked five times", || server.game.lock().unwrap().asked >= asked + 10).await;
        server.game.lock().unwrap().stands_still = false;
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
    assert_eq!((verdict.ticks_missed, server.game.lock().unwrap().sockets), (0, 2));
}

#[tokio::test]
async fn a_bot_whose_server_is_cut_off_from_the_others_comes_back_and_counts_it() {
    let (verdict, server) = run(async |server, bots| {
        server.tell(Say::Close(CloseCode::CutOff));
        until("each bot was told", || bots.iter().all(|bot| bot.logbook.progress().told_cut_off == 1)).await;
        until("each bot has a second socket", || server.game.lock().unwrap().sockets >= 4).await;
    })
    .await;
    assert_eq!(red(&verdict), [Fault::SocketLost], "{:#?}", verdict.findings);
    assert_eq!(server.game.lock().unwrap().world.players.len(), 2);
}

#[tokio::test]
async fn a_bot_whose_token_is_refused_becomes_a_new_player_and_the_oracle_sees_it() {
    let (verdict, server) = run(async |server, _| {
        server.game.lock().unwrap().forget_tokens = true;
        server.tell(Say::Close(CloseCode::Leaving));
        until("there are new players", || server.game.lock().unwrap().world.players.len() == 4).await;
        server.game.lock().unwrap().forget_tokens = false;
    })
    .await;
    assert_eq!(red(&verdict), [Fault::Rejoined, Fault::SocketLost], "{:#?}", verdict.findings);
    assert_eq!(verdict.count(Fault::Rejoined), 2);
    assert_eq!(server.game.lock().unwrap().world.players.len(), 4);
}

#[tokio::test]
async fn after_a_rewind_bots_send_again_what_it_undid() {
    let (verdict, server) = run(async |server, _| {
        until("some inputs were applied", || server.applied(2).is_some_and(|applied| applied >= 3)).await;
        server.rewind();
        until("play goes on", || server.applied(2).is_some_and(|applied| applied >= 6)).await;
    })
    .await;
    assert_eq!(red(&verdict), [], "{:#?}", verdict.findings);
    assert_eq!(verdict.rewinds, 2);
    assert!((1..=DURABLE_LAG).contains(&verdict.play_lost_ticks), "{}", verdict.play_lost_ticks);
    // Numbers have no hole: whatever was undone was sent again before what came later.
    let game = server.game.lock().unwrap();
    assert!(game.world.players.iter().all(|player| player.applied == player.last_seq));
    assert_eq!(game.expects, 0, "nothing had to be asked for");
}
