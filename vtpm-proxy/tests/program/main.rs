//! The whole program without a kernel module: started as people start it, with a double of the driver
//! at its standard input.

mod bad_input;
mod crowd;
mod double;
#[path = "../support/index.rs"]
mod index;
mod serving;
mod stopping;
mod unheard;
