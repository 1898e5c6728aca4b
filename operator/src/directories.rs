//! One connection to the registry of each cluster.
//!
//! Owns which connections there are. A connection replaces itself when it breaks; here it is replaced when the cluster's
//! URL or CA changes, and dropped with the cluster.

use crate::names::ClusterName;
use registry::Registry;
use registry::redis::{ConnectError, Redis, RedisSettings};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a registry is.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// As [`RedisSettings::url`].
    pub url: String,
    /// As [`RedisSettings::ca`].
    pub ca: Option<String>,
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisAddress").finish_non_exhaustive()
    }
}

/// A connection, and where it goes.
struct Open {
    address: RedisAddress,
    registry: Arc<dyn Registry>,
}

/// One connection for each cluster. No lock is held while one is made.
#[derive(Default)]
pub struct Directories {
    by_cluster: Mutex<HashMap<ClusterName, Open>>,
}

impl Directories {
    /// The connection of that cluster to `address`, made where there is none.
    ///
    /// # Errors
    /// A sentence that says why there is no registry; try again later.
    pub async fn open(
        &self,
        cluster: &ClusterName,
        address: &RedisAddress,
    ) -> Result<Arc<dyn Registry>, ConnectError> {
        let found = self.with(|open| {
            let same = open.get(cluster).filter(|open| open.address == *address);
            same.map(|open| open.registry.clone())
        });
        if let Some(registry) = found {
            return Ok(registry);
        }
        // The old one must not be used any more, even if the new one cannot be made.
        self.forget(cluster);
        let settings = RedisSettings {
            ca: address.ca.clone(),
            ..RedisSettings::new(&address.url, cluster.redis_prefix())
        };
        let registry: Arc<dyn Registry> = Arc::new(Redis::connect(settings).await?);
        self.with(|open| {
            open.insert(cluster.clone(), Open { address: address.clone(), registry: registry.clone() })
        });
        Ok(registry)
    }

    /// The connection of that cluster, where it has been made.
    pub fn get(&self, cluster: &ClusterName) -> Option<Arc<dyn Registry>> {
        self.with(|open| open.get(cluster).map(|open| open.registry.clone()))
    }

    /// The cluster is gone, or has another registry.
    pub fn forget(&self, cluster: &ClusterName) {
        self.with(|open| open.remove(cluster));
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<ClusterName, Open>) -> T) -> T {
        act(&mut self.by_cluster.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
