//! Hubs that are told what a peer and the ownership rules say, and what they send and report: a move, seen from each side.

use super::*;
use crate::context::{Directory, Named};
use crate::driver::ToDriver;
use crate::leaving::Leaving;
use crate::metrics::Metrics;
use bytes::Buf;
use protocol::ClusterKey;
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
    let key = Arc::new(ClusterKey::parse(&[7; 32]).expect("32 bytes are a key"));
    let links = Links::new(ME, key.clone());
    let sent = links.tap(PEER);
    let (driver, reports) = mpsc::channel(100);
    let context = Context {
        me: ME,
        named: Named::default(),
        empty_game: Duration::from_secs(600),
        chat_per_minute: 20,
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
    (settings, Snapshot { tick: Tick(0), players: 0, bots: 0, world: world.snapshot().into() })
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
        self.command(Command::Start { epoch: OLD, base: OLD, settings, snapshot, durable, due, rewind });
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
    let start = Command::Start { epoch: NEW, base: OLD, settings, snapshot, durable, due, rewind };
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
    bench.tell(PeerMessage::Subscribed { game: GAME, settings, epoch: OLD });
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
