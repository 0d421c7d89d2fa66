//! The page a frontend and a backend share: layout, states, and who may write what.
#![no_std]
