//! libtpms and its libcrypto, linked statically: the engine's foreign function interface.
#![no_std]
