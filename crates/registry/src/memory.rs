//! In-memory twin.
