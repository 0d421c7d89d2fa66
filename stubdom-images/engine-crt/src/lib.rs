//! The C runtime that the engine's C libraries need where there is no operating system.
#![no_std]
