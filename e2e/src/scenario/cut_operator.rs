//! A new version is rolled out while the operator runs and does not reach the API server, or Redis.
//!
//! What goes wrong without the product: it goes on naming the revision that it last knew, and games move to old pods first.
//! What repairs it: it says only what it has read a moment ago, and when it says nothing game servers choose by themselves.

use super::{Done, Stage, set_image};
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// Longest wait for the operator when it reaches all again.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// As with an operator that reaches all.
pub(super) const BARS: Bars = Bars::ROLLOUT;

/// What it does not reach.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unreached {
    /// The API server.
    Api,
    /// The managed Redis.
    Redis,
}

pub(super) async fn roll(stage: &Stage<'_>, unreached: Unreached) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let operator = settings.operator.as_ref().context("not run without --operator")?;
    let others = match unreached {
        Unreached::Api => cluster.api_addresses().await?,
        Unreached::Redis => vec![cluster.redis_address().await?],
    };
    let mut places = Vec::new();
    for pod in cluster.operator_pods(operator).await? {
        places.push(cluster.place_of(&pod).await?);
    }
    ensure!(!places.is_empty() && !others.is_empty(), "there is nothing to keep {operator} from");
    let rolled = async {
        for (node, operator) in &places {
            let pairs: Vec<String> = others.iter().map(|other| format!("{operator}={other}")).collect();
            let first = ["block", node, "both"];
            let arguments: Vec<&str> = first.into_iter().chain(pairs.iter().map(String::as_str)).collect();
            settings.node(&arguments).await?;
        }
        set_image::roll(stage).await
    }
    .await;
    // Whatever became of it: the next scenario needs the operator.
    settings.heal(places.iter().map(|(node, _)| node)).await?;
    let mut done = rolled?;
    done.step("the operator reaches all again");
    cluster.operator_rolled(operator, BACK_WITHIN).await?;
    done.what += &format!(", while the operator does not reach {unreached:?}");
    Ok(done)
}
