//! The chain of domains inside one host process, judged by real peers.
#![forbid(unsafe_code)]
