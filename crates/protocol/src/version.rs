//! Versions of the two protocols, and which one two ends use.
//!
//! Owns the numbers alone. A version rises when a layout changes in a way that the other end would misread;
//! a build speaks its own version and the one before.

/// Newest players' protocol that this build speaks.
pub const PLAYER_VERSION: u8 = 1;
/// Oldest players' protocol that this build speaks.
pub const PLAYER_VERSION_OLDEST: u8 = 1;
/// Newest peer protocol that this build speaks.
pub const PEER_VERSION: u8 = 1;
/// Oldest peer protocol that this build speaks.
pub const PEER_VERSION_OLDEST: u8 = 1;

const _: () = assert!(PLAYER_VERSION_OLDEST <= PLAYER_VERSION);
const _: () = assert!(PEER_VERSION_OLDEST <= PEER_VERSION);

/// Does this build serve a client that says this version in its Hello?
pub fn speaks_player_version(version: u8) -> bool {
    (PLAYER_VERSION_OLDEST..=PLAYER_VERSION).contains(&version)
}

/// The two ends of a link have no version in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no protocol version in common: {ours_oldest} to {ours} here, {theirs_oldest} to {theirs} there; \
     roll out one version at a time"
)]
pub struct VersionMismatch {
    /// Our oldest.
    pub ours_oldest: u8,
    /// Our newest.
    pub ours: u8,
    /// Their oldest.
    pub theirs_oldest: u8,
    /// Their newest.
    pub theirs: u8,
}

/// The version that two ends use: the newest of the end that is behind. Each end is (oldest, newest).
///
/// # Errors
/// When the ranges do not overlap.
pub fn common_version(ours: (u8, u8), theirs: (u8, u8)) -> Result<u8, VersionMismatch> {
    let version = ours.1.min(theirs.1);
    if version >= ours.0 && version >= theirs.0 {
        return Ok(version);
    }
    Err(VersionMismatch { ours_oldest: ours.0, ours: ours.1, theirs_oldest: theirs.0, theirs: theirs.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_use_the_newest_version_of_the_older_one() {
        assert_eq!(common_version((1, 2), (2, 3)), Ok(2));
        assert_eq!(common_version((2, 3), (1, 2)), Ok(2));
        assert_eq!(common_version((1, 1), (1, 1)), Ok(1));
        let gap = common_version((1, 2), (3, 4)).unwrap_err();
        assert_eq!((gap.ours, gap.theirs_oldest), (2, 3));
        assert!(common_version((3, 4), (1, 2)).is_err());
    }
}
