//! Golden bytes of every message: what this build writes is what the files in `vectors/` say, and the other way round.
//!
//! The browser client's tests read `vectors/player.json` too. `TANX_WRITE_VECTORS=1 cargo test -p protocol` writes the
//! files anew; a difference in what was there already breaks the protocol and needs a new version.
//!
//! In `value`, enums are tagged as serde does it, ticks and u64 are decimal strings, ids and
//! epochs are 16 hex digits, and bytes are hex.

use bytes::Bytes;
use protocol::handshake::{Dialer, Listener};
use protocol::peer::{
    self, Control, GameSettings, Input, Introduction, MoveNote, PeerMessage, PlayerAct, TailTick,
};
use protocol::{
    Blast, Body, ChatLine, ChatWhat, ClientMessage, ClusterKey, Epoch, Flags, Frame, FrameEvent, FrameHeader,
    GRACE_CUT_OFF, GameId, Hello, Host, Item, Keyframe, KeyframePlayer, KeyframeTank, MemberId, Missile,
    PlayerId, Residual, Round, ServerMessage, SlotInputs, Tick, Token, Welcome,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

const GAME: GameId = GameId(0x0123_4567_89ab_cdef);
const PLAYER: PlayerId = PlayerId(0xfedc_ba98_7654_3210);
const EPOCH: Epoch = Epoch(0x0193_5f00_12ab_7c3d);
const NEXT_EPOCH: Epoch = Epoch(0x0193_5f00_9e01_0b44);
const MEMBER: MemberId = MemberId(0x1111_2222_3333_4444);
const OTHER: MemberId = MemberId(0x8000_0000_0000_0001);
const MAZE: &str = "name Box\nwall 1,1 1,2 2,2 2,1 1,1\nentry a -8,-8 facing 45\n";

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Vector {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<u8>,
    hex: String,
    value: Value,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two hex digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Wide numbers as strings, bytes as hex.
fn plain(key: &str, value: Value) -> Value {
    const WIDE: [&str; 12] = [
        "tick",
        "seen",
        "for_tick",
        "durable",
        "ends",
        "from",
        "to",
        "due_us",
        "pause_us",
        "between_us",
        "Ping",
        "Pong",
    ];
    match value {
        Value::Number(number) if WIDE.contains(&key) => Value::String(number.to_string()),
        Value::Array(pair) if key == "floor" || key == "have" => {
            pair.into_iter().map(|item| plain("tick", item)).collect()
        }
        Value::Array(bytes) if ["token", "bytes", "log", "snapshot"].contains(&key) => {
            let bytes: Vec<u8> = serde_json::from_value(Value::Array(bytes)).expect("a list of bytes");
            Value::String(hex(&bytes))
        }
        Value::Array(items) => items.into_iter().map(|item| plain("", item)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key.clone(), plain(&key, value))).collect()
        }
        other => other,
    }
}

fn json_of(value: &impl Serialize) -> Value {
    plain("", serde_json::to_value(value).expect("messages are plain data"))
}

/// What to do when what was there already has changed.
const ADVICE: &str = "Pages, servers and builds that speak this version are on the other end. Leave the bytes as they are, or \
     raise the version (crates/protocol/src/version.rs), go on speaking the one before, and keep its file beside the new one.";

