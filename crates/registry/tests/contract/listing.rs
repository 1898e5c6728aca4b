//! What it costs to list all games, and what a listing costs those who commit meanwhile. Measures, judges nothing:
//!
//! `cargo test --release -p registry --test contract -- --ignored --nocapture listing`

use crate::server::Server;
use crate::*;
use registry::redis::Redis;

const COMMITS: usize = 300;

/// Of that many games.
async fn filled(server: &Server, games: u64) -> (Redis, Fence) {
    let registry = server.registry().await;
    let requests = (0..games).map(|game| create(game << 48 | game, 10)).collect();
    let mut held = None;
    for answer in registry.call_all(requests).await {
        let Ok(Reply::Granted { epoch }) = answer else { panic!("{answer:?}") };
        held = held.or(Some(fence(epoch, 10)));
    }
    (registry, held.unwrap())
}

fn commit(held: Fence) -> Request {
    let snapshot =
        Snapshot { epoch: Epoch(7 << 16), tick: Tick(9), players: 0, bots: 4, world: vec![7; 2048].into() };
    Request::CommitMove {
        game: GameId(0),
        expect: held,
        to: MemberId(10),
        snapshot,
        salt: 1,
        floor: Epoch(0),
    }
}

/// Half and 99 of 100 were not slower, and the slowest.
fn told(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    format!("{:8.2} {:8.2} {:8.2} ms", at(50), at(99), at(100))
}

async fn commits(registry: &Redis, held: &mut Fence, beside: Option<Request>) -> String {
    let mut times = Vec::new();
    for _ in 0..COMMITS {
        let begun = Instant::now();
        let requests = [commit(*held)].into_iter().chain(beside.clone()).collect();
        let answer = registry.call_all(requests).await.swap_remove(0);
        times.push(begun.elapsed());
        let Ok(Reply::Granted { epoch }) = answer else { panic!("{answer:?}") };
        *held = fence(epoch, 10);
    }
    told(times)
}

/// Seconds of the processor that the server has used.
async fn used(server: &Server) -> f64 {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let info: redis::InfoDict = redis::cmd("INFO").arg("cpu").query_async(&mut connection).await.unwrap();
    ["used_cpu_user", "used_cpu_sys"].iter().filter_map(|key| info.get::<f64>(key)).sum()
}

#[tokio::test]
#[ignore = "measures"]
async fn listing() {
    for games in [1_000, 4_000] {
        let server = Server::start(&[]);
        let (registry, mut held) = filled(&server, games).await;
        println!("{games} games                              p50      p99      max");
        let (mut times, before) = (Vec::new(), used(&server).await);
        for _ in 0..50 {
            let begun = Instant::now();
            assert_eq!(listed(&registry, Request::Games).await.len() as u64, games);
            times.push(begun.elapsed());
        }
        println!("  a listing                       {}", told(times));
        println!("  of it Redis' processor          {:8.2} ms", (used(&server).await - before) / 50.0 * 1e3);
        println!("  a commit                        {}", commits(&registry, &mut held, None).await);
        let other = registry.clone();
        let lister = tokio::spawn(async move {
            loop {
                listed(&other, Request::Games).await;
            }
        });
        println!("  a commit while others list      {}", commits(&registry, &mut held, None).await);
        lister.abort();
        let together = commits(&registry, &mut held, Some(Request::Games)).await;
        println!("  a commit in a batch with one    {together}");
    }
}
