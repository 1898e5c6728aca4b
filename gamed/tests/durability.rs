//! What each durability keeps: of a server that is killed exactly what players were told, of one that leaves everything.

mod client;
mod member;
mod process;

use client::{Client, PATIENCE, hello, http, own};
use member::{LAUNCH, Setup, a_player, left, member_with};
use process::{Redis, Server, gamed};
use protocol::peer::Input;
use protocol::{ClientMessage, GameId, Hello, Keyframe, MAX_INPUTS, PlayerId, ServerMessage, Tick};
use registry::memory::Memory;
use registry::redis::RedisSettings;
use registry::{GameRecord, Registry, Reply, Request};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::time::Instant;

const FORWARD: u8 = 1;
const LEFT: u8 = 4;
/// Between two inputs of a player, in ticks.
const PACE: u64 = 3;
const SECOND: u64 = 50;

/// A player who plays all the time, and notes what came of each input and what was called durable.
struct Player {
    client: Client,
    game: GameId,
    id: PlayerId,
    slot: u8,
    token: Vec<u8>,
    /// Keys and action of each input, by its number from 1.
    given: Vec<(u8, u8)>,
    /// The tick that has applied each of them, as far as frames have said.
    applied: Vec<Tick>,
    /// The durable ticks that it was told of.
    told: Vec<Tick>,
    /// How far the last frame was beyond that.
    lag: u8,
    /// It said that nothing becomes durable.
    unsaved: bool,
}

impl Player {
    async fn enter(address: SocketAddr, game: GameId) -> Player {
        let (mut client, id, token) = a_player(address, game).await;
        let world = client.world("itself", |world| own(world, id).is_some()).await;
        let player = own(&world, id).expect("there");
        assert_eq!(player.applied, 1, "its launch");
        let (slot, told) = (player.slot, vec![world.durable]);
        let (given, applied) = (vec![(0, LAUNCH)], vec![world.tick]);
        Player { client, game, id, slot, token, given, applied, told, lag: u8::MAX, unsaved: false }
    }

    fn shown(&self) -> Tick {
        self.client.world.expect("welcomed").1
    }

    fn told(&self) -> Tick {
        *self.told.last().expect("one at least")
    }

    /// Plays until then, without a world that does not follow the one before.
    async fn plays(&mut self, until: impl Fn(&Player) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !until(self) {
            assert!(Instant::now() < deadline, "at {:?}, told of {:?}", self.shown(), self.told);
            match self.client.next().await.expect("no close") {
                ServerMessage::Frame { header, body } => {
                    let tick = self.shown();
                    let body = body.decode(8).expect("a frame's body");
                    for inputs in body.inputs.iter().filter(|inputs| inputs.slot == self.slot) {
                        self.applied.extend(inputs.keys.iter().map(|_| tick));
                    }
                    (self.lag, self.unsaved) = (header.lag, header.flags.registry_away);
                    if header.lag < u8::MAX {
                        let durable = Tick(tick.0 - u64::from(header.lag));
                        assert!(durable >= self.told(), "what was durable stays so");
                        if durable > self.told() {
                            self.told.push(durable);
                        }
                    }
                    if tick.0.is_multiple_of(PACE) {
                        let keys = FORWARD | if self.given.len().is_multiple_of(2) { LEFT } else { 0 };
                        self.given.push((keys, 0));
                        self.client.input(keys, 0).await;
                    }
                }
                ServerMessage::Keyframe(world) => panic!("{:?} does not follow", world.tick),
                ServerMessage::Skipped { from, to } => panic!("nothing of {from:?} to {to:?}"),
                _ => {}
            }
        }
    }

    /// How many inputs were applied up to that tick.
    fn applied_by(&self, tick: Tick) -> usize {
        self.applied.iter().filter(|applied| **applied <= tick).count()
    }

    /// Says how many of its inputs a world has: so many of the first ones, each once and in order.
    fn has_applied(&self, world: &Keyframe) -> usize {
        let player = own(world, self.id).expect("it is in the game");
        let count = player.applied as usize;
        let inputs = (1..).zip(&self.given[..count]);
        let hash =
            inputs.fold(0x811c_9dc5, |hash, (seq, (keys, act))| sim::input_hash(hash, seq, *keys, *act));
        assert_eq!((player.last_seq, player.applied_hash), (player.applied, hash));
        count
    }

