//! Something else under our keys: of another type, or nothing that can be read. It costs no more than what it stands in place of.

use crate::server::Server;
use crate::*;
use registry::redis::Redis;
use registry::{ClusterRecord, LogBatch, Reason};
use std::cell::RefCell;

const RECORD: &str = "tanx:test/one:{0000000000000001}:record";
const SNAPSHOT: &str = "tanx:test/one:{0000000000000001}:snapshot";
const LOG: &str = "tanx:test/one:{0000000000000001}:log";
const MEMBERS: &str = "{tanx:test/one}:members";

impl Server {
    async fn put(&self, words: &[&str]) {
        self.command(words).await.unwrap();
    }

    /// One of each type that is not `type`.
    async fn put_wrong(&self, key: &str, kind: usize) {
        self.put(&["DEL", key]).await;
        match kind {
            0 => self.put(&["SET", key, "something else"]).await,
            1 => self.put(&["RPUSH", key, "something", "else"]).await,
            _ => self.put(&["HSET", key, "something", "else"]).await,
        }
    }

    /// All that is held but for times and for what is under that key.
    async fn held_beside(&self, key: &str) -> Vec<(String, redis::Value)> {
        let keys = self.command(&["KEYS", "*"]).await.unwrap();
        let mut keys: Vec<String> = redis::from_redis_value(keys).unwrap();
        keys.retain(|other| other != key && !other.contains(":games:") && !other.contains(":owned:"));
        keys.retain(|other| !other.ends_with(":parked"));
        keys.sort_unstable();
        let mut held = Vec::new();
        for key in keys {
            let dump = self.command(&["DUMP", &key]).await.unwrap();
            held.push((key, dump));
        }
        held
    }
}

async fn members(registry: &Redis) -> (Vec<MemberRecord>, ClusterRecord) {
    match ask(registry, Request::Members).await {
        Reply::Members { members, cluster, .. } => (members, cluster),
        other => panic!("not members: {other:?}"),
    }
}

async fn renew(registry: &Redis, id: u64, joined: u64) -> u64 {
    let record = MemberRecord { joined, ..member(id) };
    match ask(registry, Request::Renew { id: record.id, record, games: Vec::new() }).await {
        Reply::Renewed { renewals, .. } => renewals,
        other => panic!("not renewed: {other:?}"),
    }
}

async fn ids(registry: &Redis) -> Vec<u64> {
    members(registry).await.0.iter().map(|member| member.id.0).collect()
}

fn store(game: u64, expect: Fence, tick: u64) -> Request {
    Request::StoreSnapshot { game: GameId(game), expect, snapshot: snapshot(tick) }
}

fn append(expect: Fence, after: u64, upto: u64) -> Request {
    let batch = LogBatch { epoch: expect.epoch, upto: Tick(upto), ticks: vec![(Tick(upto), vec![7].into())] };
    Request::Append { game: GameId(1), expect, after: Tick(after), batch }
}

fn bump(expect: Fence) -> Request {
    let (game, owner, salt, floor) = (GameId(1), MemberId(10), 7, Epoch(0));
    Request::Bump { game, expect, owner, snapshot: snapshot(60), salt, floor }
}

/// All that changes an existing game.
fn changes(expect: Fence) -> Vec<Request> {
    let (game, salt, floor) = (GameId(1), 7, Epoch(0));
    let (next, reason) = (MemberId(11), Reason::Move);
    vec![
        Request::Assign { game, expect, next, reason },
        append(expect, 40, 80),
        store(1, expect, 70),
        claim(1, expect, 11),
        bump(expect),
        Request::CommitMove { game, expect, to: next, snapshot: snapshot(60), salt, floor },
        Request::Park { game, expect, snapshot: snapshot(60), salt, floor },
        Request::Fail { game, expect, calm_from: Tick(99), limit: 3, salt, floor },
        Request::Release { game, expect, salt, floor },
        Request::End { game, expect },
    ]
}