/// Compares with the file, or writes it when asked to.
fn check(file: &str, vectors: &[Vector]) {
    let path = Path::new("vectors").join(file);
    if std::env::var_os("TANX_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(vectors).expect("vectors are plain data");
        // In one go: another test reads it at the same time.
        let new = path.with_extension("new");
        std::fs::write(&new, text + "\n").expect("the vectors' folder can be written");
        std::fs::rename(&new, &path).expect("the vectors' folder can be written");
    }
    let text = std::fs::read_to_string(&path).expect("the file of vectors is there");
    let kept: Vec<Vector> = serde_json::from_str(&text).expect("the file holds vectors");
    for (kept, now) in kept.iter().zip(vectors) {
        assert_eq!(kept, now, "{file} has other bytes for {:?} than this build. {ADVICE}", now.name);
    }
    assert_eq!(
        kept.len(),
        vectors.len(),
        "TANX_WRITE_VECTORS=1 cargo test -p protocol adds new ones to {file}"
    );
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let token = Token { game: GAME, player: PLAYER };
    let token = token.sign(&ClusterKey::parse(&[0xee; 32]).expect("32 bytes are a key"));
    let hello = Hello {
        version: 1,
        game: GAME,
        spectate: false,
        name: "Ada".into(),
        session: 1,
        token: None,
        floor: None,
    };
    let resume = Hello {
        name: "Žofie".into(),
        session: 300,
        token: Some(token),
        floor: Some((EPOCH, Tick(4_503_599_627_370_497))),
        ..hello.clone()
    };
    let input = |seq, for_tick, keys, action| Input { seq, for_tick: Tick(for_tick), keys, action };
    vec![
        ("hello of a new player", ClientMessage::Hello(hello.clone())),
        ("hello of a player that resumes", ClientMessage::Hello(resume)),
        (
            "hello of a spectator",
            ClientMessage::Hello(Hello { spectate: true, name: String::new(), ..hello }),
        ),
        ("one input", ClientMessage::Inputs { seen: Tick(1000), inputs: vec![input(7, 1003, 0b10101, 0)] }),
        (
            "inputs with a launch from entry point 3",
            ClientMessage::Inputs {
                seen: Tick(16_384),
                inputs: vec![input(127, 16_387, 0, 6), input(128, 16_387, 1, 0), input(129, 16_388, 9, 0)],
            },
        ),
        ("seen", ClientMessage::Seen { tick: Tick(127) }),
        ("ping", ClientMessage::Ping { nonce: u32::MAX, tick: Tick(128) }),
        ("leave", ClientMessage::Leave),
        ("keyframe please", ClientMessage::KeyframePlease),
        ("rename", ClientMessage::Rename { name: "Žofie".into() }),
        ("chat", ClientMessage::Chat { text: "gg – well played".into() }),
    ]
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let welcome = Welcome {
        version: 1,
        player: PLAYER,
        session: 1,
        settings_name: "Friday".into(),
        maze: MAZE.into(),
        slots: 8,
        edge_name: "tanx-7d9f-x2x4k".into(),
        edge_build: "0.1.0".into(),
        token: vec![1, 2, 3],
    };
    let tank =
        KeyframeTank { x: 107_520, y: -107_520, heading: 65_535, armour: 32_768, reload: 50, bounce: true };
    let players = vec![
        KeyframePlayer {
            id: PLAYER,
            slot: 0,
            name: "Ada".into(),
            bot: false,
            session: 2,
            connected: true,
            score: 3,
            deaths: 200,
            wins: 2,
            last_seq: 70_000,
            applied: 69_999,
            applied_hash: 0xdead_beef,
            keys: 0b10001,
            tank: Some(tank),
        },
        KeyframePlayer {
            id: PlayerId(1),
            slot: 7,
            name: "Žofie".into(),
            bot: true,
            ..KeyframePlayer::default()
        },
    ];
    let missiles = vec![Missile { id: 255, slot: 7, x: -128_000, y: 1, heading: 16_384, bounce: true }];
    let said = |tick, slot, name: &str, what| ChatLine { tick: Tick(tick), slot, name: name.into(), what };
    let keyframe = Keyframe {
        epoch: EPOCH,
        tick: Tick(1000),
        durable: Tick(990),
        rules: 1,
        round: Round { number: 3, resting: true, ends: Tick(1400) },
        players,
        missiles,
        blasts: vec![
            Blast { kind: 0, slot: 7, x: 12_800, y: -12_800, age: 1 },
            Blast { kind: 2, slot: 255, x: -64_000, y: 0, age: 49 },
        ],
        items: vec![Item { id: 9, kind: 1, x: 6_400, y: 127_000, left: 500 }],
        chat: vec![
            said(70, 0, "Ada", ChatWhat::Entered),
            said(300, 0, "Ada", ChatWhat::Said { text: "gg – well played".into() }),
            said(400, 7, "Bert", ChatWhat::Renamed { to: "Žofie".into() }),
            said(999, 3, "Cleo", ChatWhat::Left),
        ],
    };
    vec![
        ("welcome of a player", ServerMessage::Welcome(welcome.clone())),
        (
            "welcome of a spectator",
            ServerMessage::Welcome(Welcome { player: PlayerId(0), slots: 32, token: Vec::new(), ..welcome }),
        ),
        (
            "host",
            ServerMessage::Host(Host {
                epoch: EPOCH,
                owner_name: "tanx-7d9f-b8w2p".into(),
                owner_build: "0.1.0".into(),
                owner_revision: "7d9f".into(),
                edge_name: "tanx-7d9f-x2x4k".into(),
                edge_build: "0.2.0".into(),
                edge_revision: "5c44".into(),
            }),
        ),
        ("keyframe", ServerMessage::Keyframe(keyframe)),
        ("keyframe of an empty game", ServerMessage::Keyframe(Keyframe { rules: 1, ..Keyframe::default() })),
        ("pong: early enough", ServerMessage::Pong { nonce: 42, tick: Tick(1001), slack_ms: 12 }),
        ("pong: too late", ServerMessage::Pong { nonce: u32::MAX, tick: Tick(1 << 40), slack_ms: -65 }),
        ("expect", ServerMessage::Expect { seq: 129 }),
        ("go away", ServerMessage::GoAway { grace_ms: 25_000 }),
        ("go away: the server is cut off", ServerMessage::GoAway { grace_ms: GRACE_CUT_OFF }),
        ("skipped", ServerMessage::Skipped { from: Tick(1001), to: Tick(1200) }),
        ("notice", ServerMessage::Notice { sentence: "You write too fast: wait a moment.".into() }),
    ]
}

