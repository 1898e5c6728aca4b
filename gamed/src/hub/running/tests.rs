//! A game that runs: bots come and play like everybody, make room, and survive a change of the owner; so does what people
//! said and did that no tick has run yet.

use super::*;
use protocol::peer::Input;
use std::collections::{BTreeMap, BTreeSet};

const SLOTS: u8 = 5;

fn first(bots: u8) -> (GameSettings, Snapshot) {
    let maze = Maze::parse(sim::STANDARD_MAZE).expect("it is shipped");
    let settings = GameSettings {
        name: "test".to_owned(),
        maze: sim::STANDARD_MAZE.to_owned(),
        maze_name: maze.name().to_owned(),
        slots: SLOTS,
        rules: sim::RULES,
        bots,
        stays: false,
    };
    let world = World::new(&maze, sim::RULES, SLOTS, 1, sim::Rounds::default());
    (
        settings,
        Snapshot { epoch: Epoch(1), tick: Tick(0), players: 0, bots: 0, world: world.snapshot().into() },
    )
}

fn restored(settings: &GameSettings, snapshot: &Snapshot) -> Running {
    let metrics = Arc::new(Metrics::new());
    let world = (snapshot, snapshot.tick);
    Running::restored((Epoch(2), Epoch(1)), settings.clone(), world, Instant::now(), metrics)
        .expect("its own world")
}

impl Running {
    /// Ticks without a clock; gives the log.
    fn ticks(&mut self, count: u64) -> Vec<Entry> {
        let mut log = Vec::new();
        for _ in 0..count {
            let entries = self.entries(self.tick().next(), &mut Vec::new());
            self.world.step(&self.maze, &entries);
            log.extend(entries);
        }
        log
    }

    fn bots(&self) -> BTreeSet<(u64, String)> {
        self.world.players().filter(|player| player.bot).map(|bot| (bot.id, bot.name.clone())).collect()
    }
}

fn join(running: &mut Running, player: u64) -> Result<Option<Bytes>, Refusal> {
    running.take(MemberId(1), PlayerId(player), 1, PlayerAct::Join { name: format!("person {player}") })
}

#[test]
fn a_hand_over_leaves_the_same_bots_playing_without_a_hole_or_a_repeat() {
    let (settings, mut snapshot) = first(4);
    let mut seqs: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut bots = BTreeSet::new();
    let mut scores = 0;
    for owner in 0..5 {
        let mut running = restored(&settings, &snapshot);
        if owner > 0 {
            assert_eq!(running.bots(), bots);
        }
        let log = running.ticks(1_001);
        for entry in log {
            match entry {
                Entry::Input { player, seq, stale, .. } => {
                    assert!(!stale);
                    seqs.entry(player).or_default().push(seq);
                }
                Entry::Join { bot, .. } => assert!(bot && owner == 0, "nobody comes later"),
                other => panic!("{other:?}"),
            }
        }
        bots = running.bots();
        assert_eq!(bots.len(), 4);
        scores = running.world.players().map(|bot| bot.score).sum();
        snapshot = running.snapshot();
        assert_eq!((snapshot.players, snapshot.bots), (0, 4));
        assert!(running.unfinished().is_empty(), "nothing of bots waits for the next owner");
    }
    assert!(scores > 5, "they fought: {scores}");
    for (bot, seqs) in seqs {
        assert!(seqs.len() > 200);
        assert!(seqs.iter().copied().eq(1..=seqs.len() as u32), "{bot}: {seqs:?}");
    }
}

#[test]
fn people_get_in_while_bots_hold_the_last_places_and_are_refused_only_among_people() {
    let (settings, snapshot) = first(4);
    let mut running = restored(&settings, &snapshot);
    running.ticks(300);
    assert_eq!(running.bots().len(), 4);
    for person in 1..=u64::from(SLOTS) {
        assert_eq!(join(&mut running, person), Ok(None));
    }
    running.ticks(1);
    assert_eq!(running.heads(), (SLOTS.into(), 0));
    assert_eq!(join(&mut running, 99), Err(Refusal::Full));
}

#[test]
fn bots_are_never_removed_as_silent_and_leave_nothing_behind() {
    let (settings, snapshot) = first(2);
    let mut running = restored(&settings, &snapshot);
    running.ticks(200);
    let bots = running.bots();
    for (bot, _) in &bots {
        // As if it had said nothing for longer than any player may.
        running.desks.heard(PlayerId(*bot), 0, MemberId::default(), Tick(0));
    }
    running.world = {
        let mut world = running.world.clone();
        for _ in 0..limits::SILENT_PLAYER_TICKS + 1 {
            world.step(&running.maze, &[]);
        }
        world
    };
    running.ticks(1);
    assert_eq!(running.bots(), bots);
    for person in 1..=u64::from(SLOTS) {
        assert_eq!(join(&mut running, person), Ok(None));
    }
    running.ticks(1);
    assert!(bots.iter().all(|(bot, _)| running.desks.get(PlayerId(*bot)).is_none()));
}

