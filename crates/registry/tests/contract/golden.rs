//! What stands in Redis, as the first build wrote it: this one writes the same, and reads it.
//!
//! `vectors/redis.json`: the keys of a cluster with one member and one game, but for indexes, counters and times: hashes with
//! their fields, texts, and a stream with its ids; worlds and batches of the log in hexadecimal digits.
//! `TANX_WRITE_VECTORS=1` writes it where it is missing, and never anew: clusters that run depend on it.

use crate::server::Server;
use crate::*;
use redis::AsyncCommands;
use registry::{ClusterRecord, LogBatch, Reason};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What to do when a test here fails.
const ADVICE: &str = "Builds before and after this one work on the same Redis during a rollout. Do not change the file: new fields \
     may be missing (serde's default, or one of their own), and old ones stay as they are.";

/// The present epochs are below it: the ones that are granted over it are always the same.
const FLOOR: Epoch = Epoch(0x3fff_ffff_ffff_0000);

const GAME: GameId = GameId(0x0123_4567_89ab_cdef);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn keys() -> [String; 5] {
    let game = |name| format!("tanx:test/one:{{{GAME}}}:{name}");
    let shared = |name| format!("{{tanx:test/one}}:{name}");
    [game("record"), game("snapshot"), game("log"), shared("members"), shared("cluster")]
}

fn cluster() -> ClusterRecord {
    ClusterRecord { target_revision: "5d4f".into(), rules: 2, ..ClusterRecord::default() }
}

/// As the first build knew them.
fn member_then() -> MemberRecord {
    MemberRecord { settled: String::new(), ..member(1) }
}

fn batch() -> LogBatch {
    LogBatch { epoch: FLOOR, upto: Tick(9), ticks: vec![(Tick(8), vec![1, 2, 3].into())] }
}

async fn connection(server: &Server) -> redis::aio::MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// What this build writes.
async fn written() -> String {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::Join(member_then())).await;
    ask(&registry, Request::PublishCluster(cluster())).await;
    let (owner, salt) = (MemberId(1), 0xfffe);
    let create = Request::Create {
        game: GAME,
        owner,
        settings: settings(),
        snapshot: snapshot(5),
        salt,
        floor: FLOOR,
    };
    let expect = Fence { epoch: granted(&registry, create).await, owner: Some(owner) };
    ask(&registry, Request::Append { game: GAME, expect, after: Tick(5), batch: batch() }).await;
    let reason = Reason::Dead("terminated: \"ü\"".into());
    ask(&registry, Request::Assign { game: GAME, expect, next: MemberId(2), reason }).await;

    let mut redis = connection(&server).await;
    let [record, world, log, members, cluster] = keys();
    let stream: Vec<(String, Vec<Vec<u8>>)> =
        redis::cmd("XRANGE").arg(&log).arg("-").arg("+").query_async(&mut redis).await.unwrap();
    let entry = |(id, fields): &(String, Vec<Vec<u8>>)| {
        json!([id, String::from_utf8_lossy(&fields[0]), hex(&fields[1])])
    };
    let stream: Vec<Value> = stream.iter().map(entry).collect();
    let all = json!({
        "record": redis.hgetall::<_, BTreeMap<String, String>>(record).await.unwrap(),
        "snapshot": hex(&redis.get::<_, Vec<u8>>(world).await.unwrap()),
        "log": stream,
        "members": redis.hgetall::<_, BTreeMap<String, String>>(members).await.unwrap(),
        "cluster": redis.get::<_, String>(cluster).await.unwrap(),
    });
    format!("{all:#}\n")
}

#[tokio::test]
async fn what_another_build_wrote_is_read_and_written_alike() {
    let path = Path::new("vectors/redis.json");
    let now = written().await;
    if !path.exists() && std::env::var_os("TANX_WRITE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &now).unwrap();
    }
    let then = std::fs::read_to_string(path).expect("the file is there");
    let differs = then.lines().zip(now.lines()).find(|(then, now)| then != now);
    assert!(then == now, "this build writes otherwise: {differs:?}. {ADVICE}");

    let server = Server::start(&[]);
    let mut redis = connection(&server).await;
    let kept: Value = serde_json::from_str(&then).unwrap();
    let [record, world, log, members, shared] = keys();
    for (key, fields) in [(&record, &kept["record"]), (&members, &kept["members"])] {
        for (field, text) in fields.as_object().unwrap() {
            let _: () = redis.hset(key, field, text.as_str().unwrap()).await.unwrap();
        }
    }
    let _: () = redis.set(&world, unhex(&kept["snapshot"])).await.unwrap();
    for entry in kept["log"].as_array().unwrap() {
        let (id, field) = (entry[0].as_str().unwrap(), entry[1].as_str().unwrap());
        let batch = unhex(&entry[2]);
        let mut add = redis::cmd("XADD");
        let _: String = add.arg(&log).arg(id).arg(field).arg(batch).query_async(&mut redis).await.unwrap();
    }
    let _: () = redis.set(&shared, kept["cluster"].as_str().unwrap()).await.unwrap();

    let registry = server.registry().await;
    let answer = registry.call(Request::Members).await;
    let Ok(Reply::Members { members, cluster: read, .. }) = answer else { panic!("{answer:?}. {ADVICE}") };
    assert_eq!((members, read), (vec![member_then()], cluster()), "{ADVICE}");
    let record = record_of(&registry).await;
    let expect = Fence { epoch: record.epoch, owner: record.owner };
    let claim =
        Request::Claim { game: GAME, expect, owner: MemberId(2), salt: 7, floor: Epoch(0), run_id: None };
    let answer = registry.call(claim).await;
    let Ok(Reply::Claimed { settings: read, snapshot: world, log, .. }) = answer else {
        panic!("{answer:?}. {ADVICE}")
    };
    assert_eq!((read, world, log), (settings(), snapshot(5), vec![batch()]), "{ADVICE}");
}

async fn record_of(registry: &dyn Registry) -> GameRecord {
    let answer = registry.call(Request::Game(GAME)).await;
    let Ok(Reply::Game(record)) = answer else { panic!("{answer:?}. {ADVICE}") };
    let expected = GameRecord {
        id: GAME,
        epoch: record.epoch,
        owner: Some(MemberId(1)),
        base: Epoch(0),
        next: Some((MemberId(2), Reason::Dead("terminated: \"ü\"".into()))),
        durable: Tick(9),
        snapshot_tick: Tick(5),
        snapshot_epoch: snapshot(5).epoch,
        rules: settings().rules,
        name: settings().name,
        maze: settings().maze_name,
        players: snapshot(5).players,
        bots: snapshot(5).bots,
        attempts: 0,
        failures: 0,
        calm_from: Tick(0),
        quarantined: false,
    };
    assert_eq!(record, expected, "{ADVICE}");
    record
}