fn frames() -> Vec<(&'static str, u8, Frame)> {
    let header = |tick, durable| FrameHeader::new(Tick(tick), Tick(durable), Flags::default(), None);
    let quiet = header(1001, 991);
    let inputs = |slot, keys: &[u8]| SlotInputs { slot, keys: keys.to_vec() };
    let residual = |slot, dx, dy, dh| Residual { slot, dx, dy, dh };
    let frame = |header, body| Frame { header, body };
    let all = Flags { rewind: true, reanchor: true, moving: true, registry_away: true };
    vec![
        ("frame: nothing but time", 8, frame(quiet, Body::default())),
        (
            "frame: first of an epoch, all flags, far ahead of the durable tick",
            8,
            frame(FrameHeader::new(Tick(1 << 20), Tick(1), all, Some(NEXT_EPOCH)), Body::default()),
        ),
        (
            "frame: inputs of two players",
            8,
            frame(quiet, Body { inputs: vec![inputs(0, &[1]), inputs(5, &[16, 0, 9])], ..Body::default() }),
        ),
        (
            "frame: a residual of each size at its limits",
            8,
            frame(
                quiet,
                Body {
                    residuals: vec![
                        residual(0, 63, -64, 0),
                        residual(1, -1, 0, 0),
                        residual(2, 64, -65, 0),
                        residual(3, 1023, -1024, 0),
                        residual(4, 1024, -1025, 0),
                        residual(5, 131_071, -131_072, 0),
                        residual(6, 0, 0, -1),
                        residual(7, -131_072, 131_071, 32_767),
                    ],
                    ..Body::default()
                },
            ),
        ),
        (
            "frame: every kind of event",
            12,
            frame(
                quiet,
                Body {
                    events: vec![
                        FrameEvent::RoundOver { winner: 255, ticks: 400 },
                        FrameEvent::RoundStart { ticks: 9_000 },
                        FrameEvent::Join { slot: 11, player: PLAYER, bot: false, name: "Žofie".into() },
                        FrameEvent::Join { slot: 2, player: PlayerId(5), bot: true, name: "Edda".into() },
                        FrameEvent::Leave { slot: 3 },
                        FrameEvent::Rename { slot: 2, name: "Hugo".into() },
                        FrameEvent::Chat { slot: 11, text: "hello – all".into() },
                        FrameEvent::Launch { slot: 11, entry: 2 },
                        FrameEvent::Destruct { slot: 4, item: 3, kind: 1 },
                        FrameEvent::Hit { missile: 200, slot: 1, at: 160, armour: 16_385 },
                        FrameEvent::Gone { missile: 7 },
                        FrameEvent::Hit { missile: 8, slot: 0, at: 0, armour: 0 },
                        FrameEvent::Kill { slot: 0, by: 11, item: 4, kind: 0 },
                        FrameEvent::Burst { missile: 9, at: 17 },
                        FrameEvent::Bounce { missile: 10, at: 80, heading: 40_000 },
                        FrameEvent::Hurt { slot: 1, armour: 300 },
                        FrameEvent::Kill { slot: 1, by: 255, item: 255, kind: 1 },
                        FrameEvent::PickUp { slot: 11, item: 4 },
                        FrameEvent::Shot { slot: 11, missile: 255 },
                    ],
                    ..Body::default()
                },
            ),
        ),
        (
            "frame: a busy one with 32 places",
            32,
            frame(
                FrameHeader {
                    flags: Flags { moving: true, ..Flags::default() },
                    epoch: Some(EPOCH),
                    ..header(70_000, 69_998)
                },
                Body {
                    inputs: vec![inputs(0, &[31]), inputs(8, &[2, 4]), inputs(31, &[0])],
                    residuals: vec![residual(7, -3, 12, 0), residual(31, 300, -300, 0)],
                    events: vec![FrameEvent::Shot { slot: 0, missile: 1 }],
                },
            ),
        ),
    ]
}

