//! Hubs that are told what a peer and the ownership rules say, and what they send and report: a move, seen from each side.

use super::*;
use crate::context::{Directory, Named};
use crate::driver::ToDriver;
use crate::leaving::Leaving;
use crate::metrics::Metrics;
use crate::visitors::GameLimits;
use bytes::Buf;
use ownership::EdgeEffect;
use protocol::peer::{Introduction, TailTick};
use protocol::{ClientMessage, ClusterKey};
use std::sync::Arc;

const GAME: GameId = GameId(5);
const ME: MemberId = MemberId(1);
const OWNER: MemberId = MemberId(2);
const PEER: MemberId = MemberId(3);
const OLD: Epoch = Epoch(1 << 16);
const NEW: Epoch = Epoch(2 << 16);

/// A hub, what it sends to `PEER`, and what it reports.
struct Bench {
    hub: Hub,
    sent: mpsc::Receiver<bytes::Bytes>,
    reports: mpsc::Receiver<ToDriver>,
}

fn bench() -> Bench {
    let key = crate::keys::fixed(ClusterKey::parse(&[7; 32]).expect("32 bytes are a key"));
    let introduction = Introduction {
        id: ME,
        address: String::new(),
        name: String::new(),
        build: String::new(),
        revision: String::new(),
    };
    let links = Links::new(introduction, key.clone());
    let sent = links.tap(PEER);
    let (driver, reports) = mpsc::channel(100);
    let context = Context {
        me: ME,
        named: Named::default(),
        empty_game: Duration::from_secs(600),
        game_limits: GameLimits { sockets: 512, joins_per_minute: 120, chat_per_minute: 20 },
        journal: crate::journal::Journal::default(),
        links,
        metrics: Arc::new(Metrics::new()),
        key,
        directory: Arc::new(Directory::default()),
        leaving: Leaving::default(),
        driver,
    };
    Bench { hub: Hub::new(GAME, Rc::new(context)), sent, reports }
}

fn game() -> (GameSettings, Snapshot) {
    let maze = sim::Maze::parse(sim::STANDARD_MAZE).expect("it is shipped");
    let settings = GameSettings {
        name: "test".to_owned(),
        maze: sim::STANDARD_MAZE.to_owned(),
        maze_name: maze.name().to_owned(),
        slots: 4,
        rules: sim::RULES,
        bots: 0,
        stays: true,
    };
    let world = sim::World::new(&maze, sim::RULES, 4, 1, sim::Rounds::default());
    (
        settings,
        Snapshot { epoch: Epoch(0), tick: Tick(0), players: 0, bots: 0, world: world.snapshot().into() },
    )
}

impl Bench {
    fn tell(&mut self, message: PeerMessage) {
        self.hub.message(ToHub::Peer(PEER, message));
    }

    fn command(&mut self, command: Command) {
        self.hub.message(ToHub::Command(command));
    }

    fn start(&mut self) {
        let (settings, snapshot) = game();
        let due = crate::clock::now();
        let snapshot = Some(snapshot);
        let (durable, rewind) = (Tick(0), false);
        self.command(Command::Start {
            epoch: OLD,
            base: OLD,
            settings,
            snapshot,
            log: Vec::new(),
            durable,
            due,
            rewind,
        });
    }

    fn prepare(&mut self) {
        let (settings, snapshot) = game();
        self.command(Command::Prepare { epoch: OLD, owner: OWNER, settings, snapshot });
    }

    fn sent(&mut self) -> Vec<PeerMessage> {
        let mut sent = Vec::new();
        while let Ok(mut bundle) = self.sent.try_recv() {
            while !bundle.is_empty() {
                let length = bundle.get_u32_le() as usize;
                sent.push(protocol::peer::decode(&bundle.split_to(length)).expect("it was encoded"));
            }
        }
        sent
    }

