//! The ground a stub domain stands on: boot, hypercalls, events, grants, console, xenstore, disk.
#![no_std]
