//! Snapshots and digests.

use crate::game::alone;
use sim::{Maze, RestoreError, STANDARD_MAZE, World, keys};

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