    fn reported(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.reports.try_recv().ok())
            .filter_map(|report| match report {
                ToDriver::Event(event) => Some(event),
                _ => None,
            })
            .collect()
    }
}

#[tokio::test]
async fn a_freeze_comes_right_after_the_next_tick() {
    let mut bench = bench();
    bench.start();
    bench.tell(PeerMessage::Subscribe { game: GAME, have: None });
    bench.hub.tick();
    bench.command(Command::ToEdges(Control::MoveSoon { game: GAME, epoch: OLD, to: PEER }));
    bench.command(Command::Freeze);
    assert!(bench.reported().is_empty(), "the tick that is due next is still its own");
    bench.sent();
    bench.hub.tick();
    let [Event::Frozen { snapshot, next_due, .. }] = &bench.reported()[..] else { panic!("frozen once") };
    assert_eq!(snapshot.tick, Tick(2));
    let [PeerMessage::Frame { tick: Tick(2), bytes, .. }] = &bench.sent()[..] else { panic!("a frame") };
    let header = protocol::Frame::decode(bytes, 4).expect("a frame").header;
    assert!(header.flags.moving, "the last frame says so");
    let Role::Frozen(running) = &bench.hub.role else { panic!("it stands still") };
    assert_eq!(crate::clock::at(running.due()), *next_due);
    bench.hub.tick();
    assert!(bench.sent().is_empty(), "no further tick");

    // It led to nothing: what goes on says nothing of a move.
    let (settings, _) = game();
    let due = crate::clock::now();
    let (snapshot, durable, rewind) = (None, Tick(0), false);
    let start =
        Command::Start { epoch: NEW, base: OLD, settings, snapshot, log: Vec::new(), durable, due, rewind };
    bench.command(start);
    bench.hub.tick();
    let sent = bench.sent();
    let [PeerMessage::Frame { tick: Tick(3), epoch: NEW, after: OLD, bytes, .. }, ..] = &sent[..] else {
        panic!("{sent:?}")
    };
    let header = protocol::Frame::decode(bytes, 4).expect("a frame").header;
    assert!(!header.flags.moving);
    assert!(bench.reported().iter().all(|event| !matches!(event, Event::Frozen { .. })));
}

