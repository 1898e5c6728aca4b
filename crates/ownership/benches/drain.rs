//! What an event costs a member that has many games: `cargo bench -p ownership`.
//!
//! Three machines, and everything else at once: the registry's twin in memory, links without delay, hubs that answer when
//! they are asked. One member owns all games, rests for a second, and then leaves. What is measured is the time inside the
//! machines alone, which must be the same for an event however many games there are.

use bytes::Bytes;
use ownership::{Effect, Event, Member, Settings, Time};
use protocol::peer::GameSettings;
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::memory::Store;
use registry::{MemberRecord, MemberState, Snapshot};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const GAMES: [u64; 4] = [500, 1_000, 2_000, 4_000];
/// An event may cost so many times more with the most games than with the fewest: caches are missed, and trees are deeper.
const SLOPE: f64 = 2.0;
/// Milliseconds since 1970 at the beginning.
const BEGAN_MS: u64 = 1_700_000_000_000;

struct Rig {
    now: Time,
    store: Store,
    members: Vec<Member>,
    queue: VecDeque<(usize, Event)>,
    spent: Vec<Duration>,
    events: Vec<u32>,
}

fn record(id: u64) -> MemberRecord {
    MemberRecord {
        id: MemberId(id),
        name: format!("tanx-{id}"),
        address: format!("10.0.0.{id}:7946"),
        pod_uid: format!("pod-{id}"),
        container: "gamed".into(),
        revision: "r".into(),
        build: "b".into(),
        state: MemberState::Joining,
        games: 0,
        players: 0,
        rules_min: 1,
        rules_max: 1,
        renewals: 0,
        joined: 0,
        settled: String::new(),
    }
}

fn settings() -> GameSettings {
    GameSettings {
        name: "game".into(),
        maze: "x".repeat(1_500),
        slots: 8,
        rules: 1,
        maze_name: "m".into(),
        bots: 0,
        stays: true,
    }
}

impl Rig {
    fn new() -> Rig {
        let now = Time(1_000_000);
        let members = (1..=3).map(|id| Member::new(record(id), Settings::default(), now, id)).collect();
        let mut rig = Rig {
            now,
            store: Store::new("one"),
            members,
            queue: VecDeque::new(),
            spent: vec![Duration::ZERO; 3],
            events: vec![0; 3],
        };
        rig.pass(2_000);
        for at in 0..3 {
            for other in (1..=3).filter(|other| *other != at as u64 + 1) {
                rig.queue.push_back((at, Event::LinkUp(MemberId(other))));
            }
        }
        rig.pass(1_000_000);
        rig
    }

    fn world(&self) -> Snapshot {
        let tick = Tick(self.now.0 / 20_000);
        Snapshot { epoch: Epoch(1), tick, players: 4, bots: 0, world: Bytes::from_static(&[7; 1_500]) }
    }

    fn run(&mut self) {
        while let Some((at, event)) = self.queue.pop_front() {
            let mut out = Vec::new();
            let began = Instant::now();
            self.members[at].handle(self.now, event, &mut out);
            self.spent[at] += began.elapsed();
            self.events[at] += 1;
            for effect in out {
                self.carry_out(at, effect);
            }
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Call(id, request) => {
                let (reply, hints) = self.store.apply(BEGAN_MS + self.now.0 / 1_000, request);
                self.queue.push_back((at, Event::Reply(id, Ok(reply))));
                for hint in hints {
                    self.queue.extend((0..self.members.len()).map(|to| (to, Event::Hint(hint))));
                }
            }
            Effect::Send(to, control) => {
                let from = self.members[at].id();
                self.queue.push_back((to.0 as usize - 1, Event::Message(from, control)));
            }
            Effect::TakeSnapshot(game) => {
                let snapshot = self.world();
                self.queue.push_back((at, Event::World { game, snapshot }));
            }
            Effect::Freeze(game) => {
                let (snapshot, next_due) = (self.world(), self.now.plus(10_000));
                self.queue.push_back((at, Event::Frozen { game, snapshot, next_due }));
            }
            Effect::Prepare { game, epoch, .. } => {
                self.queue.push_back((at, Event::Restored { game, epoch, error: None }));
            }
            _ => {}
        }
    }

    fn pass(&mut self, micros: u64) {
        let end = self.now.plus(micros);
        while self.now < end {
            self.now = self.now.plus(1_000);
            for at in 0..self.members.len() {
                if self.members[at].next_wake().is_some_and(|wake| wake <= self.now) {
                    self.queue.push_back((at, Event::Wake));
                }
            }
            self.run();
        }
    }

    /// Time and events since the last call: of the first member, and of all.
    fn measured(&mut self) -> (Duration, Duration, u32) {
        let first = self.spent[0];
        let all = self.spent.iter().sum();
        let events = self.events.iter().sum();
        self.spent.fill(Duration::ZERO);
        self.events.fill(0);
        (first, all, events)
    }
}

fn main() {
    println!("games   at rest, 1 s: owner    leaving: owner   all members   virtual   events   of one event");
    let mut costs = Vec::new();
    for games in GAMES {
        let mut rig = Rig::new();
        for game in 1..=games {
            let game = GameId(game.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let snapshot = rig.world();
            rig.queue.push_back((0, Event::Create { game, settings: settings(), snapshot }));
        }
        rig.run();
        rig.pass(1_000_000);
        rig.measured();
        rig.pass(1_000_000);
        let (rest, ..) = rig.measured();
        let began = rig.now;
        rig.queue.push_back((0, Event::Terminate { grace_us: 50_000_000 }));
        while rig.members[0].owned().next().is_some() {
            rig.pass(1_000);
            assert!(rig.now.since(began) < 50_000_000, "the games do not leave");
        }
        let (owner, all, events) = rig.measured();
        let cost = all.as_secs_f64() * 1e6 / f64::from(events);
        println!(
            "{games:>5} {:>18.1} ms {:>13.1} ms {:>10.1} ms {:>6} ms {events:>8} {cost:>10.2} us",
            rest.as_secs_f64() * 1e3,
            owner.as_secs_f64() * 1e3,
            all.as_secs_f64() * 1e3,
            rig.now.since(began) / 1_000,
        );
        costs.push(cost);
    }
    let slope = costs[costs.len() - 1] / costs[0];
    println!(
        "an event costs {slope:.2} times as much with {} games as with {}",
        GAMES[GAMES.len() - 1],
        GAMES[0]
    );
    assert!(slope < SLOPE, "an event costs more the more games there are");
}
