//! The mazes that come with the game are good to play in.

mod ground;

use ground::survey;
use sim::{ARENA_HALF_MAX, MAZES, Maze, STANDARD_MAZE};

fn mazes() -> Vec<Maze> {
    MAZES.iter().map(|text| Maze::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))).collect()
}

#[test]
fn there_are_at_least_four_of_different_names_and_the_standard_one_is_the_first() {
    assert_eq!(MAZES[0], STANDARD_MAZE);
    let names: std::collections::BTreeSet<_> = mazes().iter().map(|maze| maze.name().to_owned()).collect();
    assert!(names.len() >= 4 && names.len() == MAZES.len(), "{names:?}");
}

#[test]
fn one_is_for_screens_that_stand_upright() {
    assert!(mazes().iter().any(|maze| 3 * maze.half_height() >= 5 * maze.half_width()));
}

#[test]
fn each_has_at_least_four_entry_points_near_the_corners_and_50_to_120_sides() {
    for maze in mazes() {
        assert!(maze.entries().len() >= 4, "{}", maze.name());
        assert!((50..=120).contains(&maze.segments().len()), "{}: {}", maze.name(), maze.segments().len());
        for entry in maze.entries() {
            let corner = (maze.half_width() / 2, maze.half_height() / 2);
            assert!(entry.x.abs() > corner.0 && entry.y.abs() > corner.1, "{}: {}", maze.name(), entry.name);
        }
    }
}

#[test]
fn in_each_a_tank_reaches_every_entry_point_and_all_that_looks_open() {
    for maze in mazes() {
        let ground = survey(&maze);
        assert_eq!(ground.cut_off, [] as [String; 0], "{}", maze.name());
        assert_eq!(ground.shut, [], "{}", maze.name());
        assert_eq!(ground.narrow, [], "{}", maze.name());
        assert!(ground.drivable >= 0.55, "{}: {}", maze.name(), ground.drivable);
    }
}

#[test]
fn no_entry_point_sees_another() {
    for maze in mazes() {
        for (n, a) in maze.entries().iter().enumerate() {
            for b in &maze.entries()[n + 1..] {
                // Along the arena's edges they may: that is what they launch away from, at 15 u and more.
                let far = (a.x - b.x).abs().max((a.y - b.y).abs()) > ARENA_HALF_MAX;
                assert!(
                    far || !maze.clear_line((a.x, a.y), (b.x, b.y)),
                    "{}: {} {}",
                    maze.name(),
                    a.name,
                    b.name
                );
            }
        }
    }
}

#[test]
fn a_survey_finds_what_is_wrong() {
    let survey = |walls: &str| {
        survey(
            &Maze::parse(&format!(
                "name X\narena 10 10\n{walls}\nentry a -3,0 facing 0\nentry b 3,0 facing 0"
            ))
            .unwrap(),
        )
    };
    let open = survey("");
    assert!((open.drivable - 0.81).abs() < 0.01, "{}", open.drivable);
    let cut = survey("wall -0.2,-5 0.2,-5 0.2,5 -0.2,5 -0.2,-5");
    assert_eq!(cut.cut_off, ["b"]);
    assert_eq!((cut.shut.len(), cut.narrow.len()), (1, 1));
    let door = |width: f64| survey(&format!("wall -0.2,-5 0.2,-5 0.2,{0} -0.2,{0} -0.2,-5", 5.0 - width));
    assert_eq!(door(0.9).cut_off, ["b"]);
    assert_eq!((door(1.5).cut_off.len(), door(1.5).narrow.len()), (0, 1));
    assert_eq!((door(1.7).cut_off.len(), door(1.7).narrow.len()), (0, 0));
    let gap = survey("wall -5,4.1 4,4.1 4,4 -5,4 -5,4.1");
    assert_eq!((gap.cut_off.len(), gap.shut.len()), (0, 1), "0.9 u between a wall and the edge");
}
