//! The cluster's key, as it is at present: it may be exchanged for another one while the server runs.
//!
//! Owns the reading of its file again. Links that stand are not affected: each is proven once, when it is made.

use protocol::ClusterKey;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// Where the key can be read at each moment.
pub type Key = watch::Receiver<ClusterKey>;

/// A key that stays.
pub fn fixed(key: ClusterKey) -> Key {
    watch::channel(key).1
}

/// Reads the key from its file again, `every` so often, until nobody wants it any more. What cannot be read or used leaves the
/// key as it is, and is logged once.
pub async fn follow(file: PathBuf, every: Duration, key: watch::Sender<ClusterKey>) {
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = String::new();
    loop {
        tokio::select! {
            () = key.closed() => return,
            _ = looks.tick() => {}
        }
        match read(&file).await {
            Ok(read) => {
                said.clear();
                let keys = read.count();
                let changed = key.send_if_modified(|key| {
                    let changes = *key != read;
                    *key = read;
                    changes
                });
                if changed {
                    info!(keys, "the cluster key has changed: the first signs, all are accepted");
                }
            }
            Err(error) if error == said => {}
            Err(error) => {
                warn!(error, file = %file.display(), "cannot read the cluster key again; the one in force stays");
                said = error;
            }
        }
    }
}

async fn read(file: &Path) -> Result<ClusterKey, String> {
    let content = tokio::fs::read(file).await.map_err(|error| error.to_string())?;
    ClusterKey::parse(&content).map_err(|error| error.to_string())
}
