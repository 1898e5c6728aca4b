//! Recorded numbers that clients in other languages must reproduce, in `vectors/`.
//!
//! Each test compares what the simulation does now with what the file says; with `TANX_WRITE_VECTORS=1` in the
//! environment it writes the file instead. A change in them is a change of the rules, and needs a new rules version: see
//! `rules.rs`.
//!
//! # The files
//!
//! Whole numbers throughout: units (12,800 to 1 u), headings (65,536 to the full turn), ticks, armour in Q14. A pose is
//! `[x, y, heading]`. Each file is one JSON object with an `about`.
//!
//! `sine.json`: `rows`, 64 rows of 64, the sines of 4,096 directions.
//!
//! `motion.json`, free motion and pushes:
//! - `mazes`: texts by name, for the cases below.
//! - `steps`: `[length, heading, dx, dy]`.
//! - `segments`, `entries`: of the maze `standard`, `[ax, ay, bx, by, tangent x, tangent y, length, direction]` and `[name,
//!   x, y, heading]`.
//! - `cases`: tanks that nobody else disturbs, launched in the first tick. `maze`: its name in `mazes`. `tanks`: for each, by
//!   rising slot, its `start` (a pose), and `held`: `[keys, ticks]`, one after the other. `poses`: for each tick the poses of
//!   all tanks after it, by rising slot. A tank's first keys hold from the first tick on.
//!
//! `replay.json`, a game as a client sees it:
//! - `maze`: its text. `first`: a tick; `start`: the view at that tick.
//! - `ticks`: for each tick after it `tick`, `delta` (what its frame says), and either `view` (after it) or, most often,
//!   `poses`: `[slot, x, y, heading]` of all tanks after it. `digest` is the owner's; clients have none.
//! - A view: `round` (number, resting, ends), `players` by rising slot (`id` in 16 hexadecimal digits; `applied` inputs),
//!   `missiles` in the order of their shots, `blasts` in the order in which they began, `items` in the order in which they
//!   were left, `chat` lines, oldest first. Kinds are numbers, as on the wire; nobody's slot is 255.

mod play;
mod view;

use play::{CROWD, Play};
use serde_json::{Value, json};
use sim::{
    Blast, ChatLine, ChatWhat, Delta, Entry, Event, Item, Maze, Player, Rounds, SINE, STANDARD_MAZE, World,
    action, delta, keys, step_along,
};
use std::path::Path;
use view::View;

/// The version that the files are of.
const RULES: u16 = 1;

/// Compares a file of vectors with `now`, or writes it. `now` has one value a line, so that changes can be read.
fn check(name: &str, now: &str) {
    let path = Path::new("vectors").join(name);
    if std::env::var_os("TANX_WRITE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::write(&path, now).expect("the vectors' folder can be written");
        return;
    }
    let then = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; write it with TANX_WRITE_VECTORS=1"));
    let differs = then.lines().zip(now.lines()).position(|(then, now)| then != now);
    if let Some(line) = differs {
        panic!("{name}, line {}: the simulation does not do this any more", line + 1);
    }
    assert_eq!(
        then.len(),
        now.len(),
        "{name}: other vectors than the test's; write it with TANX_WRITE_VECTORS=1"
    );
}

/// A JSON object with the given members, arrays with one element a line.
fn lines(members: &[(&str, Value)]) -> String {
    let members = members.iter().map(|(name, value)| match value {
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(Value::to_string).collect();
            format!("{}: [\n{}\n]", json!(name), elements.join(",\n"))
        }
        value => format!("{}: {value}", json!(name)),
    });
    format!("{{\n{}\n}}\n", members.collect::<Vec<_>>().join(",\n"))
}

#[test]
fn the_sine_table_is_what_its_formula_gives() {
    for (i, sine) in SINE.iter().enumerate() {
        let exact = (i as f64 * std::f64::consts::TAU / 4096.0).sin() * 16_384.0;
        assert_eq!(f64::from(*sine), exact.round(), "direction {i}");
        // No last bit of anybody's sine function can decide a rounding.
        let to_half = (exact.abs().fract() - 0.5).abs();
        assert!(to_half > 1e-6, "direction {i} is a close call: {exact}");
    }
}