#[tokio::test]
async fn an_owner_that_was_stopped_for_long_shows_nothing_before_it_has_asked() {
    let mut bench = bench();
    let (settings, snapshot) = game();
    let late = crate::clock::instant(crate::clock::now()) - limits::STALLED - Duration::from_millis(50);
    let metrics = bench.hub.context.metrics.clone();
    let world = (&snapshot, snapshot.tick);
    let running = Running::restored((OLD, OLD), settings, world, late, metrics).expect("its own world");
    bench.hub.role = Role::Owner(Box::new(running));
    bench.tell(PeerMessage::Subscribe { game: GAME, have: None });
    bench.sent();
    bench.hub.tick();
    assert!(matches!(bench.reported()[..], [Event::Stalled(GAME)]));
    assert!(bench.sent().is_empty());
    bench.command(Command::GoOn);
    bench.hub.tick();
    let sent = bench.sent();
    let [PeerMessage::Frame { tick: Tick(1), bytes, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert!(protocol::Frame::decode(bytes, 4).expect("a frame").header.flags.reanchor);
    bench.hub.tick();
    assert_eq!(bench.sent().len(), 1, "and goes on");
}

fn frame(tick: u64, epoch: Epoch, after: Epoch) -> PeerMessage {
    let (bytes, log) = (vec![2].into(), bytes::Bytes::new());
    PeerMessage::Frame { game: GAME, epoch, tick: Tick(tick), after, bytes, log, digest: 0 }
}

#[tokio::test]
async fn a_new_owner_that_hands_on_what_the_old_one_ran_is_not_named_for_it() {
    let mut bench = bench();
    let hub = &mut bench.hub;
    hub.watch();
    hub.message(ToHub::Owner(Some((OWNER, OLD))));
    hub.message(ToHub::Peer(OWNER, PeerMessage::NotOwner { game: GAME, owner: Some(PEER) }));
    let keyframe = PeerMessage::Keyframe { game: GAME, epoch: OLD, tick: Tick(9), bytes: vec![1].into() };
    bench.tell(keyframe);
    assert_eq!(bench.hub.named.shown(), Some((OLD, Some(OWNER))));
    bench.tell(frame(10, NEW, OLD));
    assert_eq!(bench.hub.named.shown(), Some((NEW, None)), "nobody has said so yet");
    bench.hub.message(ToHub::Owner(Some((PEER, NEW))));
    assert_eq!(bench.hub.named.shown(), Some((NEW, Some(PEER))));
}

#[tokio::test]
async fn an_edge_that_was_told_of_a_move_shows_the_first_frame_without_asking_again() {
    let mut bench = bench();
    let hub = &mut bench.hub;
    hub.watch();
    hub.message(ToHub::Owner(Some((OWNER, OLD))));
    let keyframe = PeerMessage::Keyframe { game: GAME, epoch: OLD, tick: Tick(9), bytes: vec![1].into() };
    hub.message(ToHub::Peer(OWNER, keyframe));
    let soon = Control::MoveSoon { game: GAME, epoch: OLD, to: PEER };
    hub.message(ToHub::Peer(OWNER, PeerMessage::Control(soon)));
    let sent = bench.sent();
    let [PeerMessage::Subscribe { have: Some((OLD, Tick(9))), .. }] = sent[..] else { panic!("{sent:?}") };
    let (settings, _) = game();
    bench.tell(PeerMessage::Subscribed { game: GAME, settings, have: Some((OLD, Tick(9))) });
    bench.hub.message(ToHub::Peer(OWNER, frame(10, OLD, OLD)));
    // The new owner's first frame may be here before the old one's word.
    bench.tell(frame(11, NEW, OLD));
    assert_eq!(bench.hub.edge.shown(), Some((NEW, Tick(11))));
    let moved = Control::Moved { game: GAME, epoch: NEW, to: PEER, tick: Tick(10) };
    bench.hub.message(ToHub::Peer(OWNER, PeerMessage::Control(moved)));
    bench.tell(frame(12, NEW, NEW));
    assert_eq!(bench.hub.edge.shown(), Some((NEW, Tick(12))));
    let sent = bench.sent();
    assert!(sent.iter().all(|message| !matches!(message, PeerMessage::Subscribe { .. })), "{sent:?}");
}

#[tokio::test]
async fn a_prepared_member_takes_subscriptions_and_says_so_when_nothing_comes_of_it() {
    let mut bench = bench();
    bench.prepare();
    bench.tell(PeerMessage::Subscribe { game: GAME, have: Some((OLD, Tick(3))) });
    let sent = bench.sent();
    assert!(matches!(sent[..], [PeerMessage::Subscribed { .. }]), "{sent:?}");
    bench.command(Command::Unprepare);
    let sent = bench.sent();
    assert!(matches!(sent[..], [PeerMessage::NotOwner { owner: None, .. }]), "{sent:?}");
    assert!(bench.hub.watchers.is_empty());
}

fn keyframe(tick: u64, epoch: Epoch) -> PeerMessage {
    PeerMessage::Keyframe { game: GAME, epoch, tick: Tick(tick), bytes: vec![1].into() }
}

fn subscribed(have: Option<(Epoch, Tick)>) -> PeerMessage {
    PeerMessage::Subscribed { game: GAME, settings: game().0, have }
}

impl Bench {
    /// A player's socket; the other end of it has to be kept.
    async fn attach(&mut self) -> tokio::net::TcpStream {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (client, server) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let wire = Wire::new(server.expect("it was dialled").0, &[], None).unbind().expect("it is open");
        let newcomer =
            Newcomer { wire, player: None, name: String::new(), session: 1, comes_from: None, floor: None };
        self.hub.message(ToHub::Attach(Box::new(newcomer)));
        client.expect("it listens")
    }

    /// The game of the old owner is run here from that tick on.
    fn goes_on_here(&mut self, tick: u64, rewind: bool) {
        let (settings, snapshot) = game();
        let (maze, mut world) = running::restore(&settings, &snapshot).expect("its own world");
        (0..tick).for_each(|_| world.step(&maze, &[]));
        let (tick, world) = (Tick(tick), world.snapshot().into());
        let snapshot = Some(Snapshot { epoch: OLD, tick, world, ..snapshot });
        let (log, due) = (Vec::new(), crate::clock::now());
        self.command(Command::Start {
            epoch: NEW,
            base: OLD,
            settings,
            snapshot,
            log,
            durable: tick,
            due,
            rewind,
        });
    }

    /// The newest world that each player was shown.
    fn shown(&self) -> Vec<Option<(Epoch, Tick)>> {
        self.hub.seats.iter().map(|seat| seat.shown).collect()
    }

    /// Waits until the only player was shown that world: a socket takes what is written when its reactor has looked at it.
    async fn shows(&mut self, epoch: Epoch, tick: u64) {
        let until = Instant::now() + Duration::from_secs(10);
        while self.shown() != [Some((epoch, Tick(tick)))] {
            assert!(Instant::now() < until, "{:?} is shown", self.shown());
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.hub.sweep();
        }
    }

    /// Waits until what was written for the only player has left.
    async fn reads(&mut self) {
        let until = Instant::now() + Duration::from_secs(10);
        while !self.hub.seats[0].reads(Instant::now()) {
            assert!(Instant::now() < until, "the socket takes nothing");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// As whom the peer was asked to go on from.
    fn asked(&mut self) -> Vec<Option<(Epoch, Tick)>> {
        let sent = self.sent();
        let have = |message| match message {
            PeerMessage::Subscribe { have, .. } => Some(have),
            _ => None,
        };
        sent.into_iter().filter_map(have).collect()
    }
}

#[tokio::test]
async fn ticks_between_two_owners_that_answered_at_different_times_are_fetched_from_the_new_one() {
    let mut bench = bench();
    let _client = bench.attach().await;
    bench.hub.message(ToHub::Owner(Some((OWNER, OLD))));
    bench.hub.message(ToHub::Owner(Some((PEER, NEW))));
    assert_eq!(bench.asked(), [None]);
    bench.hub.message(ToHub::Peer(OWNER, subscribed(None)));
    bench.hub.message(ToHub::Peer(OWNER, keyframe(9, OLD)));
    assert_eq!(bench.shown(), [Some((OLD, Tick(9)))]);
    bench.tell(subscribed(None));
    bench.tell(keyframe(12, NEW));
    bench.hub.message(ToHub::Peer(OWNER, PeerMessage::NotOwner { game: GAME, owner: Some(PEER) }));
    assert_eq!(bench.asked(), [Some((OLD, Tick(9)))]);
    bench.tell(subscribed(Some((OLD, Tick(9)))));
    for (tick, epoch) in [(10, OLD), (11, OLD), (12, NEW)] {
        assert_eq!(bench.hub.edge.shown(), Some((OLD, Tick(tick - 1))), "no chain is broken");
        bench.tell(frame(tick, epoch, OLD));
    }
    bench.shows(NEW, 12).await;
}

#[tokio::test]
async fn a_gap_that_the_only_sender_cannot_fill_is_told_at_once() {
    let mut bench = bench();
    let _client = bench.attach().await;
    bench.hub.message(ToHub::Owner(Some((PEER, OLD))));
    bench.tell(subscribed(None));
    bench.tell(keyframe(9, OLD));
    bench.hub.message(ToHub::Link(PEER, false));
    bench.hub.message(ToHub::Link(PEER, true));
    bench.tell(subscribed(Some((OLD, Tick(9)))));
    bench.tell(keyframe(100, OLD));
    bench.tell(frame(101, OLD, OLD));
    bench.shows(OLD, 101).await;
}

#[tokio::test]
async fn an_edge_that_catches_up_late_takes_nothing_back_from_players_of_its_own_game() {
    let mut bench = bench();
    bench.hub.watch();
    bench.hub.message(ToHub::Owner(Some((OWNER, OLD))));
    bench.hub.message(ToHub::Peer(OWNER, subscribed(None)));
    bench.hub.message(ToHub::Peer(OWNER, keyframe(9, OLD)));
    // The old owner's last ticks are missing when the game starts here.
    bench.goes_on_here(20, true);
    (0..3).for_each(|_| bench.hub.tick());
    assert_eq!(bench.hub.edge.shown(), Some((OLD, Tick(9))), "they may still come");
    let _client = bench.attach().await;
    assert_eq!(bench.shown(), [Some((NEW, Tick(23)))]);
    bench.hub.edge_effect(EdgeEffect::Reset {
        epoch: NEW,
        tick: Tick(21),
        bytes: vec![1].into(),
        rewind: false,
    });
    assert_eq!(bench.shown(), [Some((NEW, Tick(23)))]);
    assert_eq!(bench.hub.ring.newest(), Some((NEW, Tick(23))));
}

#[tokio::test]
async fn a_keyframe_that_is_asked_for_before_a_new_owner_has_run_a_tick_leads_nobody_to_another_branch() {
    let mut bench = bench();
    let _client = bench.attach().await;
    bench.hub.message(ToHub::Owner(Some((OWNER, OLD))));
    bench.hub.message(ToHub::Peer(OWNER, subscribed(None)));
    bench.hub.message(ToHub::Peer(OWNER, keyframe(9, OLD)));
    assert_eq!(bench.shown(), [Some((OLD, Tick(9)))]);
    bench.goes_on_here(0, true);
    bench.reads().await;
    let ask = Received::Message(ClientMessage::KeyframePlease.encode());
    bench.hub.received(0, ask);
    assert_eq!(bench.shown(), [Some((OLD, Tick(9)))]);
    bench.hub.tick();
    bench.shows(NEW, 1).await;
}

/// The types of the messages in what a client was sent. What the tests make up themselves is 1 and 2.
fn types(mut sent: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [0x82, length, rest @ ..] = sent {
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (127, _) => panic!("no test makes one that long"),
            _ => (usize::from(*length), rest),
        };
        types.push(rest[0]);
        sent = &rest[length..];
    }
    assert!(sent.is_empty(), "no message: {sent:?}");
    types
}

#[tokio::test]
async fn whoever_asks_for_a_keyframe_while_the_last_ticks_of_the_old_owner_are_on_their_way_misses_none() {
    let mut bench = bench();
    let client = bench.attach().await;
    bench.hub.message(ToHub::Owner(Some((OWNER, OLD))));
    bench.hub.message(ToHub::Peer(OWNER, subscribed(None)));
    bench.hub.message(ToHub::Peer(OWNER, keyframe(9, OLD)));
    // The ticks between are not here yet.
    bench.goes_on_here(12, false);
    bench.hub.tick();
    bench.reads().await;
    let ask = || Received::Message(ClientMessage::KeyframePlease.encode());
    bench.hub.received(0, ask());
    assert_eq!(bench.shown(), [Some((OLD, Tick(9)))]);
    for tick in 10..=12 {
        bench.hub.message(ToHub::Peer(OWNER, frame(tick, OLD, OLD)));
    }
    bench.shows(NEW, 13).await;
    bench.reads().await;
    // Once it is there, an ask is answered at once.
    bench.hub.received(0, ask());
    bench.reads().await;
    client.readable().await.expect("it is open");
    let mut sent = vec![0; 64 * 1024];
    let length = client.try_read(&mut sent).expect("it was written");
    let (welcome, host, keyframe) = (0x81, 0x87, 0x82);
    let (before, answers) = ([welcome, host, 1, 2, 2, 2], [keyframe, 1, host, keyframe]);
    assert_eq!(types(&sent[..length]), [&before[..], &answers].concat(), "0x86 is Skipped");
}

#[tokio::test]
async fn whoever_comes_back_to_a_hub_that_nobody_watched_is_not_shown_what_is_old() {
    let mut bench = bench();
    let _client = bench.attach().await;
    bench.hub.message(ToHub::Owner(Some((PEER, OLD))));
    bench.tell(subscribed(None));
    bench.tell(keyframe(9, OLD));
    bench.hub.received(0, Received::End);
    bench.hub.sweep();
    bench.sent();
    let _client = bench.attach().await;
    assert_eq!(bench.shown(), [None]);
    assert_eq!(bench.asked(), [None]);
    bench.tell(subscribed(None));
    bench.tell(keyframe(300, OLD));
    assert_eq!(bench.shown(), [Some((OLD, Tick(300)))]);
}

/// What a member does with a message of a player's client: that of a socket here, or of one at a peer.
fn act_of(message: ClientMessage) -> Option<PlayerAct> {
    Some(match message {
        ClientMessage::Hello(hello) => PlayerAct::Join { name: hello.name },
        ClientMessage::Inputs { inputs, .. } => PlayerAct::Inputs(inputs),
        ClientMessage::Seen { tick } => PlayerAct::Seen { tick },
        ClientMessage::Ping { nonce, tick } => PlayerAct::Ping { nonce, tick },
        ClientMessage::Leave => PlayerAct::Leave,
        ClientMessage::Rename { name } => PlayerAct::Rename { name },
        ClientMessage::Chat { text } => PlayerAct::Chat { text },
        ClientMessage::KeyframePlease => return None,
    })
}

/// An input: for each message its length, a number that says who, on which socket, and how many ticks pass then.
#[test]
fn fuzzed_players_do_what_they_like_and_the_owner_goes_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let step = |who: u8, message: ClientMessage| {
        let bytes = message.encode();
        [&[bytes.len() as u8, who][..], &bytes].concat()
    };
    let input = |seq, for_tick, keys, action| ClientMessage::Inputs {
        seen: Tick(1),
        inputs: vec![protocol::peer::Input { seq, for_tick, keys, action }],
    };
    let hello = ClientMessage::Hello(protocol::Hello {
        version: 1,
        game: GAME,
        spectate: false,
        name: "A".into(),
        session: 1,
        token: None,
        floor: None,
    });
    let seeds = vec![
        step(0x10, hello.clone()),
        [
            step(0x10, hello),
            step(0x10, input(1, Tick(2), 1, 2)),
            step(0x24, input(2, Tick(u64::MAX), 17, 0)),
            step(0x10, input(4, Tick(3), 0, 1)),
            step(0x10, ClientMessage::Ping { nonce: 1, tick: Tick(u64::MAX) }),
            step(0x10, ClientMessage::Seen { tick: Tick(7) }),
            step(0x10, ClientMessage::Rename { name: "B".into() }),
            step(0x10, ClientMessage::Chat { text: "hello".into() }),
            step(0x10, ClientMessage::Leave),
        ]
        .concat(),
    ];
    crate::fuzz::fuzz("players", seeds, &[], |mut bytes| {
        let _context = runtime.enter();
        let mut bench = bench();
        bench.start();
        bench.tell(PeerMessage::Subscribe { game: GAME, have: None });
        let mut said = String::new();
        while let [length, who, rest @ ..] = bytes {
            let (message, rest) = rest.split_at(rest.len().min((*length).into()));
            bytes = rest;
            let session = u32::from(who >> 2 & 3);
            match ClientMessage::decode(message) {
                Ok(message) => {
                    let (game, player) = (GAME, PlayerId((who & 3).into()));
                    let Some(act) = act_of(message) else { continue };
                    bench.tell(PeerMessage::FromPlayer { game, player, session, act });
                }
                Err(error) => said = format!("{said} {error:?}"),
            }
            for _ in 0..who >> 4 {
                bench.hub.tick();
            }
        }
        bench.hub.tick();
        for sent in bench.sent() {
            if let PeerMessage::Frame { bytes, .. } = sent {
                let frame = protocol::Frame::decode(&bytes, 4).expect("a frame of our own");
                if !frame.body.events.is_empty() {
                    said = format!("{said} {:?}", frame.body.events);
                }
            } else if let PeerMessage::ToPlayer { bytes, .. } = sent {
                said = format!("{said} {:?}", protocol::ServerMessage::decode(&bytes).expect("our own"));
            }
        }
        said
    });
}

/// What the log of a tick is in which somebody says that.
fn said(text: &str) -> bytes::Bytes {
    let chat = sim::Entry::Chat { player: 1, text: text.to_owned() };
    postcard::to_allocvec(&vec![chat]).expect("entries are plain data").into()
}

#[tokio::test]
async fn a_world_that_panics_is_dropped_and_reported_and_the_hub_serves_on() {
    let mut bench = bench();
    bench.start();
    bench.hub.tick();
    let act = PlayerAct::Chat { text: poison::POISON.to_owned() };
    bench.tell(PeerMessage::FromPlayer { game: GAME, player: PlayerId(1), session: 1, act });
    bench.hub.tick();
    let Some(Event::Failed { game: GAME, epoch: OLD, tick: Tick(2) }) = bench.reported().pop() else {
        panic!("it is not said")
    };
    assert!(matches!(bench.hub.role, Role::Edge));
    // Nothing ticks, and what the rules asked for meanwhile finds no world.
    bench.hub.tick();
    bench.command(Command::TakeSnapshot);
    bench.command(Command::Freeze);
    assert!(bench.reported().is_empty());
    bench.command(Command::Stop { to: None, goes_on: true });
    bench.start();
    bench.hub.tick();
    assert!(matches!(bench.hub.role, Role::Owner(_)));
}

#[tokio::test]
async fn a_log_that_cannot_be_run_again_is_a_failure() {
    for log in [said(poison::POISON), bytes::Bytes::from_static(b"\xff\xff")] {
        let mut bench = bench();
        let (settings, snapshot) = game();
        let batch = LogBatch { epoch: OLD, upto: Tick(3), ticks: vec![(Tick(2), log)] };
        bench.command(Command::Start {
            epoch: NEW,
            base: OLD,
            settings,
            snapshot: Some(snapshot),
            log: vec![batch],
            durable: Tick(3),
            due: crate::clock::now(),
            rewind: true,
        });
        assert!(matches!(bench.reported()[..], [Event::Failed { game: GAME, epoch: NEW, tick: Tick(3) }]));
        assert!(matches!(bench.hub.role, Role::Edge));
    }
}

#[tokio::test]
async fn what_others_were_shown_may_make_the_world_fail_too() {
    let mut bench = bench();
    let (settings, snapshot) = game();
    let world = (OLD, Tick(0));
    bench.command(Command::Start {
        epoch: NEW,
        base: OLD,
        settings,
        snapshot: Some(Snapshot { epoch: OLD, ..snapshot }),
        log: Vec::new(),
        durable: Tick(0),
        due: crate::clock::now(),
        rewind: true,
    });
    let tail = TailTick { epoch: OLD, tick: Tick(1), log: said(poison::POISON), digest: 7 };
    bench.tell(PeerMessage::Tail { game: GAME, world, ticks: vec![tail] });
    bench.hub.tick();
    let reported = bench.reported();
    assert!(matches!(reported[..], [Event::Failed { epoch: NEW, .. }]), "{reported:?}");
    assert!(matches!(bench.hub.role, Role::Edge));
}
