//! The maze format, and the sentence for each kind of fault in it.

use sim::{ARENA_HALF_MAX, Maze, MazeError, SEGMENTS_MAX, STANDARD_MAZE, U};

const BOX: &str = "wall -1,-1 1,-1 1,1 -1,1 -1,-1";
const ENTRY: &str = "entry west -5,0 facing 0";

/// Parses a maze that lacks nothing but what `lines` adds or spoils, and compares the refusal's sentence.
#[track_caller]
fn refused(text: &str, sentence: &str) {
    let error = Maze::parse(text).expect_err("the maze must be refused");
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn the_standard_maze_has_four_entry_points_near_the_corners_and_about_ninety_sides() {
    let maze = Maze::parse(STANDARD_MAZE).unwrap();
    assert_eq!(maze.name(), "Standard");
    let names: Vec<_> = maze.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["north-east", "north-west", "south-west", "south-east"]);
    for entry in maze.entries() {
        assert!(entry.x.abs() > ARENA_HALF_MAX / 2 && entry.y.abs() > ARENA_HALF_MAX / 2, "{entry:?}");
    }
    assert!((80..=120).contains(&maze.segments().len()), "{} sides", maze.segments().len());
    assert!(maze.polylines().iter().all(|corners| corners.first() == corners.last()));
}

#[test]
fn lengths_become_units_and_degrees_become_headings() {
    let text = format!(
        "name  Two words # and a comment\n\n{BOX}\nentry e -5.0001,9.4 facing 22.5\nentry f 5,0 facing 360"
    );
    let maze = Maze::parse(&text).unwrap();
    assert_eq!(maze.name(), "Two words");
    assert_eq!(maze.polylines()[0][0], (-U, -U));
    let entry = &maze.entries()[0];
    assert_eq!((entry.x, entry.y, entry.heading), (-64_001, 120_320, 4096));
    assert_eq!(maze.entries()[1].heading, 0);
}

#[test]
fn an_open_wall_is_refused() {
    let text = format!("name X\nwall -1,-1 1,-1 1,1 -1,1\n{ENTRY}");
    refused(&text, "line 2: the wall is open; end it with its first corner again (-1,-1)");
}

#[test]
fn a_wall_of_two_corners_is_refused() {
    let text = format!("name X\nwall -1,-1 1,-1 -1,-1\n{ENTRY}");
    refused(&text, "line 2: the wall has 2 corners; give it at least 3, then the first one again");
}

#[test]
fn a_corner_twice_in_a_row_is_refused() {
    let text = format!("name X\nwall -1,-1 1,-1 1.0,-1.0 1,1 -1,-1\n{ENTRY}");
    refused(&text, "line 2: corner 1.0,-1.0 stands twice in a row; remove one");
}

#[test]
fn an_entry_point_inside_a_wall_is_refused() {
    let text = format!("name X\n{BOX}\nentry a 0,0 facing 0");
    refused(&text, "line 3: entry point \"a\" is inside the wall of line 2; move one of them");
}

#[test]
fn an_entry_point_near_a_wall_is_refused_and_one_further_away_is_not() {
    let text = |x: &str| format!("name X\n{BOX}\nentry a {x},0 facing 0");
    refused(
        &text("1.59"),
        "line 3: entry point \"a\" is less than 0.6 u from the wall of line 2; move one of them",
    );
    assert!(Maze::parse(&text("1.6")).is_ok());
}

#[test]
fn an_entry_point_outside_the_arena_or_at_its_edge_is_refused() {
    let sentence = "line 2: entry point \"a\" is outside the arena or less than 0.6 u from its edge; keep x within 9.4 and y within 9.4 of the middle";
    refused("name X\nentry a 0,12 facing 0", sentence);
    refused("name X\nentry a -9.41,0 facing 0", sentence);
}

#[test]
fn an_unknown_word_is_refused() {
    refused(
        "name X\n\nwalls 1,1",
        "line 3: unknown word \"walls\"; start the line with name, arena, wall, entry or #",
    );
    let sentence = "line 2: write an entry point as: entry NAME x,y facing DEGREES";
    refused("name X\nentry a 0,0 heading 0", sentence);
    refused("name X\nentry a 0,0", sentence);
}

#[test]
fn a_number_out_of_range_is_refused() {
    refused(
        "name X\nwall 0,0 10.01,0 0,1 0,0",
        "line 2: corner 10.01,0 is outside the arena; keep x within 10 and y within 10 of the middle",
    );
    refused("name X\nentry a 0,0 facing 361", "line 2: 361 is out of range; use 0 to 360");
    refused("name X\nentry a 0,0 facing -1", "line 2: -1 is out of range; use 0 to 360");
}

#[test]
fn what_is_no_number_is_refused() {
    for word in ["x", "1.", ".5", "--1", "+1", "1e3", "1.23456", "9999999999", "٣", ""] {
        let error = Maze::parse(&format!("name X\nentry a {word},0 facing 0")).expect_err(word);
        assert_eq!(error, MazeError::NotANumber { line: 2, word: word.into() });
    }
    refused(
        "name X\nentry a 5 facing 0",
        "line 2: \"5\" is not a point; write x,y without spaces, like -1.5,2",
    );
}

#[test]
fn an_arena_has_the_size_that_its_line_says_and_20_by_20_without_one() {
    let half = |arena: &str| {
        let maze = Maze::parse(&format!("name X\n{arena}\nentry a 0,0 facing 0")).unwrap();
        (maze.half_width(), maze.half_height())
    };
    assert_eq!(half(""), (10 * U, 10 * U));
    assert_eq!(half("arena 12 20 # for phones"), (6 * U, 10 * U));
    assert_eq!(half("arena 8 8.5"), (4 * U, 4 * U + U / 4));
    // 12.0001 u are 153,601 units.
    assert_eq!(half("arena 12.0001 20.0"), (76_800, 10 * U), "half a side is rounded down");
}

