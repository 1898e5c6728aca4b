//! What pages that listen are told, and how soon: through one member of what happens at another.

mod client;
mod member;

use client::{Client, PATIENCE, hello};
use member::{Member, left, member, spectator};
use protocol::{ClientMessage, GameId};
use registry::memory::Memory;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout};

/// A page that listens.
struct Page(BufReader<TcpStream>);

impl Page {
    async fn listens_to(member: &Member) -> Page {
        let mut stream = TcpStream::connect(member.address).await.expect("it listens");
        stream.write_all(b"GET /api/events HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it takes a request");
        Page(BufReader::new(stream))
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("it says something");
            // The last chunk has no bytes.
            if read.expect("a line") == 0 || line == "0\r\n" {
                return None;
            }
            if let Some(data) = line.strip_prefix("data:") {
                return Some(serde_json::from_str(data).expect("JSON"));
            }
        }
    }

    /// Reads on until a game is as wanted.
    async fn game(&mut self, game: GameId, wanted: impl Fn(Option<&Value>) -> bool) -> Value {
        let id = Value::from(game.to_string());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let cluster = self.next().await.expect("it goes on");
            let games = cluster["games"].as_array().expect("a list").clone();
            if wanted(games.iter().find(|game| game["id"] == id)) {
                return cluster;
            }
        }
        panic!("no such state of the game");
    }
}

fn players(count: u64) -> impl Fn(Option<&Value>) -> bool {
    move |game| game.is_some_and(|game| game["players"] == count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_at_one_member_is_told_to_a_page_at_another() {
    let registry = Memory::default();
    let (one, other) = (member(&registry, "one").await, member(&registry, "other").await);
    let mut page = Page::listens_to(&other).await;
    let first = page.next().await.expect("the state");
    assert_eq!((&first["demo"], &first["rolling"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!(first["target_revision"], "revision of other", "the one that joined last");
    assert_eq!(first["games"].as_array().map(Vec::len), Some(0));

    let (mut create, mut join, mut leave) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..10 {
        let began = Instant::now();
        let game = one.a_game().await;
        page.game(game, players(0)).await;
        create.push(began.elapsed());

        let began = Instant::now();
        let mut client = Client::connect(one.address).await;
        client.send(ClientMessage::Hello(hello(game))).await;
        page.game(game, players(1)).await;
        join.push(began.elapsed());

        client.welcome().await;
        let began = Instant::now();
        client.send(ClientMessage::Leave).await;
        page.game(game, players(0)).await;
        leave.push(began.elapsed());
    }
    for (what, mut times) in [("create", create), ("join", join), ("leave", leave)] {
        times.sort();
        println!(
            "{what}: told after {:?} (median), {:?} (slowest)",
            times[times.len() / 2],
            times[times.len() - 1]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_leaving_member_sees_the_moves_begin_and_is_let_go() {
    let registry = Memory::default();
    let (one, other) = (member(&registry, "one").await, member(&registry, "other").await);
    let game = one.a_game().await;
    let (mut leaver, mut stayer) = (Page::listens_to(&one).await, Page::listens_to(&other).await);
    let leaving = one.leave();
    let moved = stayer.game(game, |game| game.is_some_and(|game| game["owner"]["name"] == "other")).await;
    let known = |cluster: &Value| cluster["moves"].as_array().is_some_and(|moves| !moves.is_empty());
    let mut cluster = moved;
    while !known(&cluster) {
        cluster = stayer.next().await.expect("it goes on");
    }
    assert_eq!(cluster["moves"][0]["cause"], "move");
    while leaver.next().await.is_some() {}
    // On a connection that is kept the page would come back to this member again and again.
    let mut rest = Vec::new();
    timeout(PATIENCE, leaver.0.read_to_end(&mut rest))
        .await
        .expect("it is closed")
        .expect("with all that was said");
    left(leaving).await;
    while cluster["members"].as_array().map(Vec::len) != Some(1) {
        cluster = stayer.next().await.expect("it goes on");
    }

    // One that comes later is told of it.
    let late = member(&registry, "late").await;
    let mut page = Page::listens_to(&late).await;
    let mut seen = page.next().await.expect("the state");
    while !known(&seen) {
        seen = page.next().await.expect("it goes on");
    }
    assert_eq!(seen["moves"][0]["epoch"], cluster["moves"][0]["epoch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_goes_on_is_no_news() {
    let registry = Memory::default();
    let one = member(&registry, "one").await;
    let game = one.a_game().await;
    let (mut client, _, _) = Client::enter(one.address, spectator(game)).await;
    let mut page = Page::listens_to(&one).await;
    page.game(game, players(0)).await;
    // The members' own numbers (games, sockets) are told with the renewals; then nothing changes but the tick.
    client.pass(150).await;
    while timeout(Duration::from_millis(300), page.next()).await.is_ok() {}
    client.pass(150).await;
    let news = timeout(Duration::from_millis(1), page.next()).await;
    assert!(news.is_err(), "{news:?}");
}