/// A game with a log.
async fn running(registry: &Redis) -> Fence {
    let held = fence(granted(registry, create(1, 10)).await, 10);
    assert_eq!(ask(registry, store(1, held, 20)).await, Reply::Done);
    assert_eq!(ask(registry, append(held, 20, 40)).await, Reply::Done);
    held
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_missing_until_it_renews() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    for id in [1, 2] {
        ask(&registry, Request::Join(member(id))).await;
        renew(&registry, id, id).await;
    }
    let other = serde_json::to_string(&member(1)).unwrap();
    let unknown = serde_json::to_string(&member(2)).unwrap().replace("ready", "asleep");
    for (renewals, wrong) in (2..).zip(["", "{", "7", "{}", &other, &unknown]) {
        server.put(&["HSET", MEMBERS, "0000000000000002", wrong]).await;
        assert_eq!(ids(&registry).await, [1], "{wrong}");
        assert_eq!(renew(&registry, 2, 2).await, renewals, "{wrong}");
        let (known, _) = members(&registry).await;
        assert_eq!(known[1], MemberRecord { joined: 2, renewals, ..member(2) }, "{wrong}");
    }
    server.put(&["HSET", MEMBERS, "nobody", "nothing"]).await;
    assert_eq!(ids(&registry).await, [1, 2]);
}

#[tokio::test]
async fn numbers_of_members_that_are_none_are_counted_anew() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    for id in [1, 2] {
        ask(&registry, Request::Join(member(id))).await;
        renew(&registry, id, id).await;
    }
    for key in ["renewals", "joined", "seen"] {
        server.put(&["HSET", &format!("{{tanx:test/one}}:{key}"), "0000000000000002", "much"]).await;
    }
    server.put(&["SET", "{tanx:test/one}:counter", "much"]).await;
    let mut known = ids(&registry).await;
    known.sort_unstable();
    assert_eq!(known, [1, 2]);
    assert_eq!(ask(&registry, Request::Join(member(3))).await, Reply::Joined { joined: 2 });
    assert_eq!(renew(&registry, 2, 2).await, 1);
    assert_eq!(ask(&registry, Request::Join(member(4))).await, Reply::Joined { joined: 3 });
    let places = members(&registry).await.0.into_iter().map(|member| (member.id.0, member.joined));
    assert_eq!(places.collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 2), (4, 3)]);
}

#[tokio::test]
async fn members_are_there_again_after_their_renewals_whatever_key_was_another() {
    for key in ["members", "renewals", "joined", "seen", "counter"] {
        for kind in 0..3 {
            let server = Server::start(&[]);
            let registry = server.registry().await;
            for id in [1, 2] {
                ask(&registry, Request::Join(member(id))).await;
                renew(&registry, id, id).await;
            }
            server.put_wrong(&format!("{{tanx:test/one}}:{key}"), kind).await;
            members(&registry).await;
            for id in [1, 2] {
                renew(&registry, id, id).await;
            }
            assert_eq!(ask(&registry, Request::Join(member(3))).await, Reply::Joined { joined: 3 }, "{key}");
            let (known, _) = members(&registry).await;
            let known: Vec<_> = known.into_iter().map(|member| (member.id.0, member.joined)).collect();
            assert_eq!(known, [(1, 1), (2, 2), (3, 3)], "{key}");
            let before = renew(&registry, 1, 1).await;
            assert_eq!(renew(&registry, 1, 1).await, before + 1, "{key}");
            assert_eq!(ask(&registry, Request::Leave(MemberId(1))).await, Reply::Done);
            assert_eq!(ids(&registry).await, [2, 3], "{key}");
        }
    }
}

#[tokio::test]
async fn a_cluster_record_that_cannot_be_read_says_nothing_until_it_is_published() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::Join(member(1))).await;
    let cluster = ClusterRecord { target_revision: "5d4f".into(), rules: 2, ..Default::default() };
    ask(&registry, Request::PublishCluster(cluster.clone())).await;
    let key = "{tanx:test/one}:cluster";
    for kind in 0..3 {
        server.put_wrong(key, kind).await;
        let (known, read) = members(&registry).await;
        assert_eq!((known.len(), read), (1, ClusterRecord { beat: 1 + kind as u64, ..Default::default() }));
        assert_eq!(ask(&registry, Request::PublishCluster(cluster.clone())).await, Reply::Done);
        assert_eq!(members(&registry).await.1, ClusterRecord { beat: 2 + kind as u64, ..cluster.clone() });
    }
    for kind in 0..3 {
        server.put_wrong("{tanx:test/one}:beat", kind).await;
        assert_eq!(members(&registry).await.1, cluster);
        assert_eq!(ask(&registry, Request::PublishCluster(cluster.clone())).await, Reply::Done);
        assert_eq!(members(&registry).await.1, ClusterRecord { beat: 1, ..cluster.clone() });
    }
}

