//! Tells the members which revision games should move to (rule 21) and which rules new ones get (rule 15), and goes on saying
//! so.
//!
//! What goes wrong without: members prefer a revision that nobody wants any more, because the operator that named it has
//! been away since, and move each game twice. Every look at a cluster publishes what it has just seen, new or not, and each
//! publication raises the record's beat; members that see it stand still choose by themselves. So it depends neither on
//! anything that changes nor on anything else that is to be written: an object that is in the way, or a quota, stops the
//! plan, not the beat.
//!
//! Every operator that looks after the cluster does so; there is no leader. Each says what it has read from Kubernetes a
//! moment ago, so that all say the same, and one that cannot read has nothing to say.

use super::observe::{Observed, RegistryView};
use super::rules;
use k8s_openapi::jiff::Timestamp;
use registry::{ClusterRecord, Registry, RegistryError, Reply, Request};
use std::time::Duration;

/// Longest time between two publications while all is well. Members wait for more than two of them.
pub const BEAT: Duration = Duration::from_secs(5);

/// The members were not told.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The registry refused it or did not answer.
    #[error("cannot publish the target revision and the rules of new games: {0}")]
    Registry(#[from] RegistryError),
    /// There was a registry when it was looked at, and is none any more.
    #[error("cannot publish the target revision and the rules of new games: the registry is gone")]
    NoRegistry,
    /// It answers something else.
    #[error(
        "cannot publish the target revision and the rules of new games: the registry answers what was not asked"
    )]
    Confused,
}

/// What the members are to be told. The rest of the record is not ours and stays. Nothing where the revision is not known:
/// until the Deployment's controller has seen its newest form, what was said before may be wrong.
pub fn record(observed: &Observed, now: Timestamp) -> Option<ClusterRecord> {
    let RegistryView::Seen { cluster, .. } = &observed.registry else { return None };
    let target_revision = observed.revision()?.to_owned();
    let (revisions, rules) = (observed.revisions(), rules::for_new_games(observed, now));
    Some(ClusterRecord { target_revision, rules, revisions, ..cluster.clone() })
}

/// Tells them.
///
/// # Errors
/// When the registry does not take it; said again at the next look.
pub async fn publish(
    directory: Option<&dyn Registry>,
    observed: &Observed,
    now: Timestamp,
) -> Result<(), PublishError> {
    let Some(record) = record(observed, now) else { return Ok(()) };
    if let RegistryView::Seen { cluster, .. } = &observed.registry {
        if cluster.target_revision != record.target_revision {
            tracing::info!(revision = record.target_revision, "games go to this revision");
        }
        if cluster.rules != record.rules {
            tracing::info!(rules = record.rules, before = cluster.rules, "new games get this rules version");
        }
    }
    let directory = directory.ok_or(PublishError::NoRegistry)?;
    match directory.call(Request::PublishCluster(record)).await? {
        Reply::Done => Ok(()),
        _ => Err(PublishError::Confused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_wait_for_more_than_two_beats() {
        let patience = Duration::from_micros(ownership::Settings::default().beat_us);
        assert!(2 * BEAT < patience, "{patience:?}");
    }
}