#[test]
fn sine_json_holds_the_table() {
    let rows: Vec<Value> = SINE.chunks(64).map(|row| json!(row)).collect();
    let about = "Sine of 4096 directions in Q14, 64 a row. Direction = heading >> 4; cosine = sine of heading + 16384.";
    check("sine.json", &lines(&[("about", json!(about)), ("rows", rows.into())]));
}

/// A small maze with all kinds of corners near its entry points.
const CORNERS: &str = "name Corners
wall -4,1 -1,1 -1,4 -4,4 -4,1
wall 1,1.3 3,2.1 2.2,4 1.9,2.6 1,1.3
wall 2,-3 2.3,-2 2.6,-3 2.3,-2.6 2,-3
wall -3,-2 -2.9,-4 -5,-3.9 -5,-4.2 -2.6,-4.2 -2.7,-2 -3,-2
entry a 0,0 facing 70
entry b -5,0 facing 350
entry c 0,-3 facing 10
entry d -4,-3 facing 300
";

/// A portrait arena with walls on its edge and passages just wide enough.
const PORTRAIT: &str = "name Portrait
arena 8.5 12.0002
wall -4.25,-6 -2,-6 -4.25,-4 -4.25,-6
wall 4.25,1 2,1.2 2,0.8 4.25,1
wall -0.4,2 0.4,2 0,3 -0.4,2
wall -0.4,-2 0,-3 0.4,-2 -0.4,-2
entry a -3,5 facing 270
entry b 3,-5 facing 90
entry c 0,0 facing 200
entry d 3.65,-5.4 facing 0
";

fn pose(world: &World, player: u64) -> [i32; 3] {
    let tank = world.player(player).and_then(|player| player.tank).expect("launched");
    [tank.x, tank.y, tank.heading.into()]
}

/// A tank of a case: the entry point that it is launched from, and its keys for so many ticks each.
type Driver<'a> = (u8, &'a [(u8, u32)]);

/// Tanks launched in the first tick, under keys for so many ticks each.
fn drive_them(name: &str, maze: (&str, &str), drivers: &[Driver]) -> Value {
    let parsed = Maze::parse(maze.1).expect("the test's mazes are right");
    let mut world = World::new(&parsed, RULES, drivers.len() as u8, 0, Rounds::default());
    let ids = || (1..).zip(drivers);
    let mut log: Vec<Entry> = ids()
        .map(|(player, _)| Entry::Join { player, name: format!("driver {player}"), bot: false })
        .collect();
    let length = |held: &[(u8, u32)]| held.iter().map(|(_, ticks)| ticks).sum::<u32>();
    let ticks = drivers.iter().map(|(_, held)| length(held)).max().expect("somebody drives");
    let mut poses = Vec::new();
    for tick in 0..ticks {
        for (player, (entry, held)) in ids() {
            let mut from = 0;
            for (seq, (keys, ticks)) in (1..).zip(*held) {
                if from == tick {
                    let action = if seq == 1 { action::LAUNCH_FROM + entry } else { action::NONE };
                    log.push(Entry::Input { player, session: 1, seq, keys: *keys, action, stale: false });
                }
                from += ticks;
            }
        }
        world.step(&parsed, &std::mem::take(&mut log));
        poses.push(json!(ids().map(|(player, _)| pose(&world, player)).collect::<Vec<_>>()));
    }
    let tanks: Vec<Value> = drivers
        .iter()
        .map(|(entry, held)| {
            let point = &parsed.entries()[usize::from(*entry)];
            json!({ "start": [point.x, point.y, i32::from(point.heading)], "held": held })
        })
        .collect();
    json!({ "name": name, "maze": maze.0, "tanks": tanks, "poses": poses })
}

fn drive_alone(name: &str, maze: (&str, &str), entry: u8, held: &[(u8, u32)]) -> Value {
    drive_them(name, maze, &[(entry, held)])
}

