//! The page a frontend and a backend share: layout, states, and who may write what.
#![forbid(unsafe_code)]
#![no_std]
