//! Random requests: memory and Redis answer the same, and refusals change nothing.

use crate::server::Server;
use crate::*;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use registry::memory::{Memory, Store};
use registry::{ClusterRecord, LogBatch, Reason};

const STEPS: usize = 400;

/// A floor so far ahead that neither clock shows in an epoch: both twins then grant the same ones.
const FLOOR: Epoch = Epoch((1 << 45) << 16);

#[tokio::test]
async fn memory_and_redis_answer_the_same() {
    let seed = seed();
    println!("REGISTRY_SEED={seed} replays this run");
    let server = Server::start(&[]);
    let (memory, redis) = (Memory::new(), server.registry().await);
    let (mut expected_hints, mut hints) = (memory.hints(), redis.hints());
    let mut random = StdRng::seed_from_u64(seed);
    let mut refused = 0;
    for step in 0..STEPS {
        let request = draw(&mut random, &memory).await;
        let before = state(&redis).await;
        let (expected, reply) = (ask(&memory, request.clone()).await, ask(&redis, request.clone()).await);
        assert_eq!(without_run_id(reply.clone()), without_run_id(expected), "step {step}: {request:?}");
        let after = state(&redis).await;
        assert_eq!(after, state(&memory).await, "step {step}: {request:?}");
        if matches!(reply, Reply::Stale(_) | Reply::Gone | Reply::Behind(_)) {
            refused += 1;
            assert_eq!(after, before, "step {step}: refused, but changed something: {request:?}");
        }
    }
    assert!(refused > STEPS / 20 && refused < STEPS / 2, "the draw is lopsided: {refused} refusals");
    // A last one that both send, so that the lists have an end.
    let last = GameId(u64::MAX);
    for registry in [&memory as &dyn Registry, &redis] {
        ask(registry, create(last.0, 1)).await;
    }
    loop {
        let expected = next_hint(&mut expected_hints).await;
        assert_eq!(next_hint(&mut hints).await, expected);
        if expected == Hint::Game(last) {
            break;
        }
    }
}

#[test]
fn epochs_rise_while_time_runs_backwards() {
    let seed = seed();
    println!("REGISTRY_SEED={seed} replays this run");
    let mut random = StdRng::seed_from_u64(seed);
    let mut store = Store::new("one");
    let (mut highest, mut owner) = (Epoch(0), 0);
    for step in 0..1000 {
        let now_ms = random.random_range(0..2_000_000_000_000);
        if random.random_bool(0.02) {
            // It lost everything; those who live know the highest epoch.
            store = Store::new("another");
        }
        let salt = random.random();
        let held = fence(highest, owner);
        owner = step;
        let claim = Request::Claim {
            game: GameId(1),
            expect: held,
            owner: MemberId(owner),
            salt,
            floor: highest,
            run_id: None,
        };
        let epoch = match store.apply(now_ms, claim).0 {
            Reply::Claimed { record, .. } => record.epoch,
            Reply::Gone => {
                let Request::Create { game, settings, snapshot, .. } = create(1, 0) else { unreachable!() };
                let owner = MemberId(owner);
                let create = Request::Create { game, owner, settings, snapshot, salt, floor: highest };
                match store.apply(now_ms, create).0 {
                    Reply::Granted { epoch } => epoch,
                    other => panic!("step {step}: {other:?}"),
                }
            }
            other => panic!("step {step}: {other:?}"),
        };
        assert!(epoch.high() > highest.high(), "step {step}");
        assert!(epoch.high() >= now_ms, "step {step}");
        highest = epoch;
    }
}

fn seed() -> u64 {
    match std::env::var("REGISTRY_SEED") {
        Ok(seed) => seed.parse().expect("REGISTRY_SEED is a number"),
        Err(_) => rand::random(),
    }
}

