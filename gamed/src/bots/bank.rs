//! Shots off a wall, for those whose missiles bounce.
//!
//! Owns the search for a wall in which the target is "seen": a missile that bounces flies as light does.

use super::plane::Spot;
use sim::Maze;

/// A missile is not expected to hit anybody after a longer way than this, in u.
const REACH: f32 = 10.0;
/// Walls that are tried, those with the shortest ways first.
const TRIES: usize = 2;
/// The bounce is looked at so far before the wall, in u: a line that ends on a wall is not clear.
const BEFORE: f32 = 0.02;

/// Where on a wall to aim so that a missile bounces to the target.
pub fn bank(maze: &Maze, from: Spot, target: Spot) -> Option<Spot> {
    let mut best = [(REACH, Spot::default()); TRIES];
    for segment in maze.segments() {
        let Some((length, at)) =
            reflection(Spot::of_units(segment.a), Spot::of_units(segment.b), from, target)
        else {
            continue;
        };
        if let Some(place) = best.iter().position(|(other, _)| length < *other) {
            best[place..].rotate_right(1);
            best[place] = (length, at);
        }
    }
    let found = best.into_iter().filter(|(length, _)| *length < REACH).find(|(_, at)| {
        let way = *at - from;
        let before = (from + way * (1.0 - BEFORE / way.length())).units();
        maze.clear_line(from.units(), before) && maze.clear_line(before, target.units())
    });
    found.map(|(_, at)| at)
}

/// Where a flight from one place to another bounces off the wall between `a` and `b`, and how long it is.
fn reflection(a: Spot, b: Spot, from: Spot, target: Spot) -> Option<(f32, Spot)> {
    let side = b - a;
    let normal = Spot { x: -side.y, y: side.x } * (1.0 / side.length());
    let (near, far) = ((from - a).dot(normal), (target - a).dot(normal));
    // Both on the same side, and not along the wall.
    if near * far <= 0.0 || near.abs().min(far.abs()) < 0.1 {
        return None;
    }
    let image = target - normal * (2.0 * far);
    let at = from + (image - from) * (near / (near + far));
    let along = (at - a).dot(side) / side.dot(side);
    (0.02..0.98).contains(&along).then(|| ((image - from).length(), at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::STANDARD_MAZE;

    #[test]
    fn a_flight_bounces_at_equal_angles() {
        let spot = |x, y| Spot { x, y };
        let (length, at) =
            reflection(spot(0.0, 0.0), spot(10.0, 0.0), spot(2.0, 3.0), spot(6.0, 3.0)).expect("a way");
        assert!((at - spot(4.0, 0.0)).length() < 0.001 && (length - 52f32.sqrt()).abs() < 0.001);
        let behind = reflection(spot(0.0, 0.0), spot(10.0, 0.0), spot(2.0, 3.0), spot(6.0, -3.0));
        assert_eq!(behind, None, "the wall is between them");
        let beside = reflection(spot(0.0, 0.0), spot(3.0, 0.0), spot(2.0, 3.0), spot(6.0, 3.0));
        assert_eq!(beside, None, "the wall is too short");
    }

    #[test]
    fn a_banked_shot_gets_there_in_the_standard_maze() {
        let maze = Maze::parse(STANDARD_MAZE).expect("it is shipped");
        let mut found = 0;
        for (x, y) in [(-9.0, 9.0), (5.0, 1.2), (0.0, 5.6), (-3.0, -7.0), (2.6, 0.0), (7.5, -8.0)] {
            for n in 0..40u16 {
                let from = Spot { x, y };
                let target = from + Spot::along(n * 1_638) * (2.0 + f32::from(n) / 10.0);
                let Some(at) = bank(&maze, from, target) else { continue };
                found += 1;
                let incoming = (at - from).heading();
                let wall = maze
                    .segments()
                    .iter()
                    .find(|segment| {
                        let (a, b) = (Spot::of_units(segment.a), Spot::of_units(segment.b));
                        ((a - at).length() + (b - at).length() - (b - a).length()).abs() < 0.001
                    })
                    .expect("it is on a wall");
                let outgoing = wall.direction.wrapping_mul(2).wrapping_sub(incoming);
                let flown = at + Spot::along(outgoing) * (target - at).length();
                assert!((flown - target).length() < 0.1, "{from:?} {target:?}: {flown:?}");
            }
        }
        assert!(found > 10, "{found}");
    }
}
