//! Recorded numbers that clients in other languages must reproduce, in `vectors/`.
//!
//! Each test compares what the simulation does now with what the file says; with `TANX_WRITE_VECTORS=1` in the
//! environment it writes the file instead. A change in them is a change of the rules, and needs a new rules version.

mod play;
mod view;

use play::{PIT, Play};
use serde_json::{Value, json};
use sim::{Delta, Entry, Event, Maze, RULES, SINE, STANDARD_MAZE, World, action, delta, keys, step_along};
use std::path::Path;
use view::View;

/// Compares a file of vectors with `now`, or writes it. `now` has one value a line, so that changes can be read.
fn check(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
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

fn pose(world: &World) -> [i32; 3] {
    let tank = world.player(1).and_then(|player| player.tank).expect("launched");
    [tank.x, tank.y, tank.heading.into()]
}

/// One tank alone, launched from entry point `entry` in the first tick, under keys for so many ticks each.
fn drive_alone(name: &str, maze: (&str, &str), entry: u8, held: &[(u8, u32)]) -> Value {
    let parsed = Maze::parse(maze.1).expect("the test's mazes are right");
    let mut world = World::new(&parsed, RULES, 1, 0);
    let mut log = vec![Entry::Join { player: 1, name: "alone".into() }];
    let mut act = action::LAUNCH_FROM + entry;
    let mut poses = Vec::new();
    for (seq, (keys, ticks)) in (1..).zip(held) {
        log.push(Entry::Input { player: 1, session: 1, seq, keys: *keys, action: act });
        act = action::NONE;
        for _ in 0..*ticks {
            world.step(&parsed, &std::mem::take(&mut log));
            poses.push(pose(&world));
        }
    }
    let point = &parsed.entries()[usize::from(entry)];
    let start = [point.x, point.y, point.heading.into()];
    json!({ "name": name, "maze": maze.0, "start": start, "held": held, "poses": poses })
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
        .map(|s| json!([s.a.0, s.a.1, s.b.0, s.b.1, s.tangent.0, s.tangent.1, s.length]))
        .collect();
    let entries: Vec<Value> =
        standard.entries().iter().map(|e| json!([e.name, e.x, e.y, e.heading])).collect();

    let open = ("open", "name Open\nentry a 0,0 facing 0\nentry b 9.4,9.4 facing 33.3\n");
    let corners = ("corners", CORNERS);
    let (f, b, l, r) = (keys::FORWARD, keys::BACK, keys::LEFT, keys::RIGHT);
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
            &[(f, 60), (f | l, 30), (f, 60), (f | r, 50), (f, 60), (b, 40)],
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
    ];
    let about = "Numbers of rules version 1. steps: [length, heading, dx, dy]. segments of the standard maze: [ax, ay, bx, by, tangent x, tangent y, length]. entries: [name, x, y, heading]. cases: one tank alone is launched at start in the first tick; held: [keys, ticks]; poses: [x, y, heading] after each tick.";
    check(
        "motion.json",
        &lines(&[
            ("about", json!(about)),
            ("mazes", json!({ "standard": STANDARD_MAZE, (open.0): open.1, (corners.0): corners.1 })),
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
                json!({ "x": t.x, "y": t.y, "heading": t.heading, "armour": t.armour, "reload": t.reload })
            });
            json!({
                "slot": slot, "id": format!("{:016x}", p.id), "name": p.name, "score": p.score,
                "deaths": p.deaths, "applied": p.applied, "keys": p.keys, "tank": tank,
            })
        })
        .collect();
    let missiles: Vec<Value> = view
        .missiles
        .iter()
        .map(|(id, m)| json!({ "id": id, "slot": m.slot, "x": m.x, "y": m.y, "heading": m.heading }))
        .collect();
    json!({ "players": players, "missiles": missiles })
}

fn told(delta: &Delta) -> Value {
    let inputs: Vec<Value> =
        delta.inputs.iter().map(|(slot, keys)| json!({ "slot": slot, "keys": keys })).collect();
    let residuals: Vec<Value> = delta
        .residuals
        .iter()
        .map(|r| json!({ "slot": r.slot, "dx": r.dx, "dy": r.dy, "dh": r.dh }))
        .collect();
    let events: Vec<Value> = delta
        .events
        .iter()
        .map(|event| match event {
            Event::Join { slot, player, name } => {
                json!({ "type": "join", "slot": slot, "player": format!("{player:016x}"), "name": name })
            }
            Event::Leave { slot } => json!({ "type": "leave", "slot": slot }),
            Event::Launch { slot, entry } => json!({ "type": "launch", "slot": slot, "entry": entry }),
            Event::Shot { slot, missile } => json!({ "type": "shot", "slot": slot, "missile": missile }),
            Event::Hit { missile, slot, armour } => {
                json!({ "type": "hit", "missile": missile, "slot": slot, "armour": armour })
            }
            Event::Gone { missile } => json!({ "type": "gone", "missile": missile }),
            Event::Kill { slot, by } => json!({ "type": "kill", "slot": slot, "by": by }),
        })
        .collect();
    json!({ "inputs": inputs, "residuals": residuals, "events": events })
}

#[test]
fn replay_json_holds_a_short_game_as_a_client_sees_it() {
    let maze = Maze::parse(PIT).expect("the test's mazes are right");
    let mut world = World::new(&maze, RULES, 4, 0);
    let mut play = Play::new(3, 5, true);
    let first = 150;
    for tick in 1..=first {
        world.step(&maze, &play.log(tick));
    }
    let mut view = View::of(&world);
    let start = shown(&view);
    let mut ticks = Vec::new();
    let mut kinds = std::collections::BTreeSet::new();
    for tick in first + 1..=first + 250 {
        let before = world.clone();
        let mut log = play.log(tick);
        // Somebody leaves and another comes in the same tick: the slot goes over.
        if tick == first + 40 {
            log.insert(0, Entry::Leave { player: 2 });
            log.push(Entry::Join { player: 0xfedc_ba98_7654_3210, name: "späte Ankunft".into() });
        }
        world.step(&maze, &log);
        let delta = delta(&before, &world, &maze);
        view.apply(&maze, &delta);
        assert_eq!(view, View::of(&world));
        kinds.extend(delta.events.iter().map(core::mem::discriminant).map(|kind| format!("{kind:?}")));
        // Whole views now and then and after each event; in between poses alone are enough.
        let mut row = json!({ "tick": tick, "delta": told(&delta), "digest": world.digest() });
        if !delta.events.is_empty() || tick % 50 == 0 {
            row["view"] = shown(&view);
        } else {
            let poses = view.players.iter().filter_map(|(slot, player)| {
                player.tank.map(|tank| json!([slot, tank.x, tank.y, tank.heading]))
            });
            row["poses"] = poses.collect::<Vec<_>>().into();
        }
        ticks.push(row);
    }
    assert_eq!(kinds.len(), 7, "every kind of event happens");
    let about = "A game as a client sees it, rules version 1. start is the view at tick `first`; missiles stand by rising id; each row's delta leads from the view before to `view`, or to one whose tanks stand at poses: [slot, x, y, heading]. digest is the owner's.";
    check(
        "replay.json",
        &lines(&[
            ("about", json!(about)),
            ("maze", json!(PIT)),
            ("first", json!(first)),
            ("start", start),
            ("ticks", ticks.into()),
        ]),
    );
}
