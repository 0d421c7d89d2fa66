//! What a backend promises.
