//! Many vTPM domains and one manager domain on a machine in memory.

mod crowd;
mod damaged;
mod ends;
mod faults;
mod hardware;
mod hardware_faults;
mod hostile;
mod images;
mod layer;
mod moved;
mod owner;
mod policy;
mod power;
mod recovered;
mod restarts;
mod rig;
mod rollback;
mod rollback12;
mod selection;
