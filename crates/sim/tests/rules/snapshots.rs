//! Snapshots and digests.

use crate::game::{Game, alone};
use sim::{Event, Maze, RestoreError, STANDARD_MAZE, U, World, keys};

#[test]
fn snapshots_of_another_format_maze_or_rules_are_refused_with_a_sentence() {
    let game = alone();
    let bytes = game.world.snapshot();
    let standard = Maze::parse(STANDARD_MAZE).unwrap();
    let refusal = |maze: &Maze, bytes: &[u8]| World::restore(maze, bytes).expect_err("refused");
    assert_eq!(refusal(&standard, &bytes), RestoreError::OtherMaze);
    assert_eq!(refusal(&game.maze, &[]), RestoreError::Empty);
    let mut other = bytes.clone();
    other[0] = 9;
    assert_eq!(refusal(&game.maze, &other), RestoreError::Format(9));
    other = bytes.clone();
    other[1] = 0;
    assert_eq!(refusal(&game.maze, &other), RestoreError::Rules(0));
    other[1] = 2;
    assert_eq!(
        refusal(&game.maze, &other).to_string(),
        "the game has rules 2, this build steps 1 to 1; run it on a build that steps them"
    );
    other = bytes;
    other.push(0);
    assert_eq!(refusal(&game.maze, &other), RestoreError::Malformed);
}

#[test]
fn worlds_that_differ_have_other_digests() {
    let mut a = alone();
    let mut b = alone();
    assert_eq!(a.world.digest(), b.world.digest());
    a.press(0, keys::FORWARD, 0).tick();
    b.press(0, keys::BACK, 0).tick();
    assert_ne!(a.world.digest(), b.world.digest());
}

#[test]
fn a_tank_at_the_edge_that_is_hit_from_beyond_it_can_be_restored() {
    // The collision circle is wider than the tank: a missile that leaves the arena may still meet it in that step.
    let mut beyond = 0;
    for degrees in 300..900 {
        let maze =
            format!("name Low\narena 20 8\nentry a -4,3.2 facing 12.{degrees}\nentry b 0,3.4 facing 90");
        let mut game = Game::new(&maze, 2);
        game.launch(0, 0).press(1, keys::FORWARD, 4).ticks(10);
        game.press(0, keys::FIRE, 0).tick();
        for _ in 0..30 {
            let hit = game.tick().events.iter().any(|event| matches!(event, Event::Hit { .. }));
            beyond += u32::from(hit && game.world.blasts()[0].y > 4 * U);
            assert_eq!(World::restore(&game.maze, &game.world.snapshot()), Ok(game.world.clone()));
        }
    }
    assert!(beyond > 0, "the test is about hits beyond the edge");
}