fn settings() -> GameSettings {
    GameSettings {
        name: "Friday".into(),
        maze: MAZE.into(),
        slots: 8,
        rules: 1,
        maze_name: "Box".into(),
        bots: 4,
        stays: true,
    }
}

fn peer_messages() -> Vec<PeerMessage> {
    let act = |act| PeerMessage::FromPlayer { game: GAME, player: PLAYER, session: 2, act };
    let input = Input { seq: 70_000, for_tick: Tick(1003), keys: 17, action: 2 };
    let bytes = |bytes: &'static [u8]| Bytes::from_static(bytes);
    vec![
        PeerMessage::Ping(u64::MAX),
        PeerMessage::Pong(0),
        PeerMessage::Subscribe { game: GAME, have: None },
        PeerMessage::Subscribe { game: GAME, have: Some((EPOCH, Tick(1000))) },
        PeerMessage::Unsubscribe { game: GAME },
        PeerMessage::Subscribed { game: GAME, settings: settings(), have: Some((EPOCH, Tick(1001))) },
        PeerMessage::NotOwner { game: GAME, owner: None },
        PeerMessage::NotOwner { game: GAME, owner: Some(MEMBER) },
        PeerMessage::Keyframe { game: GAME, epoch: EPOCH, tick: Tick(1000), bytes: bytes(&[0x82, 1, 2]) },
        PeerMessage::Frame {
            game: GAME,
            epoch: NEXT_EPOCH,
            tick: Tick(1001),
            after: EPOCH,
            bytes: bytes(&[0, 233, 10, 0, 0]),
            log: bytes(&[]),
            digest: 0xdead_beef,
        },
        act(PlayerAct::Join { name: "Ada".into() }),
        act(PlayerAct::Inputs(vec![input])),
        act(PlayerAct::Leave),
        act(PlayerAct::Gone),
        act(PlayerAct::Seen { tick: Tick(1000) }),
        act(PlayerAct::Ping { nonce: 42, tick: Tick(1003) }),
        act(PlayerAct::Rename { name: "Žofie".into() }),
        act(PlayerAct::Chat { text: "gg".into() }),
        PeerMessage::ToPlayer { game: GAME, player: PLAYER, bytes: bytes(&[0x84, 7]) },
        PeerMessage::Refuse { game: GAME, player: PLAYER, code: 4004 },
        PeerMessage::WantTail { game: GAME, world: (EPOCH, Tick(1000)) },
        PeerMessage::Tail {
            game: GAME,
            world: (EPOCH, Tick(1000)),
            ticks: vec![TailTick {
                epoch: EPOCH,
                tick: Tick(1001),
                log: bytes(&[1, 2]),
                digest: 0xdead_beef,
            }],
        },
        PeerMessage::MoveDone(MoveNote {
            game: GAME,
            from: Some(MEMBER),
            to: OTHER,
            epoch: NEXT_EPOCH,
            tick: Tick(1001),
            pause_us: 1_800,
            between_us: 21_800,
            bytes: 2_048,
            cause: "move".into(),
            ago_ms: 500,
        }),
        PeerMessage::Introduce(vec![Introduction {
            id: OTHER,
            address: "10.244.1.7:7946".into(),
            name: "tanx-765cd5c4bf-q8nlz".into(),
            build: "v1".into(),
            revision: "765cd5c4bf".into(),
        }]),
        PeerMessage::Over { game: GAME },
        PeerMessage::Control(Control::Prepare {
            game: GAME,
            epoch: EPOCH,
            settings: settings(),
            tick: Tick(990),
            snapshot: bytes(&[1, 2, 3]),
            edges: vec![MEMBER, OTHER],
            cedes: true,
        }),
        PeerMessage::Control(Control::Prepared { game: GAME, epoch: EPOCH }),
        PeerMessage::Control(Control::Refused { game: GAME, epoch: EPOCH, reason: "draining".into() }),
        PeerMessage::Control(Control::Commit {
            game: GAME,
            old: EPOCH,
            base: EPOCH,
            epoch: NEXT_EPOCH,
            tick: Tick(1000),
            snapshot: bytes(&[4, 5]),
            due_us: -1500,
        }),
        PeerMessage::Control(Control::Started { game: GAME, epoch: NEXT_EPOCH }),
        PeerMessage::Control(Control::Abort { game: GAME, epoch: EPOCH, given: NEXT_EPOCH }),
        PeerMessage::Control(Control::Aborted { game: GAME, epoch: EPOCH, given: NEXT_EPOCH }),
        PeerMessage::Control(Control::MoveSoon { game: GAME, epoch: EPOCH, to: OTHER }),
        PeerMessage::Control(Control::Moved { game: GAME, epoch: NEXT_EPOCH, to: OTHER, tick: Tick(1000) }),
        PeerMessage::Control(Control::Unreachable { member: OTHER }),
        PeerMessage::Control(Control::Reachable { member: OTHER }),
        PeerMessage::Control(Control::Busy { game: GAME, epoch: EPOCH }),
        PeerMessage::Control(Control::Released { game: GAME, epoch: EPOCH }),
        PeerMessage::Control(Control::Cede {
            game: GAME,
            epoch: EPOCH,
            base: EPOCH,
            held: EPOCH,
            owner: Some(MEMBER),
            unrun: vec![MEMBER],
            off: Some(OTHER),
            settings: settings().into(),
            tick: Tick(1000),
            snapshot: bytes(&[4, 5]),
            durable: Tick(700),
            due_us: 15_000,
        }),
        PeerMessage::Control(Control::Ceded {
            game: GAME,
            to: OTHER,
            epoch: NEXT_EPOCH,
            held: EPOCH,
            unrun: vec![MEMBER],
        }),
    ]
}