#[test]
fn motion_json_holds_steps_walls_and_drives() {
    let steps: Vec<Value> = [512, -256, 2_560, 6_400, -6_400]
        .into_iter()
        .flat_map(|length| {
            (0..65_536_u32).step_by(2_731).map(move |heading| {
                let (dx, dy) = step_along(length, heading as u16);
                json!([length, heading, dx, dy])
            })
        })
        .collect();
    let standard = Maze::parse(STANDARD_MAZE).expect("the standard maze is right");
    let segments: Vec<Value> = standard
        .segments()
        .iter()
        .map(|s| json!([s.a.0, s.a.1, s.b.0, s.b.1, s.tangent.0, s.tangent.1, s.length, s.direction]))
        .collect();
    let entries: Vec<Value> =
        standard.entries().iter().map(|e| json!([e.name, e.x, e.y, e.heading])).collect();

    let open = (
        "open",
        "name Open\nentry a 0,0 facing 0\nentry b 9.4,9.4 facing 33.3\nentry c -2,0 facing 0\nentry d 2,0.2 facing 180\n",
    );
    let corners = ("corners", CORNERS);
    let (f, b, l, r) = (keys::FORWARD, keys::BACK, keys::LEFT, keys::RIGHT);
    let portrait = ("portrait", PORTRAIT);
    let cases: Vec<Value> = vec![
        drive_alone(
            "every key, nothing in the way",
            open,
            0,
            &[
                (f, 30),
                (f | l, 60),
                (f | r, 30),
                (b, 20),
                (b | l, 30),
                (b | r, 30),
                (l, 20),
                (r, 40),
                (0, 5),
                (31, 5),
                (f | b | l, 10),
                (l | r | f, 10),
            ],
        ),
        drive_alone(
            "along the arena's edge and into its corner",
            open,
            1,
            &[(f, 40), (f | r, 60), (f, 40), (b, 40)],
        ),
        drive_alone(
            "into a notch and out",
            corners,
            0,
            &[(f, 60), (f | r, 30), (f, 60), (f | l, 30), (f, 40), (b, 40)],
        ),
        drive_alone(
            "along a wall and round its corner",
            corners,
            1,
            &[(f | l, 12), (f, 150), (f | l, 40), (f, 80)],
        ),
        drive_alone("onto a spike", corners, 2, &[(f, 70), (f | l, 40), (f, 50), (f | r, 80)]),
        drive_alone(
            "into an elbow, backwards too",
            corners,
            3,
            &[(f, 70), (f | r, 40), (b, 60), (b | l, 50), (f, 50)],
        ),
        drive_alone(
            "down a portrait arena, along its edges and a wedge in its corner",
            portrait,
            0,
            &[(f | r, 30), (f, 60), (f | l, 40), (f, 200), (f | l, 60), (f, 60)],
        ),
        drive_alone(
            "in the corner of a portrait arena and up its long edge",
            portrait,
            3,
            &[(f, 20), (f | l, 50), (f, 100), (f | r, 40), (f, 60)],
        ),
        drive_them(
            "one tank pushes another, which then pushes back",
            open,
            &[(2, &[(f, 100), (b, 20), (f, 130)]), (3, &[(0, 120), (f, 60), (f | l, 30), (f, 40)])],
        ),
        drive_them(
            "two tanks meet aslant and slide off each other",
            open,
            &[(2, &[(f | l, 3), (f, 200)]), (3, &[(f | l, 3), (f, 200)])],
        ),
        drive_them(
            "two tanks press a third between them",
            open,
            &[(2, &[(f, 150)]), (0, &[(0, 80), (f, 40), (l, 30)]), (3, &[(f, 130), (f | r, 20)])],
        ),
        drive_them(
            "one tank pushes another into a wedge at the edge of a portrait arena",
            portrait,
            &[(2, &[(f, 80), (0, 100), (f | l, 60)]), (0, &[(f, 240)])],
        ),
        drive_them(
            "one tank presses another against a wall",
            corners,
            &[(1, &[(f, 40), (f | l, 30), (f, 100)]), (0, &[(0, 60), (l, 16), (b, 40), (f, 54)])],
        ),
    ];
    let about = "Free motion and pushes of rules version 1. The format is described at the top of crates/sim/tests/vectors.rs.";
    check(
        "motion.json",
        &lines(&[
            ("about", json!(about)),
            (
                "mazes",
                json!({ "standard": STANDARD_MAZE, (open.0): open.1, (corners.0): corners.1, (portrait.0): portrait.1 }),
            ),
            ("steps", steps.into()),
            ("segments", segments.into()),
            ("entries", entries.into()),
            ("cases", cases.into()),
        ]),
    );
}

