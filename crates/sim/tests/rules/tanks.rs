//! How tanks move, and what stops them.

use crate::game::{Game, alone, open_field};
use sim::{TANK_RADIUS, TICKS_PER_SECOND, U, action, cos, keys, sin, step_along};

#[test]
fn forward_is_two_units_of_length_a_second_and_backward_one() {
    let mut game = alone();
    game.press(0, keys::FORWARD, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!((game.tank(0).x, game.tank(0).y), (2 * U, 0));
    game.press(0, keys::BACK, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!((game.tank(0).x, game.tank(0).y), (U, 0));
}

#[test]
fn left_turns_counter_clockwise_by_two_radians_a_second_and_right_back() {
    let mut game = alone();
    game.press(0, keys::LEFT, 0).ticks(TICKS_PER_SECOND.into());
    let radians = f64::from(game.tank(0).heading) * std::f64::consts::TAU / 65_536.0;
    assert!((radians - 2.0).abs() < 0.002, "{radians}");
    game.press(0, keys::RIGHT, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!(game.tank(0).heading, 0);
    game.tick();
    assert_eq!(game.tank(0).heading, 65_536_u32.wrapping_sub(417) as u16);
}

#[test]
fn opposite_keys_cancel() {
    let mut game = alone();
    let before = game.tank(0);
    game.press(0, keys::LEFT | keys::RIGHT | keys::FORWARD | keys::BACK, 0).ticks(10);
    assert_eq!(game.tank(0), before);
}

#[test]
fn a_tank_turns_before_it_moves() {
    let mut game = alone();
    game.press(0, keys::LEFT | keys::FORWARD, 0).tick();
    let tank = game.tank(0);
    assert_eq!((tank.x, tank.y), step_along(512, 417));
}

#[test]
fn a_full_circle_comes_back_near_its_beginning() {
    let mut game = alone();
    // Speed 512, 0.04 rad a tick: a circle of radius 1.0 u, closed after 157.2 ticks.
    game.press(0, keys::LEFT | keys::FORWARD, 0).ticks(157);
    let tank = game.tank(0);
    assert!(tank.x.abs() < 600 && tank.y.abs() < 600, "{tank:?}");
}

#[test]
fn speed_differs_by_heading_by_less_than_0_3_percent() {
    for heading in (0..=u16::MAX).step_by(16) {
        let (dx, dy) = step_along(512, heading);
        let speed = f64::from(dx).hypot(f64::from(dy));
        assert!((speed / 512.0 - 1.0).abs() < 0.003, "{heading}: {speed}");
        let square = sin(heading).pow(2) + cos(heading).pow(2);
        assert!((square - (1 << 28)).abs() < 1 << 15, "{heading}");
    }
}

#[test]
fn a_tank_stops_at_the_arenas_edge_whatever_its_size() {
    for (arena, half_width, half_height) in
        [("", 10 * U, 10 * U), ("arena 12 20", 6 * U, 10 * U), ("arena 20 8.5", 10 * U, 4 * U + U / 4)]
    {
        for (degrees, x, y) in [(0, 1, 0), (90, 0, 1), (180, -1, 0), (270, 0, -1)] {
            let mut game = Game::new(&format!("name Field\n{arena}\nentry a 0,0 facing {degrees}"), 1);
            game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(500);
            let (width, height) = (half_width - TANK_RADIUS, half_height - TANK_RADIUS);
            assert_eq!((game.tank(0).x, game.tank(0).y), (x * width, y * height), "{arena} {degrees}");
        }
    }
}

#[test]
fn a_tank_stops_at_a_wall_and_slides_along_one() {
    let maze = open_field("wall 3,-5 4,-5 4,5 3,5 3,-5\nentry a 0,0 facing 0");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(200);
    assert_eq!((game.tank(0).x, game.tank(0).y), (3 * U - TANK_RADIUS, 0));
    // 20 ticks of left: 46 degrees.
    game.press(0, keys::LEFT | keys::FORWARD, 0).ticks(20);
    let before = game.tank(0).y;
    game.press(0, keys::FORWARD, 0).ticks(50);
    assert_eq!(game.tank(0).x, 3 * U - TANK_RADIUS);
    let slid = game.tank(0).y - before;
    assert!((17_000..19_000).contains(&slid), "sin(46 degrees) of 2 u: {slid}");
}

#[test]
fn a_tank_goes_round_a_walls_corner() {
    // The corner is 0.2 u beside the tank's way: it is pushed aside and passes.
    let maze = open_field("wall 3,-0.2 5,-3 3,-3 3,-0.2\nentry a 0,0 facing 0");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(250);
    let tank = game.tank(0);
    assert!(tank.x > 4 * U && tank.y > TANK_RADIUS / 2, "{tank:?}");
}

#[test]
fn a_tank_stops_in_an_inner_corner() {
    let maze = open_field("wall 4,-4 5,-4 5,5 -4,5 -4,4 4,4 4,-4\nentry a 2,2 facing 45");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(200);
    let tank = game.tank(0);
    assert_eq!((tank.x, tank.y), (4 * U - TANK_RADIUS, 4 * U - TANK_RADIUS));
}

#[test]
fn tanks_push_each_other_half_each() {
    let mut game = Game::new(&open_field("entry a -2,0 facing 0\nentry b 2,0 facing 180"), 2);
    game.press(0, keys::FORWARD, 3).press(1, 0, 4).ticks(150);
    let (a, b) = (game.tank(0), game.tank(1));
    assert!((b.x - a.x - 2 * TANK_RADIUS).abs() <= 2, "they touch: {a:?} {b:?}");
    let before = a.x;
    game.tick();
    assert!((game.tank(0).x - before - 256).abs() <= 1, "half of 512");
    game.press(1, keys::FORWARD, 0).tick();
    let before = game.tank(0).x;
    game.ticks(50);
    assert!((game.tank(0).x - before).abs() <= 2, "equal forces hold");
}

#[test]
fn a_row_of_tanks_does_not_press_one_into_a_wall() {
    let maze = open_field(
        "wall 3,-5 4,-5 4,5 3,5 3,-5\nentry a 2.4,0 facing 0\nentry b 0.8,0 facing 0\nentry c -0.8,0 facing 0",
    );
    let mut game = Game::new(&maze, 3);
    game.press(0, keys::FORWARD, 3).press(1, keys::FORWARD, 4).press(2, keys::FORWARD, 5).ticks(200);
    for (player, x) in [(0, 3 * U - TANK_RADIUS), (1, 3 * U - 3 * TANK_RADIUS), (2, 3 * U - 5 * TANK_RADIUS)]
    {
        // Up to one step of room may stay between them: where a row cannot be packed closer, all wait.
        assert!((game.tank(player).x - x).abs() <= 512, "{:?}", game.tank(player));
    }
}
