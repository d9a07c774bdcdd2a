//! The page of one recording.
