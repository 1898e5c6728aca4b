//! The `TanxCluster` object: what a user asks for, and what the operator says about it.
//!
//! Owns the types, their defaults, the sentences with which the API server refuses a bad object, and the
//! CustomResourceDefinition made of them ([`crd`]). Does not own what is built from them: that is the operator's.
//!
//! Invariant: whatever the API server accepts under [`crd`] can be read into these types, so that one odd object never
//! blinds a watch of all of them.

mod condition;
mod definition;
mod spec;
mod status;

pub use condition::{ConditionType, State, set_condition};
pub use definition::crd;
pub use spec::{
    ExternalRedis, Game, ImagePolicy, ImagePullPolicy, ManagedRedis, PodOverrides, Redis, SecretKey, Service,
    ServiceType, Storage, TanxCluster, TanxClusterSpec,
};
pub use status::{Moves, TanxClusterStatus};