/// What a client shows, as JSON. Ids are 16 hexadecimal digits.
fn shown(view: &View) -> Value {
    let players: Vec<Value> = view
        .players
        .iter()
        .map(|(slot, p)| {
            let tank = p.tank.map(|t| {
                json!({
                    "x": t.x, "y": t.y, "heading": t.heading, "armour": t.armour, "reload": t.reload,
                    "bounce": t.bounce,
                })
            });
            json!({
                "slot": slot, "id": format!("{:016x}", p.id), "name": p.name, "bot": p.bot, "score": p.score,
                "deaths": p.deaths, "wins": p.wins, "applied": p.applied, "keys": p.keys, "tank": tank,
            })
        })
        .collect();
    let missiles = view.missiles.iter().map(|m| {
        json!({ "id": m.id, "slot": m.slot, "x": m.x, "y": m.y, "heading": m.heading, "bounce": m.bounce })
    });
    let blast = |b: &Blast| json!({ "kind": b.kind as u8, "slot": b.slot, "x": b.x, "y": b.y, "age": b.age });
    let item = |i: &Item| json!({ "id": i.id, "kind": i.kind as u8, "x": i.x, "y": i.y, "left": i.left });
    json!({
        "round": { "number": view.round.number, "resting": view.round.resting, "ends": view.round.ends },
        "players": players,
        "missiles": missiles.collect::<Vec<_>>(),
        "blasts": view.blasts.iter().map(blast).collect::<Vec<_>>(),
        "items": view.items.iter().map(item).collect::<Vec<_>>(),
        "chat": view.chat.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(line: &ChatLine) -> Value {
    let what = match &line.what {
        ChatWhat::Entered => json!({ "type": "entered" }),
        ChatWhat::Left => json!({ "type": "left" }),
        ChatWhat::Renamed { to } => json!({ "type": "renamed", "to": to }),
        ChatWhat::Said { text } => json!({ "type": "said", "text": text }),
    };
    json!({ "tick": line.tick, "slot": line.slot, "name": line.name, "what": what })
}

fn told(delta: &Delta) -> Value {
    let inputs: Vec<Value> =
        delta.inputs.iter().map(|(slot, keys)| json!({ "slot": slot, "keys": keys })).collect();
    let residuals: Vec<Value> = delta
        .residuals
        .iter()
        .map(|r| json!({ "slot": r.slot, "dx": r.dx, "dy": r.dy, "dh": r.dh }))
        .collect();
    let events: Vec<Value> = delta.events.iter().map(event).collect();
    json!({ "inputs": inputs, "residuals": residuals, "events": events })
}

fn event(event: &Event) -> Value {
    match event {
        Event::Join { slot, player, bot, name } => {
            json!({ "type": "join", "slot": slot, "player": format!("{player:016x}"), "bot": bot, "name": name })
        }
        Event::Leave { slot } => json!({ "type": "leave", "slot": slot }),
        Event::Launch { slot, entry } => json!({ "type": "launch", "slot": slot, "entry": entry }),
        Event::Shot { slot, missile } => json!({ "type": "shot", "slot": slot, "missile": missile }),
        Event::Hit { missile, slot, at, armour } => {
            json!({ "type": "hit", "slot": slot, "missile": missile, "at": at, "armour": armour })
        }
        Event::Gone { missile } => json!({ "type": "gone", "missile": missile }),
        Event::Kill { slot, by, item, kind } => {
            json!({ "type": "kill", "slot": slot, "by": by, "item": item, "kind": *kind as u8 })
        }
        Event::Burst { missile, at } => json!({ "type": "burst", "missile": missile, "at": at }),
        Event::Bounce { missile, at, heading } => {
            json!({ "type": "bounce", "missile": missile, "at": at, "heading": heading })
        }
        Event::Hurt { slot, armour } => json!({ "type": "hurt", "slot": slot, "armour": armour }),
        Event::PickUp { slot, item } => json!({ "type": "pickUp", "slot": slot, "item": item }),
        Event::Destruct { slot, item, kind } => {
            json!({ "type": "destruct", "slot": slot, "item": item, "kind": *kind as u8 })
        }
        Event::Rename { slot, name } => json!({ "type": "rename", "slot": slot, "name": name }),
        Event::Chat { slot, text } => json!({ "type": "chat", "slot": slot, "text": text }),
        Event::RoundOver { winner, ticks } => {
            json!({ "type": "roundOver", "winner": winner, "ticks": ticks })
        }
        Event::RoundStart { ticks } => json!({ "type": "roundStart", "ticks": ticks }),
    }
}

/// All kinds of events, as `event` names them.
const KINDS: usize = 16;

#[test]
fn replay_json_holds_a_short_game_as_a_client_sees_it() {
    let maze = Maze::parse(CROWD).expect("the test's mazes are right");
    let rounds = Rounds { play_ticks: 400, rest_ticks: 25 };
    let mut world = World::new(&maze, RULES, 5, 1, rounds);
    let mut play = Play::new(10, 6, false);
    let first = 140;
    for tick in 1..=first {
        world.step(&maze, &play.log(tick));
    }
    let mut view = View::of(&world);
    let start = shown(&view);
    let mut ticks = Vec::new();
    let (mut nobodys_blasts, mut stands) = (0, 0);
    let mut kinds = std::collections::BTreeMap::new();
    for tick in first + 1..=first + 600 {
        let before = world.clone();
        let mut log = play.log(tick);
        // Somebody leaves while a blast of theirs burns, and another comes in the same tick: the slot goes over.
        let slot = world.player(2).map(|player| player.slot);
        if tick > first + 40 && world.blasts().iter().any(|blast| Some(blast.slot) == slot) {
            log.insert(0, Entry::Leave { player: 2 });
            log.push(Entry::Join {
                player: 0xfedc_ba98_7654_3210, name: "späte Ankunft".into(), bot: false
            });
            nobodys_blasts += 1;
        }
        // A socket goes while a turning key is down: the tank stands until the next input.
        let turns = |player: &Player| player.tank.is_some() && player.keys & (keys::LEFT | keys::RIGHT) != 0;
        if tick > first + 200 && stands == 0 && log.is_empty() && world.player(1).is_some_and(turns) {
            log.push(Entry::Gone { player: 1, session: 1 });
            stands += 1;
        }
        // More chat than is kept, in bytes as well as in lines.
        if (first + 300..first + 304).contains(&tick) {
            log.push(Entry::Chat { player: 1, text: "größer als erlaubt ✓ ".repeat(6) });
        }
        world.step(&maze, &log);
        let delta = delta(&before, &world, &maze);
        view.apply(&maze, &delta);
        assert_eq!(view, View::of(&world));
        for event in delta.events.iter().map(event) {
            *kinds.entry(event["type"].to_string()).or_insert(0) += 1;
        }
        // Whole views now and then; in between poses alone are enough.
        let mut row = json!({ "tick": tick, "delta": told(&delta), "digest": world.digest() });
        if tick % 12 == 0 {
            row["view"] = shown(&view);
        } else {
            let poses = view.players.iter().filter_map(|(slot, player)| {
                player.tank.map(|tank| json!([slot, tank.x, tank.y, tank.heading]))
            });
            row["poses"] = poses.collect::<Vec<_>>().into();
        }
        ticks.push(row);
    }
    assert_eq!(kinds.len(), KINDS, "every kind of event happens: {kinds:?}");
    assert_eq!((nobodys_blasts, stands), (1, 1), "one player leaves a blast behind, one loses the socket");
    let about = "A game as a client sees it, rules version 1. The format is described at the top of crates/sim/tests/vectors.rs.";
    let text = lines(&[
        ("about", json!(about)),
        ("maze", json!(CROWD)),
        ("first", json!(first)),
        ("start", start),
        ("ticks", ticks.into()),
    ]);
    assert!(text.len() <= 400_000, "clients' tests read {} bytes", text.len());
    check("replay.json", &text);
}