/// What may be wrong with a record.
fn wrong_fields() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for field in ["epoch", "owner", "base", "next", "durable", "snapshot", "under", "calm"] {
        for wrong in ["x", "0", "000000000000000x", "00000000000000001", "-000000000000001"] {
            all.push((field, wrong));
        }
    }
    for field in ["rules", "players", "bots", "attempts", "failures"] {
        for wrong in ["", "x", "-1", "1.5", "65536", "0x7", "1e3", "99999999999999999999"] {
            all.push((field, wrong));
        }
    }
    all.extend([("attempts", "256"), ("failures", "256"), ("epoch", ""), ("durable", "")]);
    // Without a reason.
    all.push(("next", "000000000000000b"));
    all
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_as_good_as_none_and_is_put_back() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    granted(&registry, create(2, 10)).await;
    let mut held = running(&registry).await;
    let fields = ["epoch", "owner", "base", "next", "durable", "snapshot", "under", "rules", "name"]
        .into_iter()
        .chain(["maze", "players", "bots", "attempts"]);
    let missing = fields.map(|field| vec!["HDEL", RECORD, field]);
    let wrong = wrong_fields().into_iter().map(|(field, wrong)| vec!["HSET", RECORD, field, wrong]);
    let types = [vec!["SET", RECORD, "7"], vec!["DEL", RECORD]];
    for spoil in missing.chain(wrong).chain(types) {
        server.put(&spoil).await;
        assert_eq!(ask(&registry, Request::Game(GameId(1))).await, Reply::Gone, "{spoil:?}");
        assert_eq!(listed(&registry, Request::Games).await, [2], "{spoil:?}");
        assert_eq!(listed(&registry, Request::GamesOf(MemberId(10))).await, [2], "{spoil:?}");
        let before = server.held_beside(RECORD).await;
        for request in changes(held) {
            // What is appended is not looked at closely, and for a second at most: a world is stored then.
            if !matches!(request, Request::Append { .. }) {
                assert_eq!(ask(&registry, request.clone()).await, Reply::Gone, "{spoil:?} {request:?}");
            }
        }
        assert_eq!(server.held_beside(RECORD).await, before, "{spoil:?}");
        let epoch = granted(&registry, create(1, 10)).await;
        assert!(epoch > held.epoch);
        // Whoever owned it before does so no more.
        for request in changes(held) {
            let answer = ask(&registry, request).await;
            assert!(matches!(answer, Reply::Stale(_)), "{spoil:?}: {answer:?}");
        }
        assert!(matches!(ask(&registry, create(1, 11)).await, Reply::Stale(_)));
        held = fence(epoch, 10);
        assert_eq!(listed(&registry, Request::Games).await, [1, 2]);
        assert_eq!(ask(&registry, store(1, held, 20)).await, Reply::Done);
        assert_eq!(ask(&registry, append(held, 20, 40)).await, Reply::Done);
    }
}

#[tokio::test]
async fn a_name_that_is_no_text_is_read_all_the_same() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let held = running(&registry).await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for field in ["name", "maze"] {
        let mut set = redis::cmd("HSET");
        set.arg(RECORD).arg(field).arg(&[0xff, b'a'][..]);
        let _: i64 = set.query_async(&mut connection).await.unwrap();
    }
    assert_eq!(record(&registry, 1).await.name, "\u{fffd}a");
    assert!(matches!(ask(&registry, claim(1, held, 11)).await, Reply::Claimed { .. }));
}

