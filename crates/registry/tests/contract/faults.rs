//! What a Redis that dies, hangs, forgets or runs full does to those who ask it.

use crate::server::Server;
use crate::*;
use registry::redis::{Redis, RedisSettings};

fn quick(server: &Server) -> RedisSettings {
    RedisSettings::new(server.url(), "tanx:test/one")
}

fn run_id(reply: Reply) -> String {
    match reply {
        Reply::Members { run_id, .. } | Reply::Renewed { run_id, .. } => run_id,
        other => panic!("no run id: {other:?}"),
    }
}

#[tokio::test]
async fn a_killed_redis_is_found_again_with_another_run_id() {
    let mut server = Server::start(&[]);
    let registry = server.registry().await;
    let first = run_id(ask(&registry, Request::Members).await);
    let mut hints = registry.hints();
    server.kill();
    let start = Instant::now();
    loop {
        // Answers at once, whatever it is.
        let asked = Instant::now();
        let answer = registry.call(create(1, 10)).await;
        assert!(asked.elapsed() < Duration::from_secs(2), "{answer:?} took {:?}", asked.elapsed());
        if is_refused(&answer) {
            break;
        }
        assert!(is_unanswered(&answer), "{answer:?}");
        assert!(start.elapsed() < DEADLINE);
    }
    server.restart();
    let back = Instant::now();
    let second = run_id(eventually(&registry, Request::Members).await);
    assert!(back.elapsed() < Duration::from_secs(3), "took {:?}", back.elapsed());
    assert_ne!(first, second);
    // It is empty; hints flow again, beginning with the advice to look.
    assert_eq!(next_hint(&mut hints).await, Hint::Lost);
    granted(&registry, create(2, 10)).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Game(GameId(2)));
}

#[tokio::test]
async fn an_idle_member_reconnects_for_its_hints() {
    let mut server = Server::start(&[]);
    let registry = server.registry().await;
    let mut hints = registry.hints();
    server.kill();
    server.restart();
    assert_eq!(next_hint(&mut hints).await, Hint::Lost);
    let other = server.registry().await;
    granted(&other, create(2, 10)).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Game(GameId(2)));
}

#[tokio::test]
async fn a_hanging_redis_leaves_a_request_unanswered_and_loses_its_connection() {
    let server = Server::start(&[]);
    // Long enough for a busy machine, short enough to be seen.
    let reply_timeout = Duration::from_secs(1);
    let settings = RedisSettings { connect_timeout: Duration::from_secs(5), reply_timeout, ..quick(&server) };
    let registry = Redis::connect(settings).await.unwrap();
    let epoch = granted(&registry, create(1, 10)).await;
    server.signal("-STOP");
    let asked = Instant::now();
    let store = Request::StoreSnapshot { game: GameId(1), expect: fence(epoch, 10), snapshot: snapshot(3) };
    let answer = registry.call(store).await;
    assert!(is_unanswered(&answer), "{answer:?}");
    assert!(asked.elapsed() < 2 * reply_timeout, "took {:?}", asked.elapsed());
    let start = Instant::now();
    while !is_refused(&registry.call(Request::Game(GameId(1))).await) {
        assert!(start.elapsed() < DEADLINE, "the silent connection is still used");
    }
    server.signal("-CONT");
    // The write that was not answered was carried out all the same.
    let start = Instant::now();
    loop {
        if let Reply::Game(record) = eventually(&registry, Request::Game(GameId(1))).await
            && record.durable == Tick(3)
        {
            break;
        }
        assert!(start.elapsed() < DEADLINE);
    }
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let epoch = granted(&registry, create(1, 10)).await;
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    let store = Request::StoreSnapshot { game: GameId(1), expect: fence(epoch, 10), snapshot: snapshot(1) };
    let answers = registry
        .call_all(vec![store, Request::Game(GameId(1)), create(2, 10), claim(1, fence(epoch, 10), 11)])
        .await;
    assert_eq!(answers[0], Ok(Reply::Done));
    assert!(matches!(&answers[2], Ok(Reply::Granted { .. })), "{answers:?}");
    assert!(matches!(&answers[3], Ok(Reply::Claimed { .. })), "{answers:?}");
    assert_eq!(listed(&registry, Request::GamesOf(MemberId(11))).await, [1]);
}