/// Has no catch-all: a new message does not compile until it has a name here, and wants a vector above.
fn peer_name(message: &PeerMessage) -> &'static str {
    match message {
        PeerMessage::Ping(_) => "ping",
        PeerMessage::Pong(_) => "pong",
        PeerMessage::Subscribe { .. } => "subscribe",
        PeerMessage::Unsubscribe { .. } => "unsubscribe",
        PeerMessage::Subscribed { .. } => "subscribed",
        PeerMessage::NotOwner { .. } => "not owner",
        PeerMessage::Keyframe { .. } => "keyframe",
        PeerMessage::Frame { .. } => "frame",
        PeerMessage::FromPlayer { act, .. } => match act {
            PlayerAct::Join { .. } => "from player: join",
            PlayerAct::Inputs(_) => "from player: inputs",
            PlayerAct::Leave => "from player: leave",
            PlayerAct::Gone => "from player: gone",
            PlayerAct::Seen { .. } => "from player: seen",
            PlayerAct::Ping { .. } => "from player: ping",
            PlayerAct::Rename { .. } => "from player: rename",
            PlayerAct::Chat { .. } => "from player: chat",
        },
        PeerMessage::ToPlayer { .. } => "to player",
        PeerMessage::Refuse { .. } => "refuse",
        PeerMessage::WantTail { .. } => "want tail",
        PeerMessage::Tail { .. } => "tail",
        PeerMessage::MoveDone(_) => "move done",
        PeerMessage::Introduce(_) => "introduce",
        PeerMessage::Over { .. } => "over",
        PeerMessage::Control(control) => match control {
            Control::Prepare { .. } => "prepare",
            Control::Prepared { .. } => "prepared",
            Control::Refused { .. } => "refused",
            Control::Commit { .. } => "commit",
            Control::Started { .. } => "started",
            Control::Abort { .. } => "abort",
            Control::Aborted { .. } => "aborted",
            Control::MoveSoon { .. } => "move soon",
            Control::Moved { .. } => "moved",
            Control::Unreachable { .. } => "unreachable",
            Control::Reachable { .. } => "reachable",
            Control::Busy { .. } => "busy",
            Control::Released { .. } => "released",
            Control::Cede { .. } => "cede",
            Control::Ceded { .. } => "ceded",
        },
    }
}