#[tokio::test]
async fn a_refused_change_has_changed_nothing_whatever_key_is_another() {
    let all = changes(fence(Epoch(0), 0)).len();
    let server = Server::start(&[]);
    let registry = server.registry().await;
    for key in [RECORD, SNAPSHOT, LOG] {
        for kind in 0..3 {
            for at in 0..all {
                server.put(&["FLUSHALL"]).await;
                let held = running(&registry).await;
                server.put_wrong(key, kind).await;
                let before = server.held_beside(key).await;
                let request = changes(held).swap_remove(at);
                let answer = registry.call(request.clone()).await;
                let refused = is_refused(&answer)
                    || matches!(answer, Ok(Reply::Gone | Reply::Stale(_) | Reply::Behind(_)));
                assert!(answer.is_ok() || refused, "{key} {kind} {request:?}: {answer:?}");
                if refused {
                    assert_eq!(server.held_beside(key).await, before, "{key} {kind} {request:?}: {answer:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_log_that_is_none_goes_on_from_the_next_world() {
    for kind in 0..4 {
        let server = Server::start(&[]);
        let registry = server.registry().await;
        let held = running(&registry).await;
        let spoil = async || match kind {
            3 => server.put(&["DEL", LOG]).await,
            kind => server.put_wrong(LOG, kind).await,
        };
        let log = async || match server.command(&["XLEN", LOG]).await.unwrap() {
            redis::Value::Int(length) => length,
            other => panic!("{other:?}"),
        };
        spoil().await;
        let answer = ask(&registry, append(held, 40, 50)).await;
        assert!(matches!(&answer, Reply::Behind(record) if record.durable == Tick(40)), "{answer:?}");
        spoil().await;
        assert_eq!(ask(&registry, store(1, held, 45)).await, Reply::Done);
        assert_eq!(record(&registry, 1).await.durable, Tick(45));
        assert_eq!(ask(&registry, append(held, 45, 50)).await, Reply::Done);
        assert_eq!((record(&registry, 1).await.durable, log().await), (Tick(50), 1));
        // Without ticks beyond the world nothing is lost.
        assert_eq!(ask(&registry, store(1, held, 60)).await, Reply::Done);
        spoil().await;
        assert_eq!(ask(&registry, append(held, 60, 70)).await, Reply::Done);
        assert_eq!((record(&registry, 1).await.durable, log().await), (Tick(70), 1));
        // The world is there, and whoever claims goes on from it.
        spoil().await;
        let Reply::Claimed { record: now, snapshot: world, log, .. } =
            ask(&registry, claim(1, held, 11)).await
        else {
            panic!("not claimed")
        };
        assert_eq!((now.durable, world, log), (Tick(60), snapshot(60), vec![]));
        assert_eq!(record(&registry, 1).await, now);
    }
}

#[tokio::test]
async fn a_log_that_somebody_else_has_added_to_is_begun_anew() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let held = running(&registry).await;
    server.put(&["XADD", LOG, "*", "something", "else"]).await;
    assert!(matches!(ask(&registry, append(held, 40, 50)).await, Reply::Behind(_)));
    assert_eq!(ask(&registry, store(1, held, 45)).await, Reply::Done);
    assert_eq!(ask(&registry, append(held, 45, 50)).await, Reply::Done);
    let Reply::Claimed { record, log, .. } = ask(&registry, claim(1, held, 11)).await else { panic!() };
    assert_eq!((record.durable, log.len()), (Tick(50), 1));
}

#[tokio::test]
async fn a_log_is_read_up_to_what_cannot_be() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let held = running(&registry).await;
    server.put(&["XADD", LOG, "0-50", "batch", "nothing"]).await;
    let Reply::Claimed { record, log, .. } = ask(&registry, claim(1, held, 11)).await else { panic!() };
    assert_eq!((record.durable, log.len()), (Tick(40), 1));
}

#[tokio::test]
async fn a_world_that_is_none_is_replaced_by_the_next_and_else_not_claimed() {
    for kind in 1..3 {
        let server = Server::start(&[]);
        let registry = server.registry().await;
        let held = running(&registry).await;
        server.put_wrong(SNAPSHOT, kind).await;
        let before = record(&registry, 1).await;
        let answer = registry.call(claim(1, held, 11)).await;
        assert!(is_refused(&answer), "{answer:?}");
        assert_eq!(record(&registry, 1).await, before);
        assert_eq!(ask(&registry, store(1, held, 45)).await, Reply::Done);
        let Reply::Claimed { snapshot: world, .. } = ask(&registry, claim(1, held, 11)).await else {
            panic!()
        };
        assert_eq!(world, snapshot(45));
    }
}

#[tokio::test]
async fn an_index_that_is_none_costs_its_games_a_renewal() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let far = 0xf << 60;
    let mut games = Vec::new();
    for game in [1, 2, far] {
        games.push((GameId(game), granted(&registry, create(game, 10)).await));
    }
    let (part, owned) = ("tanx:test/one:games:{g0}", "tanx:test/one:owned:{000000000000000a}");
    for kind in 0..2 {
        for key in [part, owned] {
            server.put_wrong(key, kind).await;
        }
        assert_eq!(listed(&registry, Request::Games).await, [far]);
        assert_eq!(listed(&registry, Request::GamesOf(MemberId(10))).await, NONE);
        ask(&registry, Request::Renew { id: MemberId(10), record: member(10), games: games.clone() }).await;
        assert_eq!(listed(&registry, Request::Games).await, [1, 2, far]);
        assert_eq!(listed(&registry, Request::GamesOf(MemberId(10))).await, [1, 2, far]);
    }
    server
        .put(&["HSET", part, "0000000000000001", "long ago", "no game", "5", "0000000000000009", "never"])
        .await;
    assert_eq!(listed(&registry, Request::Games).await, [1, 2, far]);
    // It may be another build's, which can read it.
    server.put(&["HSET", part, "0000000000000001", "5"]).await;
    server.put(&["HSET", RECORD, "players", "many"]).await;
    assert_eq!(listed(&registry, Request::Games).await, [2, far]);
    server.put(&["HSET", RECORD, "players", "7"]).await;
    assert_eq!(listed(&registry, Request::Games).await, [1, 2, far]);
}

#[tokio::test]
async fn moves_are_counted_whatever_key_of_theirs_was_another() {
    for key in ["moves", "moves:rollout", "moves:last", "moves:known"] {
        for kind in 0..3 {
            let server = Server::start(&[]);
            let registry = server.registry().await;
            ask(&registry, Request::NoteMoves(vec![note(1, 1)])).await;
            let key = format!("{{tanx:test/one}}:{key}");
            server.put_wrong(&key, kind).await;
            let Reply::Moves(_) = ask(&registry, Request::Moves).await else { panic!() };
            assert_eq!(ask(&registry, Request::NoteMoves(vec![note(1, 2)])).await, Reply::Done);
            let Reply::Moves(ledger) = ask(&registry, Request::Moves).await else { panic!() };
            assert_eq!(ledger.last[0].note, note(1, 2), "{key} {kind}");
            assert!(ledger.ever["move"].count > 0 && ledger.rollout["move"].count > 0, "{key} {kind}");
        }
    }
}

#[tokio::test]
async fn numbers_of_moves_that_are_none_are_counted_anew() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::NoteMoves(vec![note(1, 1)])).await;
    for field in ["count:move", "worst:move", "noted"] {
        server.put(&["HSET", "{tanx:test/one}:moves", field, "much"]).await;
    }
    let Reply::Moves(_) = ask(&registry, Request::Moves).await else { panic!() };
    ask(&registry, Request::NoteMoves(vec![note(1, 2)])).await;
    let Reply::Moves(ledger) = ask(&registry, Request::Moves).await else { panic!() };
    assert_eq!(ledger.ever["move"].count, 1);
    assert_eq!(ledger.rollout["move"].count, 2);
}