#[tokio::test]
async fn a_full_redis_refuses_and_changes_nothing() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let epoch = granted(&registry, create(1, 10)).await;
    let before = record(&registry, 1).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    for request in [create(2, 10), claim(1, fence(epoch, 10), 11)] {
        let answer = registry.call(request).await;
        assert!(is_refused(&answer), "{answer:?}");
    }
    assert_eq!(record(&registry, 1).await, before);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    assert!(matches!(ask(&registry, claim(1, fence(epoch, 10), 11)).await, Reply::Claimed { .. }));
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let epoch = granted(&registry, create(1, 10)).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    let answer = registry.call(claim(1, fence(epoch, 10), 11)).await;
    assert!(is_refused(&answer), "{answer:?}");
    let start = Instant::now();
    loop {
        if let Err(RegistryError::Refused(why)) = registry.call(Request::Game(GameId(1))).await
            && why.contains("read-only replica")
        {
            break;
        }
        assert!(start.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It would still answer, with what it held when it was the primary.
    let answer = registry.call(Request::Members).await;
    assert!(is_refused(&answer), "{answer:?}");
    server.command(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    assert!(matches!(eventually(&registry, Request::Game(GameId(1))).await, Reply::Game(_)));
}

#[tokio::test]
async fn a_world_that_is_too_long_is_refused() {
    let server = Server::start(&[]);
    let registry = server.connect(RedisSettings { snapshot_limit: 99, ..quick(&server) }).await.unwrap();
    let answers = registry.call_all(vec![create(1, 10), Request::Game(GameId(1))]).await;
    assert!(is_refused(&answers[0]), "{answers:?}");
    assert_eq!(answers[1], Ok(Reply::Gone));
}

#[tokio::test]
async fn a_game_without_its_world_cannot_be_claimed() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let epoch = granted(&registry, create(1, 10)).await;
    let before = record(&registry, 1).await;
    server.command(&["DEL", "tanx:test/one:{0000000000000001}:snapshot"]).await.unwrap();
    let answer = registry.call(claim(1, fence(epoch, 10), 11)).await;
    assert!(is_refused(&answer), "{answer:?}");
    assert_eq!(record(&registry, 1).await, before);
}

#[tokio::test]
async fn a_renewal_restores_the_indexes() {
    let server = Server::start(&[]);
    let registry = server.connect(RedisSettings { batch: 7, ..quick(&server) }).await.unwrap();
    let ids: Vec<u64> = (0..40u64).map(|at| at << 58 | at).collect();
    let mut games = Vec::new();
    for answer in registry.call_all(ids.iter().map(|id| create(*id, 10)).collect()).await {
        let Ok(Reply::Granted { epoch }) = answer else { panic!("{answer:?}") };
        games.push((GameId(ids[games.len()]), epoch));
    }
    let index = "tanx:test/one:owned:{000000000000000a}";
    for part in "0123456789abcdef".chars() {
        server.command(&["DEL", index, &format!("tanx:test/one:games:{{g{part}}}")]).await.unwrap();
    }
    assert_eq!(listed(&registry, Request::Games).await, NONE);
    ask(&registry, Request::Renew { id: MemberId(10), record: member(10), games }).await;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(listed(&registry, Request::Games).await, sorted);
    assert_eq!(listed(&registry, Request::GamesOf(MemberId(10))).await, sorted);
    let ttl = server.command(&["PTTL", index]).await.unwrap();
    assert!(matches!(ttl, redis::Value::Int(left) if left > 0), "{ttl:?}");
}

#[tokio::test]
async fn an_index_is_pruned_only_of_what_has_long_been_wrong() {
    let server = Server::start(&[]);
    let patient = server.registry().await;
    let index = "tanx:test/one:owned:{000000000000000a}";
    let length = async || match server.command(&["HLEN", index]).await.unwrap() {
        redis::Value::Int(length) => length,
        other => panic!("{other:?}"),
    };
    let epoch = granted(&patient, create(1, 10)).await;
    granted(&patient, create(2, 10)).await;
    ask(&patient, claim(1, fence(epoch, 10), 11)).await;
    assert_eq!(listed(&patient, Request::GamesOf(MemberId(10))).await, [2]);
    assert_eq!(length().await, 2);
    // The same entries, long ago.
    server.command(&["HSET", index, "0000000000000001", "5", "0000000000000002", "5"]).await.unwrap();
    assert_eq!(listed(&patient, Request::GamesOf(MemberId(10))).await, [2]);
    assert_eq!(length().await, 1);
    assert_eq!(listed(&patient, Request::GamesOf(MemberId(11))).await, [1]);
}

#[tokio::test]
async fn an_entry_that_was_added_again_is_not_pruned() {
    let server = Server::start(&[]);
    let prune = include_str!("../../src/redis/index_prune.lua");
    server.command(&["HSET", "index", "game", "6"]).await.unwrap();
    for (read, left) in [("5", 1), ("6", 0)] {
        server.command(&["EVAL", prune, "1", "index", "game", read]).await.unwrap();
        assert_eq!(server.command(&["HLEN", "index"]).await.unwrap(), redis::Value::Int(left));
    }
}

#[tokio::test]
async fn a_member_that_is_long_silent_is_swept_when_another_joins() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::Join(member(1))).await;
    ask(&registry, Request::Join(member(2))).await;
    server.command(&["HSET", "{tanx:test/one}:seen", "0000000000000001", "5"]).await.unwrap();
    assert_eq!(ask(&registry, Request::Join(member(3))).await, Reply::Joined { joined: 3 });
    let Reply::Members { members, .. } = ask(&registry, Request::Members).await else { panic!() };
    assert_eq!(members.iter().map(|member| member.id.0).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn clusters_with_different_prefixes_do_not_meet() {
    let server = Server::start(&[]);
    let one = server.registry().await;
    let two = server.connect(RedisSettings::new(server.url(), "tanx:test/two")).await.unwrap();
    let mut hints = two.hints();
    ask(&one, Request::Join(member(1))).await;
    granted(&one, create(1, 10)).await;
    assert_eq!(listed(&two, Request::Games).await, NONE);
    assert_eq!(ask(&two, Request::Game(GameId(1))).await, Reply::Gone);
    assert_eq!(ask(&two, Request::Join(member(1))).await, Reply::Joined { joined: 1 });
    granted(&two, create(5, 10)).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Members);
    assert_eq!(next_hint(&mut hints).await, Hint::Game(GameId(5)));
}