#[test]
fn inputs_of_bots_and_people_go_the_same_way() {
    let (settings, snapshot) = first(2);
    let mut running = restored(&settings, &snapshot);
    assert_eq!(join(&mut running, 7), Ok(None));
    let log = running.ticks(1);
    assert!(matches!(log[0], Entry::Join { player: 7, bot: false, .. }), "{log:?}");
    let input = Input { seq: 1, for_tick: running.tick().next(), keys: 0, action: sim::action::LAUNCH_ANY };
    assert_eq!(running.take(MemberId(1), PlayerId(7), 1, PlayerAct::Inputs(vec![input])), Ok(None));
    let log = running.ticks(400);
    let inputs = |by_bots: bool| {
        let of = |entry: &&Entry| match entry {
            Entry::Input { player, .. } => (*player != 7) == by_bots,
            _ => false,
        };
        log.iter().filter(of).count()
    };
    assert_eq!(inputs(false), 1);
    assert!(inputs(true) > 10);
}

#[test]
fn what_was_said_before_a_freeze_goes_to_the_next_owner_in_order() {
    let (settings, snapshot) = first(0);
    let mut running = restored(&settings, &snapshot);
    let says = |text: &str| PlayerAct::Chat { text: text.to_owned() };
    let acts = [PlayerAct::Rename { name: "Ada".to_owned() }, says("one")];
    assert_eq!(join(&mut running, 7), Ok(None));
    for act in acts.clone() {
        assert_eq!(running.take(MemberId(1), PlayerId(7), 1, act), Ok(None));
    }
    let refused = running.take(MemberId(1), PlayerId(7), 1, says("two")).expect("it stays");
    let refused = ServerMessage::decode(&refused.expect("an answer")).expect("a message");
    assert!(matches!(refused, ServerMessage::Notice { .. }), "a tick takes so many of one player");
    let unfinished: Vec<_> = running.unfinished().into_iter().map(|(_, _, act)| act).collect();
    let join = PlayerAct::Join { name: "person 7".to_owned() };
    assert_eq!(unfinished[..], [join, acts[0].clone(), acts[1].clone()]);

    let mut next = restored(&settings, &snapshot);
    for act in unfinished {
        assert_eq!(next.take(MemberId(2), PlayerId(7), 1, act), Ok(None));
    }
    next.ticks(1);
    let said: Vec<_> = next.world.chat().iter().map(|line| (line.name.clone(), line.what.clone())).collect();
    let renamed = sim::ChatWhat::Renamed { to: "Ada".to_owned() };
    let one = sim::ChatWhat::Said { text: "one".to_owned() };
    let person = || "person 7".to_owned();
    assert_eq!(said, [(person(), sim::ChatWhat::Entered), (person(), renamed), ("Ada".to_owned(), one)]);
}

#[test]
fn an_input_is_stale_from_the_26th_tick_after_its_own_on() {
    let (settings, snapshot) = first(0);
    for (late, stale) in [(limits::STALE_TICKS, false), (limits::STALE_TICKS + 1, true)] {
        let mut running = restored(&settings, &snapshot);
        assert_eq!(join(&mut running, 7), Ok(None));
        running.ticks(100);
        let for_tick = Tick(running.tick().next().0 - late);
        let input = Input { seq: 1, for_tick, keys: sim::keys::FIRE, action: 0 };
        assert_eq!(running.take(MemberId(1), PlayerId(7), 1, PlayerAct::Inputs(vec![input])), Ok(None));
        let log = running.ticks(1);
        let found = log.iter().find_map(|entry| match entry {
            Entry::Input { stale, .. } => Some(*stale),
            _ => None,
        });
        assert_eq!(found, Some(stale), "{late}");
        assert_eq!(running.headcount.metrics.stale_inputs.get(), u64::from(stale));
    }
}

#[test]
fn how_early_an_input_is_can_be_said_of_any_tick() {
    let slack = |aim, next, until_next| slack_ms(Tick(aim), Tick(next), Duration::from_millis(until_next));
    assert_eq!(slack(12, 10, 5), 45);
    assert_eq!(slack(9, 10, 5), -15);
    assert_eq!(slack(u64::MAX, 1, 20), i32::MAX);
    assert_eq!(slack(0, u64::MAX, 20), i32::MIN);
}