    /// Comes back through another server, and plays on there; says in which world it has found itself.
    async fn comes_back(&mut self, address: SocketAddr) -> Keyframe {
        let token = Some(self.token.clone());
        let floor = self.client.world;
        let again = Hello { session: 2, token, floor, ..hello(self.game) };
        let (client, welcome, found) = Client::enter(address, again).await;
        assert_eq!(welcome.player, self.id);
        self.client = client;
        self.sends_again(&found).await;
        found
    }

    /// Sends again what that world lacks, as pages do; in the end each input is applied once and in order.
    async fn sends_again(&mut self, world: &Keyframe) {
        let inputs = (1..).zip(&self.given).skip(self.has_applied(world));
        let inputs: Vec<Input> = inputs
            .map(|(seq, (keys, action))| Input { seq, for_tick: world.tick, keys: *keys, action: *action })
            .collect();
        for inputs in inputs.chunks(MAX_INPUTS) {
            self.client.send(ClientMessage::Inputs { seen: world.tick, inputs: inputs.to_vec() }).await;
        }
        self.has_all_applied().await;
    }

    async fn has_all_applied(&mut self) {
        let (id, all) = (self.id, self.given.len());
        let applied = |world: &Keyframe| own(world, id).is_some_and(|own| own.applied as usize == all);
        let world = self.client.world("all inputs", applied).await;
        assert_eq!(self.has_applied(&world), all);
    }
}

/// Servers of that durability, over a Redis.
struct Cluster {
    redis: Redis,
    registry: registry::redis::Redis,
    durability: &'static str,
    folder: TempDir,
}

impl Cluster {
    async fn start(durability: &'static str) -> Cluster {
        let redis = Redis::start(&[]).await;
        let settings = RedisSettings::new(format!("redis://{}", redis.address), "tanx");
        let registry = registry::redis::Redis::connect(settings).await.expect("it is reached");
        Cluster { redis, registry, durability, folder: tempfile::tempdir().expect("a folder") }
    }

    async fn server(&self, name: &str) -> Server {
        let mut command = gamed();
        command
            .args(["--durability", self.durability, "--name", name])
            .args(["--redis", &format!("redis://{}", self.redis.address)])
            .args(["--cluster-key", "a key for a test on loopback only"]);
        let server = Server::start(&mut command, self.folder.path().join(name)).await;
        server.ready().await;
        server
    }

    async fn record(&self, game: GameId) -> GameRecord {
        match self.registry.call(Request::Game(game)).await {
            Ok(Reply::Game(record)) => record,
            other => panic!("no record: {other:?}"),
        }
    }
}