thread_local! {
    /// What this thread has warned of.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Said;

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        SAID.with_borrow_mut(|said| said.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// This test's thread runs all of its tasks.
#[tokio::test]
async fn what_cannot_be_read_is_warned_of_once_and_again_when_it_changes() {
    // For all threads: whether anybody listens to a warning is decided once, by the first that comes to it.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(|| Said)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::Join(member(1))).await;
    granted(&registry, create(1, 10)).await;
    let look = async || {
        for _ in 0..5 {
            registry.call_all(vec![Request::Members, Request::Games, Request::Game(GameId(1))]).await;
        }
        let said = String::from_utf8(SAID.take()).unwrap();
        said.lines().count()
    };
    assert_eq!(look().await, 0);
    server.put(&["HSET", RECORD, "players", "many"]).await;
    assert_eq!(look().await, 1);
    server.put(&["HSET", RECORD, "players", "0", "bots", "many"]).await;
    assert_eq!(look().await, 1);
    server.put(&["SET", RECORD, "7"]).await;
    server.put(&["HSET", MEMBERS, "0000000000000001", "{"]).await;
    server.put(&["SET", "tanx:test/one:games:{g7}", "7"]).await;
    assert_eq!(look().await, 3);
    assert_eq!(look().await, 0);
    granted(&registry, create(1, 10)).await;
    assert_eq!(look().await, 0);
    server.put(&["SET", RECORD, "7"]).await;
    assert_eq!(look().await, 1);
}
