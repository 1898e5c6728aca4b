//! Every state of small clusters keeps the promises, and every rule is needed for one of them.

use model::{Action, Broken, Cluster, State, TEETH};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// A cluster and how far it is followed: steps, or none where all states are visited.
struct Bounds {
    members: u8,
    faults: u8,
    moves: u8,
    steps: Option<NonZeroUsize>,
}

const CLUSTERS: &[Bounds] = &[
    Bounds { members: 2, faults: 0, moves: 1, steps: None },
    Bounds { members: 2, faults: 1, moves: 0, steps: None },
    Bounds { members: 2, faults: 1, moves: 1, steps: NonZeroUsize::new(18) },
    Bounds { members: 2, faults: 2, moves: 0, steps: NonZeroUsize::new(16) },
    Bounds { members: 2, faults: 2, moves: 1, steps: NonZeroUsize::new(11) },
    Bounds { members: 3, faults: 1, moves: 1, steps: NonZeroUsize::new(12) },
];

/// Stops early when one of `until` is found.
fn check(bounds: &Bounds, broken: Option<Broken>, until: HasDiscoveries) -> impl Checker<Cluster> {
    let Bounds { members, faults, moves, steps } = *bounds;
    let builder = Cluster { members, faults, moves, broken }.checker().finish_when(until);
    let builder = match steps {
        Some(steps) => builder.target_max_depth(steps.get()),
        None => builder,
    };
    let checker = builder.spawn_bfs().join();
    let steps = steps.map_or("all".to_owned(), |steps| format!("up to {steps}"));
    println!(
        "{members} members, {faults} faults, {moves} moves, {steps} steps: {} states",
        checker.unique_state_count()
    );
    checker
}

/// One line for each step, and one for what was so after it.
fn told(path: Path<State, Action>) -> String {
    let steps = path.into_vec();
    let after = steps.iter().skip(1).map(|(state, _)| state);
    let lines = steps.iter().zip(after);
    lines.map(|((_, action), state)| format!("  {:?}\n      {state:?}\n", action.expect("a step"))).collect()
}

#[test]
fn every_state_keeps_the_promises() {
    let mut wanted = BTreeSet::new();
    let mut reached = BTreeSet::new();
    for bounds in CLUSTERS {
        let checker = check(bounds, None, HasDiscoveries::All);
        for property in checker.model().properties() {
            let found = checker.discovery(property.name);
            if property.expectation == Expectation::Sometimes {
                wanted.insert(property.name);
                reached.extend(found.map(|_| property.name));
            } else if let Some(path) = found {
                panic!("not so: {}\n{}", property.name, told(path));
            }
        }
    }
    assert_eq!(reached, wanted, "left: what was reached in some cluster; right: what has to be");
}

#[test]
fn every_broken_rule_is_found() {
    for (broken, breach) in TEETH {
        let name = breach.property();
        let path = CLUSTERS.iter().find_map(|bounds| {
            let until = HasDiscoveries::AllOf(BTreeSet::from([name]));
            check(bounds, Some(*broken), until).discovery(name)
        });
        let path = path.unwrap_or_else(|| panic!("{broken:?} is not found to break: {name}"));
        println!("{broken:?} breaks: {name}\n{}", told(path));
    }
}
