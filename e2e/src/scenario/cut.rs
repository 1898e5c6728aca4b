//! A node loses the network for ten seconds: all of it, the way to Redis, or the way to the other game servers.
//!
//! What goes wrong without the product: two servers run the same games, or none does. What repairs it: who cannot renew its
//! lease and is not told by the others that it is still theirs stops showing; they claim its games when the lease is over.

use super::{Done, Owners, Stage, not_here};
use crate::cluster::Pod;
use crate::oracle::Broken;
use crate::report::{Bars, CRASH_LOST_TICKS, Check, Crash, Loss, Moved};
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long.
const CUT: Duration = Duration::from_secs(10);

/// Whoever reaches the others has the games back a second after the lease of two seconds; the rest once they reach them.
pub(super) const BARS: Bars = Bars {
    loss: Loss::Crash(Crash {
        served_p99_ms: 3_000.0,
        served_ms: 3_000.0,
        anybody_ms: 8_000.0,
        lost_ticks: CRASH_LOST_TICKS,
    }),
    moved: Moved::Any,
    exits: false,
    ..Bars::PLANNED
};

/// Until its lease of two seconds is over, a server that reaches nobody cannot know that it is cut off. What it ran until then
/// reached at most players who did not reach the others either; late, when the node is back.
pub(super) const NODE_BARS: Bars = Bars {
    loss: Loss::Crash(Crash {
        served_p99_ms: 3_000.0,
        served_ms: 3_000.0,
        anybody_ms: 14_000.0,
        lost_ticks: 110,
    }),
    ..BARS
};

/// What the node does not reach.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Anything.
    All,
    /// Redis.
    Redis,
    /// Game servers on other nodes; nor do they reach it.
    Peers,
    /// What it sends to game servers on other nodes is lost, and not what they send.
    ToPeers,
}

pub(super) async fn cut(stage: &Stage<'_>, cut: Cut) -> Result<Done> {
    let (cluster, owners) = (&stage.settings.cluster, &stage.owners);
    let redis = cluster.redis_nodes().await?;
    let pods = cluster.pods().await?;
    let victim = victim(owners, &pods, &redis)?;
    let others = || pods.iter().filter(|pod| pod.node != victim.node).map(|pod| pod.address.clone());
    let (what, addresses) = match cut {
        Cut::All => ("all", Vec::new()),
        Cut::Redis => ("both", vec![cluster.redis_address().await?]),
        Cut::Peers => ("both", others().collect()),
        Cut::ToPeers => ("to", others().collect()),
    };
    let (node, games, all) = (&victim.node, owners.games_of(&victim.name), owners.games.len());
    let mut done = Done::new(
        format!("node {node}, whose pod owned {games} of {all} games, is cut off ({cut:?}) for {CUT:?}"),
        Instant::now(),
    );
    done.broken = match cut {
        Cut::Redis => Broken::default(),
        // Connections of players come in by all nodes, also those to servers elsewhere.
        Cut::All | Cut::Peers | Cut::ToPeers => Broken { servers: names_on(&pods, node), ways: true },
    };
    let mut arguments = if matches!(cut, Cut::All) { vec!["cut", node] } else { vec!["block", node, what] };
    arguments.extend(addresses.iter().map(String::as_str));
    let before = stage.arena.told_cut_off();
    let begun = stage.settings.node(&arguments).await;
    if begun.is_ok() {
        done.step("the node is cut off");
        sleep(CUT).await;
    }
    // Whatever became of it: the next scenario needs the node.
    stage.settings.heal([node]).await?;
    begun?;
    done.step("the node is back");
    done.checks.push(told(&before, &stage.arena.told_cut_off()));
    Ok(done)
}

fn names_on(pods: &[Pod], node: &str) -> Vec<String> {
    pods.iter().filter(|pod| pod.node == node).map(|pod| pod.name.clone()).collect()
}

/// How many players a server has told since `before` that it is cut off. Where nobody reaches it, it is nobody.
fn told(before: &[u32], after: &[u32]) -> Check {
    let players = before.iter().zip(after).filter(|(before, after)| after > before).count();
    Check::new("told that the server is cut off", format!("{players} players"), String::new(), None)
}

/// The pod with most games of those on nodes without Redis.
fn victim<'a>(owners: &Owners, pods: &'a [Pod], redis: &[String]) -> Result<&'a Pod> {
    let candidates = pods.iter().filter(|pod| !redis.contains(&pod.node) && owners.games_of(&pod.name) > 0);
    let busiest = candidates.max_by_key(|pod| owners.games_of(&pod.name));
    busiest.ok_or_else(|| {
        not_here("every node with games also holds Redis: use more nodes or an external Redis")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_are_counted_however_often_they_are_told() {
        assert_eq!(told(&[0, 2, 1], &[5, 2, 2]).value, "2 players");
    }
}
