//! What is decoded here and at the peers, and whom it comes from: players, other members, the registry, files, users.
//!
//! Hubs are tried beside their other tests.

use super::{fuzz, hex};
use crate::creation::{Creation, Wish};
use crate::mazes::Mazes;
use crate::origin;
use crate::visitors::{AddressLimits, Visitors};
use protocol::handshake::{Dialer, Listener};
use protocol::peer::{self, GameSettings, MoveNote};
use protocol::{
    ChatText, ClientMessage, ClusterKey, Epoch, Frame, GameId, GameName, MemberId, PlayerId, PlayerName,
    ServerMessage, Tick, Token,
};
use registry::{ClusterRecord, Fence, GameRecord, LogBatch, MemberRecord, MemberState, Request, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sim::{Entry, Maze, Rounds, World, action, delta, keys};
use std::fmt::Debug;
use warp::http::{HeaderMap, HeaderValue, header};

/// Golden bytes of the protocol, with what is said about each.
fn golden(file: &str) -> Vec<(Value, Vec<u8>)> {
    let path = format!("../crates/protocol/vectors/{file}.json");
    let text = std::fs::read_to_string(path).expect("the protocol's golden bytes");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let bytes = |vector: &Value| {
        let text = vector["hex"].as_str().expect("hex digits");
        let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
        (0..text.len()).step_by(2).map(digits).collect()
    };
    vectors.into_iter().map(|vector| (vector.clone(), bytes(&vector))).collect()
}

/// Golden bytes of one direction.
fn golden_to(direction: &str) -> Vec<Vec<u8>> {
    let of = |(vector, bytes): (Value, Vec<u8>)| (vector["direction"] == direction).then_some(bytes);
    golden("player").into_iter().filter_map(of).collect()
}

/// What was decoded, and the same again after it was written and read once more.
fn again<T: PartialEq + Debug, E: Debug + PartialEq>(
    read: Result<T, E>,
    write: impl Fn(&T) -> Vec<u8>,
    reread: impl Fn(&[u8]) -> Result<T, E>,
) -> String {
    if let Ok(value) = &read {
        let bytes = write(value);
        let same = reread(&bytes);
        assert_eq!(same.as_ref(), Ok(value), "{}", hex(&bytes));
    }
    format!("{read:?}")
}

#[test]
fn fuzzed_messages_of_clients() {
    fuzz("client", golden_to("client"), &[b"\x01\x01"], |bytes| {
        again(ClientMessage::decode(bytes), |message| message.encode().into(), ClientMessage::decode)
    });
}

#[test]
fn fuzzed_messages_of_servers() {
    fuzz("server", golden_to("server"), &[], |bytes| {
        let text =
            again(ServerMessage::decode(bytes), |message| message.encode().into(), ServerMessage::decode);
        match ServerMessage::decode(bytes) {
            Ok(ServerMessage::Frame { body, .. }) => format!("{text} {:?}", body.decode(8)),
            _ => text,
        }
    });
}

#[test]
fn fuzzed_frames_and_their_bodies() {
    let seeds = golden("player").into_iter().filter_map(|(vector, bytes)| {
        let slots = vector["slots"].as_u64()? as u8;
        Some([&[slots][..], &bytes].concat())
    });
    fuzz("frame", seeds.collect(), &[], |bytes| {
        let Some((&slots, bytes)) = bytes.split_first() else { return String::new() };
        let read = |bytes: &[u8]| Frame::decode(bytes, slots);
        again(read(bytes), |frame| frame.encode(slots).into(), read)
    });
}

#[test]
fn fuzzed_messages_of_peers() {
    let seeds = golden("peer").into_iter().map(|(_, bytes)| bytes).collect();
    fuzz("peer", seeds, &[], |bytes| {
        again(peer::decode(bytes), |message| peer::encode(message).into(), peer::decode)
    });
}

#[test]
fn fuzzed_handshakes_and_tokens_that_nobody_signed() {
    let key = ClusterKey::parse(&[7; 32]).expect("a key");
    let (one, other) = (MemberId(1), MemberId(2));
    let start = || Dialer::start(&key, one, other, [3; 32]);
    let (dialer, first) = start();
    let (listener, answer) = Listener::answer(&key, other, &first, [4; 32]).expect("in order");
    let (_, proof) = dialer.finish(&answer).expect("in order");
    listener.finish(&proof).expect("in order");
    // In place of the proofs, something that is not far from one.
    let mut other_answer = answer.to_vec();
    other_answer[60] ^= 1;
    let token = Token { game: GameId(1), player: PlayerId(2) }.sign(&key);
    let mut other_token = token.clone();
    other_token[40] ^= 1;
    fuzz("handshake", vec![first.to_vec(), other_answer, other_token], &[b"TANX\x01"], |bytes| {
        let to_dialer = start().0.finish(bytes).map(|(link, _)| link);
        assert!(to_dialer.is_err() || bytes == answer, "a link that nobody proved");
        let to_listener = Listener::answer(&key, other, bytes, [5; 32]);
        let from_dialer = match Listener::answer(&key, other, &first, [4; 32]) {
            Ok((listener, _)) => listener.finish(bytes),
            Err(error) => panic!("{error}"),
        };
        assert!(from_dialer.is_err() || bytes == proof, "a link that nobody proved");
        let read = Token::verify(&key, bytes);
        assert!(read.is_err() || bytes == token, "a token that nobody signed");
        format!("{to_dialer:?} {:?} {from_dialer:?} {read:?}", to_listener.map(|_| ()))
    });
}

fn standard() -> Maze {
    Maze::parse(sim::STANDARD_MAZE).expect("it is shipped")
}

/// A world in which something goes on.
fn lively(maze: &Maze) -> World {
    let mut world = World::new(maze, sim::RULES, 4, 1, Rounds { play_ticks: 400, rest_ticks: 50 });
    let player = |player: u64| Entry::Join { player, name: format!("P{player}"), bot: player == 3 };
    world.step(maze, &[player(1), player(2), player(3)]);
    for seq in 1..200u32 {
        let input = |player, keys| {
            let action = if seq % 60 == 1 { action::LAUNCH_ANY } else { action::NONE };
            Entry::Input { player, session: 1, seq, keys, action, stale: false }
        };
        world.step(maze, &[input(1, keys::FORWARD | keys::FIRE), input(2, keys::LEFT | keys::FIRE)]);
    }
    world.step(maze, &[Entry::Chat { player: 1, text: "gg".into() }, Entry::Gone { player: 2, session: 1 }]);
    world
}

/// Goes on from a world with these entries: whatever it is, it can be told and stored, and restored as the same.
fn goes_on(mut world: World, maze: &Maze, entries: &[Entry], ticks: u64) -> String {
    let (mut said, players) = (String::new(), world.players().map(|player| player.id).collect::<Vec<_>>());
    for tick in 0..ticks {
        let before = world.clone();
        if tick == 0 {
            world.step(maze, entries);
        } else {
            let input = |(nth, &player): (usize, &u64)| {
                let known = world.player(player)?;
                let (session, seq) = (known.session, known.last_seq.checked_add(1)?);
                let action = if tick == 1 { action::LAUNCH_ANY } else { action::NONE };
                Some(Entry::Input {
                    player,
                    session,
                    seq,
                    keys: (17 + nth as u8) & keys::ALL,
                    action,
                    stale: false,
                })
            };
            let inputs: Vec<_> = players.iter().enumerate().filter_map(input).collect();
            world.step(maze, &inputs);
        }
        let delta = delta(&before, &world, maze);
        if tick < 2 {
            said = format!("{said} {delta:?}");
        }
    }
    let stored = world.snapshot();
    let restored = World::restore(maze, &stored);
    assert_eq!(restored.as_ref().map(World::digest), Ok(world.digest()), "{}", hex(&stored));
    said
}

#[test]
fn fuzzed_worlds_that_are_restored_go_on() {
    let maze = standard();
    let empty = World::new(&maze, sim::RULES, 8, 1, Rounds::default());
    fuzz("world", vec![empty.snapshot(), lively(&maze).snapshot()], &[], |bytes| {
        match World::restore(&maze, bytes) {
            Ok(world) => goes_on(world, &maze, &[], 12),
            Err(error) => format!("{error:?}"),
        }
    });
}

#[test]
fn fuzzed_logs_that_are_run_again() {
    let maze = standard();
    let world = lively(&maze);
    let entries = vec![
        Entry::Join { player: 9, name: "New".into(), bot: false },
        Entry::Rename { player: 1, name: "Other".into() },
        Entry::Chat { player: 1, text: "hello".into() },
        Entry::Gone { player: 1, session: 1 },
        Entry::Input { player: 1, session: 1, seq: 200, keys: 17, action: 2, stale: false },
        Entry::Leave { player: 2 },
    ];
    let log = postcard::to_allocvec(&entries).expect("plain data");
    let all = LogBatch { epoch: Epoch(1), upto: Tick(9), ticks: vec![(Tick(8), log.into())] };
    let batch = postcard::to_allocvec(&all).expect("plain data");
    fuzz("log", vec![batch], &["é".as_bytes(), "\u{202e}".as_bytes()], |bytes| {
        let batch = match postcard::from_bytes::<LogBatch>(bytes) {
            Ok(batch) => batch,
            Err(error) => return format!("{error:?}"),
        };
        let read = |(_, log): &(Tick, bytes::Bytes)| postcard::from_bytes::<Vec<Entry>>(log);
        match batch.ticks.iter().map(read).collect::<Result<Vec<_>, _>>() {
            Ok(ticks) => {
                let said: Vec<_> =
                    ticks.iter().take(4).map(|entries| goes_on(world.clone(), &maze, entries, 3)).collect();
                format!("{ticks:?} {said:?}")
            }
            Err(error) => format!("{error:?}"),
        }
    });
}

/// A record as the registry has it, or why it is none.
fn record<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> String {
    let read = |bytes: &[u8]| serde_json::from_slice::<T>(bytes).map_err(|error| error.classify());
    again(read(bytes), |value| serde_json::to_vec(value).expect("plain data"), read)
}

fn member() -> MemberRecord {
    MemberRecord {
        id: MemberId(1),
        name: "one".into(),
        address: "10.0.0.1:7946".into(),
        pod_uid: "uid".into(),
        container: "gamed".into(),
        revision: "r".into(),
        build: "b".into(),
        state: MemberState::Ready,
        games: 1,
        players: 2,
        rules_min: 1,
        rules_max: 1,
        renewals: 3,
        joined: 4,
        settled: String::new(),
    }
}

fn settings() -> GameSettings {
    GameSettings {
        name: "g".into(),
        maze: "name M".into(),
        maze_name: "M".into(),
        slots: 4,
        rules: 1,
        bots: 2,
        stays: false,
    }
}

fn note() -> MoveNote {
    let note = golden("peer").into_iter().find_map(|(_, bytes)| match peer::decode(&bytes) {
        Ok(peer::PeerMessage::MoveDone(note)) => Some(note),
        _ => None,
    });
    note.expect("a move among the golden bytes")
}

#[test]
fn fuzzed_records_of_the_registry() {
    let game = GameRecord {
        id: GameId(1),
        epoch: Epoch(2),
        owner: Some(MemberId(1)),
        base: Epoch(1),
        next: Some((MemberId(2), registry::Reason::Move)),
        durable: Tick(9),
        snapshot_tick: Tick(8),
        snapshot_epoch: Epoch(2),
        rules: 1,
        name: "g".into(),
        maze: "m".into(),
        players: 1,
        bots: 2,
        attempts: 0,
        failures: 0,
        calm_from: Tick(0),
        quarantined: false,
    };
    let cluster = ClusterRecord { target_revision: "r".into(), rules: 1, ..ClusterRecord::default() };
    let json = |value: serde_json::Result<Vec<u8>>| value.expect("plain data");
    let seeds = vec![
        json(serde_json::to_vec(&member())),
        json(serde_json::to_vec(&game)),
        json(serde_json::to_vec(&settings())),
        json(serde_json::to_vec(&cluster)),
        json(serde_json::to_vec(&note())),
    ];
    let words: [&[u8]; 8] =
        [b"null", b"\"", b"-1", b"1e400", b"\\ud800", b"[", b"{", b"18446744073709551616"];
    fuzz("record", seeds, &words, |bytes| {
        let all = [
            record::<MemberRecord>(bytes),
            record::<GameRecord>(bytes),
            record::<GameSettings>(bytes),
            record::<ClusterRecord>(bytes),
            record::<MoveNote>(bytes),
        ];
        all.join(" ")
    });
}

/// A text, and several answers in one, as Redis sends them.
fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

fn array(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<_> = items.into_iter().collect();
    [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat()
}

#[test]
fn fuzzed_answers_of_redis() {
    let (game, owner, id) = (GameId(1), MemberId(1), "0000000000000001");
    let expect = Fence { epoch: Epoch(1), owner: None };
    let requests = [
        Request::Members,
        Request::Game(game),
        Request::Claim { game, expect, owner, salt: 0, floor: Epoch(0), run_id: None },
        Request::Moves,
        Request::Leave(owner),
    ];
    let json = |value: serde_json::Result<String>| text(value.expect("plain data"));
    let tick = "0000000000000009";
    let record = || {
        let next = [id, id, id, "", "dead:it is gone", tick, tick, id];
        array(next.into_iter().chain(["1", "g", "m", "1", "2", "0", "0", tick, "0"]).map(text))
    };
    let cluster = ClusterRecord { target_revision: "r".into(), rules: 1, ..ClusterRecord::default() };
    let numbers = || array([text(id), text("7")]);
    let members = array([text(id), json(serde_json::to_string(&member()))]);
    let members = array([members, numbers(), numbers(), json(serde_json::to_string(&cluster)), text("3")]);
    let batch = LogBatch { epoch: Epoch(1), upto: Tick(9), ticks: vec![(Tick(8), vec![1].into())] };
    let batch = postcard::to_allocvec(&batch).expect("plain data");
    let log = array([array([text("0-9"), array([text("batch"), text(batch)])])]);
    let settings = json(serde_json::to_string(&settings()));
    let claimed = array([text("claimed"), record(), settings, text("world"), log]);
    let tallies = || array([text("count:move"), text("7"), text("worst:move"), text("9")]);
    let note = format!("7 {}", serde_json::to_string(&note()).expect("plain data"));
    let answers = [
        (0, members),
        (1, record()),
        (2, claimed),
        (2, array([text("stale"), record()])),
        (2, array([text("granted"), text(id)])),
        (2, array([text("gone")])),
        (3, array([tallies(), tallies(), array([text(note)])])),
        (4, b":1\r\n".to_vec()),
    ];
    let seeds = answers.into_iter().map(|(request, answer)| [vec![request], answer].concat());
    let words: [&[u8]; 8] =
        [b"$-1\r\n", b"*0\r\n", b"*-1\r\n", b":7\r\n", b"_\r\n", b"%1\r\n", b"-WRONGTYPE\r\n", b"$0\r\n\r\n"];
    fuzz("redis", seeds.collect(), &words, |bytes| {
        let Some((&request, answer)) = bytes.split_first() else { return String::new() };
        let request = &requests[usize::from(request) % requests.len()];
        format!("{:?}", registry::redis::read(request, answer))
    });
}

#[test]
fn fuzzed_files_of_mazes() {
    let small = "name Small\narena 8 8\nwall 1,1 1,2 2,2 # corner\nentry a -2,-2 facing 45\n";
    let seeds = sim::MAZES.iter().map(|text| text.as_bytes().to_vec()).chain([small.into()]);
    let words: [&[u8]; 12] = [
        b"wall ",
        b"entry ",
        b"arena ",
        b"name ",
        b"facing ",
        b"\n",
        b",",
        b"-0.0001",
        b"99999999999999999999",
        b"1.00001",
        b"0.6",
        b"359.9",
    ];
    fuzz("maze", seeds.collect(), &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Maze::parse(&text) {
            Ok(maze) => {
                let mut world = World::new(&maze, sim::RULES, 4, 1, Rounds::default());
                world.step(&maze, &[Entry::Join { player: 1, name: "P".into(), bot: false }]);
                let said = goes_on(world, &maze, &[], 30);
                format!("{:?} {} {said}", maze.name(), text.lines().count())
            }
            Err(error) => error.to_string(),
        }
    });
}

#[test]
fn fuzzed_bodies_headers_and_texts_of_users() {
    let mazes = Mazes::load(None).expect("the shipped ones");
    let creation = Creation { slots: 8, bots: 4, rounds: Rounds::default(), mazes };
    let limits =
        AddressLimits { header: Some(header::FORWARDED), connections: 1, ..AddressLimits::default() };
    let visitors = Visitors::new(limits, std::sync::Arc::new(crate::metrics::Metrics::new()));
    let seeds = [
        r#"{"name":"game","maze":"Atlantis","bots":3}"#,
        r#"{"name":"game"}"#,
        "https://play.example:443",
        "http://[::1]:8080",
        "10.0.0.1, 2001:db8::1",
        " Ada ",
    ];
    let words: [&[u8]; 9] =
        [b"null", b"256", b"-1", b"\\u0000", b"\"bots\":", b"://", b"::ffff:", b",", "\u{202e}".as_bytes()];
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    fuzz("user", seeds, &words, |bytes| {
        let wish = Wish::from_json(bytes).map(|wish| {
            let made = creation.first_world(wish, sim::RULES);
            made.map(|(settings, Snapshot { world, .. })| {
                let maze = Maze::parse(&settings.maze).expect("it was chosen from those that there are");
                World::restore(&maze, &world).expect("a new one").tick()
            })
        });
        let headers = HeaderValue::from_bytes(bytes).map(|value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, value.clone());
            headers.insert(header::HOST, value.clone());
            headers.insert(header::FORWARDED, value);
            let connection = visitors.connect("10.0.0.1".parse().expect("an address"));
            let visitor = visitors.request(&connection, &headers).expect("no limit");
            (origin::check(&headers, &[]).is_ok(), visitor.address)
        });
        let text = String::from_utf8_lossy(bytes);
        let texts = (PlayerName::parse(&text), GameName::parse(&text), ChatText::parse(&text));
        let setting = text.parse::<origin::Origin>();
        format!("{wish:?} {headers:?} {texts:?} {setting:?}")
    });
}