#[test]
fn an_arena_line_that_is_wrong_is_refused() {
    let arena = |line: &str| format!("name X\n{line}\nentry a 0,0 facing 0");
    refused(&arena("arena 7.9999 20"), "line 2: 7.9999 is out of range; use 8 to 20");
    refused(&arena("arena 12 20.0001"), "line 2: 20.0001 is out of range; use 8 to 20");
    refused(&arena("arena 12 -12"), "line 2: -12 is out of range; use 8 to 20");
    refused(&arena("arena 12"), "line 2: write the arena's size as: arena WIDTH HEIGHT");
    refused(&arena("arena 12 20 3"), "line 2: write the arena's size as: arena WIDTH HEIGHT");
    refused(
        &arena("arena 12,20 12"),
        "line 2: \"12,20\" is not a number; write it like 3, -0.5 or 2.125 (at most 4 decimals)",
    );
    refused(&arena("arena 12 20\narena 12 20"), "line 3: the maze has an arena already; keep one arena line");
    let late = "the arena comes after a wall or an entry point; move this line above them";
    refused(&format!("name X\n{BOX}\narena 12 20"), &format!("line 3: {late}"));
    refused(&format!("name X\n{ENTRY}\narena 12 20"), &format!("line 3: {late}"));
}

#[test]
fn walls_and_entry_points_lie_in_the_arena_of_their_maze() {
    let text = |line: &str| format!("name X\narena 12.5 9\n{line}\nentry a 0,0 facing 0");
    assert!(Maze::parse(&text("wall -6.25,4.5 6.25,4.5 0,4 -6.25,4.5")).is_ok());
    refused(
        &text("wall 0,0 6.26,0 0,1 0,0"),
        "line 3: corner 6.26,0 is outside the arena; keep x within 6.25 and y within 4.5 of the middle",
    );
    assert!(Maze::parse(&text("entry b 5.65,-3.9 facing 0")).is_ok());
    refused(
        &text("entry b 5.66,0 facing 0"),
        "line 3: entry point \"b\" is outside the arena or less than 0.6 u from its edge; keep x within 5.65 and y within 3.9 of the middle",
    );
}

#[test]
fn a_clear_line_meets_no_wall_on_its_way_or_at_its_ends() {
    let maze = Maze::parse(&format!("name X\n{BOX}\n{ENTRY}")).unwrap();
    let clear = |a: (i32, i32), b: (i32, i32)| {
        assert_eq!(maze.clear_line(a, b), maze.clear_line(b, a), "{a:?} {b:?}");
        maze.clear_line(a, b)
    };
    assert!(!clear((-2 * U, 0), (2 * U, 0)), "through");
    assert!(clear((-2 * U, 0), (-U - 1, 0)), "up to it");
    assert!(!clear((-2 * U, 0), (-U, 0)), "onto it");
    assert!(!clear((-2 * U, 0), (0, 2 * U)), "its corner");
    assert!(clear((-2 * U, 1), (-1, 2 * U)), "beside its corner");
    assert!(clear((-10 * U, -10 * U), (10 * U, -10 * U)), "along the arena's edge");
    assert!(clear((5, 5), (500, -500)), "within it");
}

#[test]
fn too_many_sides_are_refused_at_the_line_that_passes_the_limit() {
    let mut text = String::from("name X\nentry a 9,9 facing 0\n");
    let walls = SEGMENTS_MAX / 4;
    for _ in 0..walls {
        text += BOX;
        text += "\n";
    }
    assert!(Maze::parse(&text).is_ok());
    text += BOX;
    refused(&text, &format!("line {}: the walls have more than 512 sides in all; simplify them", walls + 3));
}

#[test]
fn too_many_or_repeated_entry_points_are_refused() {
    let entries = |count: usize| {
        (0..count).fold(String::from("name X"), |text, n| text + &format!("\nentry e{n} 0,0 facing 0"))
    };
    assert!(Maze::parse(&entries(16)).is_ok());
    refused(&entries(17), "line 18: more than 16 entry points; remove some");
    let text = "name X\nentry a 0,0 facing 0\nentry a 1,1 facing 0";
    refused(text, "line 3: there is an entry point \"a\" already; give this one another name");
}

#[test]
fn names_are_needed_once_and_short() {
    refused(ENTRY, "the maze has no name; add a line: name SOMETHING");
    refused("name X\nname Y", "line 2: the maze has a name already; keep one name line");
    let sentence = "line 1: the name needs 1 to 32 characters; shorten or add it";
    refused("name", sentence);
    refused(&format!("name {}", "x".repeat(33)), sentence);
    refused("name X", "the maze has no entry point; add a line: entry NAME x,y facing DEGREES");
}

#[test]
fn a_text_beyond_any_maze_is_refused_unread() {
    refused(&"#".repeat(70_000), "the maze has 70000 bytes; shorten it to at most 65536");
}

#[test]
fn the_fingerprint_changes_with_what_the_rules_use_and_not_with_comments() {
    let print = |text: &str| Maze::parse(text).unwrap().fingerprint();
    let plain = format!("name X\n{BOX}\n{ENTRY}");
    assert_eq!(print(&plain), print(&format!("name Y # renamed\n{BOX}\n\n{ENTRY}")));
    assert_ne!(print(&plain), print(&format!("name X\n{ENTRY}")));
    assert_ne!(print(&plain), print(&plain.replace("facing 0", "facing 1")));
    assert_ne!(print(&plain), print(&format!("arena 12 20\n{plain}")));
    assert_eq!(print(&plain), print(&format!("arena 20 20\n{plain}")));
}