#[tokio::test]
async fn claims_over_many_connections_have_one_winner() {
    let server = Server::start(&[]);
    let first = server.registry().await;
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(server.registry().await);
    }
    let mut held = fence(granted(&first, create(1, 10)).await, 10);
    for _ in 0..50 {
        let claims = members.iter().zip(20..).map(|(member, id)| member.call(claim(1, held, id)));
        let answers = futures_util::future::join_all(claims).await;
        let won = answers.iter().filter(|answer| matches!(answer, Ok(Reply::Claimed { .. }))).count();
        assert_eq!(won, 1, "{answers:?}");
        let now = record(&first, 1).await;
        held = Fence { epoch: now.epoch, owner: now.owner };
    }
}

#[tokio::test]
async fn a_note_of_another_build_is_left_out() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    ask(&registry, Request::NoteMoves(vec![note(1, 1)])).await;
    server.command(&["LPUSH", "{tanx:test/one}:moves:last", "1764165432123 {\"game\":7}"]).await.unwrap();
    let Reply::Moves(ledger) = ask(&registry, Request::Moves).await else { panic!() };
    assert_eq!(ledger.last.into_iter().map(|noted| noted.note).collect::<Vec<_>>(), [note(1, 1)]);
    for key in ["moves", "moves:rollout", "moves:last", "moves:known"] {
        let ttl = server.command(&["PTTL", &format!("{{tanx:test/one}}:{key}")]).await.unwrap();
        assert!(matches!(ttl, redis::Value::Int(left) if left > 0), "{key}: {ttl:?}");
    }
}

#[tokio::test]
async fn a_broken_connection_of_the_listings_costs_changes_nothing() {
    let server = Server::start(&[]);
    let registry = server.registry().await;
    let mut hints = registry.hints();
    let epoch = granted(&registry, create(1, 10)).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Game(GameId(1)));
    // The connection of the listings is the one that has not subscribed.
    let redis::Value::BulkString(clients) =
        server.command(&["CLIENT", "LIST", "TYPE", "normal"]).await.unwrap()
    else {
        panic!("no list of clients")
    };
    for client in String::from_utf8(clients).unwrap().lines().filter(|client| !client.contains("cmd=client"))
    {
        let id = client.split(' ').find_map(|field| field.strip_prefix("id=")).unwrap();
        server.command(&["CLIENT", "KILL", "ID", id]).await.unwrap();
    }
    let store = Request::StoreSnapshot { game: GameId(1), expect: fence(epoch, 10), snapshot: snapshot(45) };
    assert_eq!(ask(&registry, store).await, Reply::Done);
    assert!(matches!(eventually(&registry, Request::Games).await, Reply::Games(games) if games.len() == 1));
    // No hint was lost, and nobody is told so.
    granted(&registry, create(2, 10)).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Game(GameId(2)));
}
