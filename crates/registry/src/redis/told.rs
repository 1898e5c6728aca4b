//! What stands under our keys and cannot be read: left out, and said once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are known at most; then all are said once more.
const MOST: usize = 1000;

/// By name, why it could not be read when it was read last. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<BTreeMap<String, String>>>);

impl Told {
    /// What was read there; none where it could not be, of which people are told unless they know.
    pub(super) fn take<T>(&self, name: impl Display, read: Result<T, impl Display>) -> Option<T> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(value) => {
                if !told.is_empty() {
                    told.remove(&name.to_string());
                }
                Some(value)
            }
            Err(why) => {
                let (name, why) = (name.to_string(), why.to_string());
                if told.len() >= MOST {
                    told.clear();
                }
                if told.get(&name) != Some(&why) {
                    tracing::warn!(
                        name,
                        why,
                        "what the registry holds there cannot be read, and is left out"
                    );
                    told.insert(name, why);
                }
                None
            }
        }
    }
}
