//! The cluster is scaled: one pod less, two more, one less.
//!
//! What goes wrong without the product: the games of whichever pod is taken die. What repairs it: deletion costs let the
//! emptiest pod be taken, its games move, and a pod that comes takes none from others.

use super::{Done, Owners, Stage, not_here};
use crate::report::{Bars, Check, Moved};
use anyhow::Result;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The pods that come are empty when the last one is taken, so a game moves at most once in all; none does where the
/// emptiest pod has no games.
pub(super) const BARS: Bars = Bars { moved: Moved::Any, most_moves: Some(1), ..Bars::PLANNED };

pub(super) async fn scale(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let replicas = cluster.deployment().await?.replicas;
    if replicas < 2 {
        return Err(not_here("it takes a pod away, and there is only one: scale the TanxCluster to 3"));
    }
    let steps = [replicas - 1, replicas + 1, replicas];
    let resource = format!("tanxcluster/{}", cluster.name);
    let [less, more, back] = steps;
    let mut done = Done::new(
        format!("kubectl scale {resource}: {replicas} -> {less} -> {more} -> {back}"),
        Instant::now(),
    );
    let names = ["scaled down, and whole", "scaled up, and whole", "scaled back, and whole"];
    let mut before = stage.owners.clone();
    for (replicas, name) in steps.into_iter().zip(names) {
        cluster.kubectl(&["scale", &resource, &format!("--replicas={replicas}")]).await?;
        let after = stage.whole_with(replicas).await?;
        done.step(name);
        done.checks.push(check(&before, &after));
        before = after;
    }
    Ok(done)
}

/// Down: the pod that was taken had the fewest games. Up: no game moved.
fn check(before: &Owners, after: &Owners) -> Check {
    let counts: Vec<usize> = before.all_by_pod.iter().map(|(_, games)| *games).collect();
    let left = before.all_by_pod.iter().find(|(pod, _)| !after.pods().contains(pod));
    match left {
        Some((_, games)) => {
            let fewest = counts.iter().min().copied().unwrap_or(0);
            let bar = format!("{fewest}, the fewest of {counts:?}");
            let measure = format!("games of the pod that left at {}", after.by_pod.len());
            Check::new(&measure, games.to_string(), bar, Some(*games == fewest))
        }
        None => {
            let owners = |owners: &Owners| -> BTreeMap<_, _> {
                let games = owners.games.iter();
                games.map(|game| (game.id, game.owner.as_ref().map(|owner| owner.id.clone()))).collect()
            };
            let (old, new) = (owners(before), owners(after));
            let moved = old.iter().filter(|(game, owner)| new.get(game) != Some(owner)).count();
            let measure = format!("games moved on the way up to {}", after.by_pod.len());
            Check::new(&measure, moved.to_string(), "0".to_owned(), Some(moved == 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lobby::{ListedGame, ListedMember};
    use protocol::GameId;

    fn owners(by_pod: &[(&str, usize)]) -> Owners {
        let mut games = Vec::new();
        for (pod, count) in by_pod {
            for _ in 0..*count {
                let owner = Some(ListedMember { id: (*pod).to_owned(), name: (*pod).to_owned() });
                games.push(ListedGame { id: GameId(games.len() as u64), owner, rules: 1 });
            }
        }
        let by_pod: Vec<_> = by_pod.iter().map(|(pod, count)| ((*pod).to_owned(), *count)).collect();
        Owners { all_by_pod: by_pod.clone(), by_pod, games }
    }

    #[test]
    fn the_emptiest_pod_is_to_be_taken_and_none_moves_on_the_way_up() {
        let three = owners(&[("a", 3), ("b", 2), ("c", 1)]);
        assert_eq!(check(&three, &owners(&[("a", 4), ("b", 2)])).pass, Some(true));
        assert_eq!(check(&three, &owners(&[("b", 3), ("c", 3)])).pass, Some(false));
        assert_eq!(check(&three, &owners(&[("a", 3), ("b", 2), ("c", 1), ("d", 0)])).pass, Some(true));
        assert_eq!(check(&three, &owners(&[("a", 2), ("b", 2), ("c", 1), ("d", 1)])).pass, Some(false));
    }
}
