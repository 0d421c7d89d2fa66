//! getentropy(3), the only source of randomness of libcrypto.
#![allow(unsafe_code, reason = "C passes a buffer as a pointer")]

use super::errno;
use crate::hooks;
use core::ffi::c_int;

/// More is refused (getentropy(3)).
const MOST: usize = 256;

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn getentropy(buffer: *mut u8, size: usize) -> c_int {
    if size > MOST {
        errno::set(errno::EIO);
        return -1;
    }
    if size == 0 {
        return 0;
    }
    // SAFETY: getentropy(3): the caller owns `size` bytes. They are zeroed before a reference to
    // them is made, so that they are initialised.
    let bytes = unsafe {
        buffer.write_bytes(0, size);
        core::slice::from_raw_parts_mut(buffer, size)
    };
    if (hooks::get().entropy)(bytes) {
        return 0;
    }
    // whatever was filled in must not be taken for random
    bytes.fill(0);
    errno::set(errno::EIO);
    -1
}

#[cfg(test)]
mod tests {
    use super::getentropy;
    use crate::c::tests;

    #[test]
    fn a_failing_source_fails_the_call_and_leaves_nothing() {
        tests::install();
        let mut buffer = [0xaa; 300];
        // SAFETY: the buffer has that many bytes.
        assert_eq!(unsafe { getentropy(buffer.as_mut_ptr(), 256) }, 0);
        assert_eq!(buffer[..256], [7; 256]);
        // SAFETY: as above.
        assert_eq!(unsafe { getentropy(buffer.as_mut_ptr(), 257) }, -1, "over the limit");
        tests::fail_entropy_in_this_thread();
        // SAFETY: as above.
        assert_eq!(unsafe { getentropy(buffer.as_mut_ptr(), 32) }, -1);
        assert_eq!(buffer[..32], [0; 32]);
    }
}