fn without_run_id(reply: Reply) -> Reply {
    match reply {
        Reply::Renewed { renewals, .. } => Reply::Renewed { renewals, run_id: String::new() },
        Reply::Members { members, cluster, .. } => Reply::Members { run_id: String::new(), members, cluster },
        Reply::Moves(mut ledger) => {
            // The clocks are not the same.
            ledger.last.iter_mut().for_each(|noted| noted.at_ms = 0);
            Reply::Moves(ledger)
        }
        other => other,
    }
}

/// All that can be read.
async fn state(registry: &dyn Registry) -> Vec<Reply> {
    let mut requests = vec![Request::Members, Request::Games, Request::Parked, Request::Moves];
    requests.extend((0..4).map(|member| Request::GamesOf(MemberId(member))));
    registry.call_all(requests).await.into_iter().map(|reply| without_run_id(reply.unwrap())).collect()
}

async fn draw(random: &mut StdRng, memory: &Memory) -> Request {
    let game = GameId(random.random_range(0..6) << 60);
    let owner = MemberId(random.random_range(0..4));
    let mut expect = match ask(memory, Request::Game(game)).await {
        Reply::Game(record) => Fence { epoch: record.epoch, owner: record.owner },
        _ => fence(FLOOR, 0),
    };
    match random.random_range(0..20) {
        0 => expect.owner = None,
        1 => expect.owner = Some(owner),
        2 => expect.epoch = Epoch(expect.epoch.0 + random.random_range(0..3) - 1),
        _ => {}
    }
    let (salt, floor) = (random.random::<u16>(), Epoch(FLOOR.0 + (random.random_range(0..400) << 16)));
    let snapshot = snapshot(random.random_range(0..300));
    let mut record = member(owner.0);
    record.state = match random.random_range(0..3) {
        0 => MemberState::Joining,
        1 => MemberState::Ready,
        _ => MemberState::Draining,
    };
    let reason = if random.random() { Reason::Move } else { Reason::Dead("it is gone".into()) };
    match random.random_range(0..28) {
        0 => Request::Join(record),
        1 => Request::Renew { id: owner, record, games: vec![(game, expect.epoch)] },
        2 => Request::Leave(owner),
        3 => {
            let (target_revision, rules) = ((salt % 2).to_string(), salt / 2 % 2);
            let revisions = (0..salt % 3).map(|revision| revision.to_string()).collect();
            Request::PublishCluster(ClusterRecord {
                target_revision,
                rules,
                revisions,
                beat: u64::from(salt),
            })
        }
        4 => Request::End { game, expect },
        5..8 => Request::Create { game, owner, settings: settings(), snapshot, salt, floor },
        8..10 => Request::Claim { game, expect, owner, salt, floor, run_id: None },
        10..12 => Request::Assign { game, expect, next: owner, reason },
        12..14 => Request::CommitMove { game, expect, to: owner, snapshot, salt, floor },
        14..16 => Request::Bump { game, expect, owner, snapshot, salt, floor },
        16..18 => Request::StoreSnapshot { game, expect, snapshot },
        18 => Request::Park { game, expect, snapshot, salt, floor },
        19 => {
            Request::NoteMoves(vec![note(game.0, u64::from(salt) % 16), note(game.0, u64::from(salt) / 16)])
        }
        20 => Request::Moves,
        21..24 => {
            let upto = random.random_range(1..300);
            let tick = |_| (Tick(random.random_range(1..=upto)), vec![7; 9].into());
            let ticks: Vec<(Tick, Bytes)> = (0..upto % 3).map(tick).collect();
            let batch = LogBatch { epoch: expect.epoch, upto: Tick(upto), ticks };
            Request::Append { game, expect, after: Tick(random.random_range(0..upto)), batch }
        }
        24 | 25 => {
            let (calm_from, limit) = (Tick(random.random_range(0..300)), random.random_range(1..3));
            Request::Fail { game, expect, calm_from, limit, salt, floor }
        }
        26 => Request::Release { game, expect, salt, floor },
        _ => Request::Game(game),
    }
}