#[test]
fn players_messages_have_the_bytes_that_their_vectors_say() {
    let mut vectors = Vec::new();
    let mut add = |name: &str, direction: &str, slots, bytes: &[u8], value| {
        let (name, direction) = (name.to_string(), Some(direction.to_string()));
        vectors.push(Vector { name, direction, slots, hex: hex(bytes), value });
    };
    for (name, message) in client_messages() {
        add(name, "client", None, &message.encode(), json_of(&message));
    }
    for (name, message) in server_messages() {
        add(name, "server", None, &message.encode(), json_of(&message));
    }
    for (name, slots, frame) in frames() {
        add(name, "server", Some(slots), &frame.encode(slots), json!({ "Frame": json_of(&frame) }));
    }
    check("player.json", &vectors);
}

#[test]
fn peer_messages_have_the_bytes_that_their_vectors_say() {
    let vector = |message: &PeerMessage| Vector {
        name: peer_name(message).into(),
        direction: None,
        slots: None,
        hex: hex(&peer::encode(message)),
        value: json_of(message),
    };
    check("peer.json", &peer_messages().iter().map(vector).collect::<Vec<_>>());
}

#[test]
fn handshakes_have_the_bytes_that_their_vectors_say() {
    let key = ClusterKey::parse(&[0xee; 32]).expect("32 bytes are a key");
    let (dialer, hello) = Dialer::start(&key, MEMBER, OTHER, [1; 32]);
    let (listener, answer) = Listener::answer(&key, OTHER, &hello, [2; 32]).expect("a hello");
    let (link, proof) = dialer.finish(&answer).expect("an answer");
    assert_eq!((link.peer, listener.finish(&proof).map(|link| link.peer)), (OTHER, Ok(MEMBER)));
    let vector = |name: &str, bytes: &Bytes| Vector {
        name: name.into(),
        direction: None,
        slots: None,
        hex: hex(bytes),
        value: Value::Null,
    };
    let vectors = [("hello", &hello), ("answer", &answer), ("proof", &proof)];
    check("handshake.json", &vectors.map(|(name, bytes)| vector(name, bytes)));
}

#[test]
fn the_bytes_of_each_vector_read_back_as_its_message() {
    for (name, message) in client_messages() {
        assert_eq!(ClientMessage::decode(&message.encode()).as_ref(), Ok(&message), "{name}");
    }
    for (name, message) in server_messages() {
        assert_eq!(ServerMessage::decode(&message.encode()).as_ref(), Ok(&message), "{name}");
    }
    for (name, slots, frame) in frames() {
        assert_eq!(Frame::decode(&frame.encode(slots), slots).as_ref(), Ok(&frame), "{name}");
    }
    for message in peer_messages() {
        assert_eq!(peer::decode(&peer::encode(&message)).as_ref(), Ok(&message), "{}", peer_name(&message));
    }
}

#[test]
fn the_example_in_the_documentation_is_one_of_the_vectors() {
    let page = std::fs::read_to_string("../../docs/protocol.md").expect("docs/protocol.md is there");
    let text = std::fs::read_to_string("vectors/player.json").expect("the vectors are there");
    let vectors: Vec<Vector> = serde_json::from_str(&text).expect("the file holds vectors");
    for name in ["one input", "frame: a busy one with 32 places"] {
        let vector = vectors.iter().find(|vector| vector.name == name).expect("a vector of that name");
        let bytes: Vec<String> = unhex(&vector.hex).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            page.contains(&bytes.join(" ")),
            "docs/protocol.md should show {name:?} as {}",
            bytes.join(" ")
        );
    }
}