async fn a_game(server: &Server) -> GameId {
    let (status, game) =
        http(server.http, "POST", "/api/games", r#"{"name":"a"}"#).await.expect("it answers");
    assert_eq!(status, 201, "{game}");
    game["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// What a crash has left.
struct Left {
    /// Of the game, while nobody ran it.
    record: GameRecord,
    /// Where players find themselves again.
    found: Keyframe,
}

/// Kills the only server, on which all players are, so that nobody else was shown anything; another one comes.
async fn crash(cluster: &Cluster, mut server: Server, player: &mut Player) -> Left {
    server.process.kill().await.expect("it runs");
    let record = cluster.record(player.game).await;
    let heir = cluster.server("heir").await;
    let (shown, told) = (player.shown(), player.told());
    let (kept, applied) = (player.applied_by(told), player.applied_by(record.durable));
    let found = player.comes_back(heir.http).await;
    assert!(told <= record.durable, "{told:?} was called durable, {:?} is", record.durable);
    assert!(found.tick >= record.durable && found.epoch > record.epoch);
    let has = player.has_applied(&found);
    assert!(has >= kept, "{has} of the {kept} inputs that were called durable");
    // Beyond what it was shown it does not know.
    assert!(has == applied || record.durable >= shown, "{has} inputs of {applied}");
    Left { record, found }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tick_a_crash_loses_what_was_not_yet_called_durable_and_that_is_little() {
    let cluster = Cluster::start("tick").await;
    let owner = cluster.server("owner").await;
    let game = a_game(&owner).await;
    let mut player = Player::enter(owner.http, game).await;
    let began = player.shown();
    player.plays(|player| player.told.len() > 20 && player.lag < 10).await;
    let took = player.shown().0 - began.0;
    assert!(took < 6 * SECOND, "something becomes durable all the time: 20 times in {took} ticks");
    let Left { record, .. } = crash(&cluster, owner, &mut player).await;
    assert!(record.durable > record.snapshot_tick, "a log leads beyond the snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_snapshot_a_crash_goes_back_to_the_last_snapshot_and_no_further() {
    let cluster = Cluster::start("snapshot").await;
    let owner = cluster.server("owner").await;
    let game = a_game(&owner).await;
    let mut player = Player::enter(owner.http, game).await;
    player.plays(|player| player.told.len() > 3 && (20..40).contains(&player.lag)).await;
    let shown = player.shown();
    let last: Vec<u64> = player.told.windows(2).map(|told| told[1].0 - told[0].0).collect();
    assert!(last.iter().all(|ticks| *ticks <= SECOND), "a snapshot each second at least: {last:?}");
    let Left { record, .. } = crash(&cluster, owner, &mut player).await;
    assert_eq!(record.durable, record.snapshot_tick, "no log leads beyond it");
    assert!(shown.0 <= record.durable.0 + SECOND, "{shown:?}, and {:?} is left", record.durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_snapshot_who_is_on_a_server_that_lives_on_has_nothing_taken_back() {
    let cluster = Cluster::start("snapshot").await;
    let (mut owner, edge) = (cluster.server("owner").await, cluster.server("edge").await);
    let game = a_game(&owner).await;
    let mut player = Player::enter(edge.http, game).await;
    player.plays(|player| player.told.len() > 3 && (20..40).contains(&player.lag)).await;
    let (epoch, shown) = player.client.world.expect("welcomed");
    owner.process.kill().await.expect("it runs");
    player.plays(|player| player.client.world.is_some_and(|(now, _)| now > epoch)).await;
    player.plays(|player| player.shown().0 > shown.0 + SECOND).await;
    // What it did while nobody ran the game is on no server.
    let world = player.client.world("any world", |_| true).await;
    player.sends_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_none_a_crash_goes_back_to_when_somebody_came_last() {
    let cluster = Cluster::start("none").await;
    let owner = cluster.server("owner").await;
    let game = a_game(&owner).await;
    let mut player = Player::enter(owner.http, game).await;
    player.plays(|player| player.unsaved).await;
    let before = player.told();
    let (other, welcome, _) = Client::enter(owner.http, hello(game)).await;
    player.plays(|player| player.told() > before).await;
    let came = player.told();
    player.plays(|player| player.unsaved).await;
    assert_eq!(player.told(), came, "nothing is stored while nobody comes or goes");
    let Left { record, found } = crash(&cluster, owner, &mut player).await;
    assert_eq!((record.durable, record.snapshot_tick), (came, came));
    assert!(own(&found, welcome.player).is_some(), "who came is there");
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_move_loses_nothing_whatever_is_kept_for_crashes() {
    use gamed::settings::Durability;
    for durability in [Durability::Tick, Durability::Snapshot, Durability::None] {
        let registry = Memory::default();
        let setup = Setup { durability, ..Setup::default() };
        let owner = member_with(&registry, "owner", setup.clone()).await;
        let heir = member_with(&registry, "heir", setup).await;
        let game = owner.a_game().await;
        let mut player = Player::enter(heir.address, game).await;
        player.plays(|player| player.given.len() > 10).await;
        let (epoch, _) = player.client.world.expect("welcomed");
        let leaving = owner.leave();
        player.plays(|player| player.client.world.is_some_and(|(now, _)| now > epoch)).await;
        let first = player.shown();
        player.plays(|player| player.shown().0 > first.0 + SECOND).await;
        assert!(player.told().0 >= first.0 - 1, "what ran before it is durable");
        player.has_all_applied().await;
        left(leaving).await;
    }
}
