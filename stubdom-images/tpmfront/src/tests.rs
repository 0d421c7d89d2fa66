//! What a frontend promises, against our backend, a backend played step by step, and libxl.

mod attach;
mod behind;
mod chain;
mod commands;
mod hiccups;
mod hostile;
mod played;

use played::{BACK, FRONT, Played, packet};
