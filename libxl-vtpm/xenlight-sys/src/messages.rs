//! What C libraries write to a `FILE`, caught in memory.
#![allow(unsafe_code, reason = "C's streams are pointers")]

use libc::FILE;
use std::ffi::c_char;
use std::io;
use std::ptr;

/// A stream in memory. Boxed, since C keeps the addresses of the fields.
pub(crate) struct Messages {
    stream: *mut FILE,
    text: *mut c_char,
    length: usize,
    taken: usize,
}

impl Messages {
    pub(crate) fn new() -> io::Result<Box<Self>> {
        let mut this =
            Box::new(Self { stream: ptr::null_mut(), text: ptr::null_mut(), length: 0, taken: 0 });
        // SAFETY: both addresses are of fields on the heap that live until the stream is closed.
        this.stream = unsafe { libc::open_memstream(&raw mut this.text, &raw mut this.length) };
        if this.stream.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(this)
    }

    /// What a C library writes into.
    pub(crate) const fn stream(&self) -> *mut FILE {
        self.stream
    }

    /// What was written since the last call.
    pub(crate) fn take(&mut self) -> String {
        // SAFETY: the stream is open. After fflush, `text` points to `length` initialised bytes
        // (POSIX open_memstream), which stay until the next write; nothing writes in between.
        let all = unsafe {
            if libc::fflush(self.stream) != 0 || self.text.is_null() {
                return String::new();
            }
            let (text, length) = (
                ptr::read_volatile(&raw const self.text),
                ptr::read_volatile(&raw const self.length),
            );
            std::slice::from_raw_parts(text.cast::<u8>(), length)
        };
        let fresh = String::from_utf8_lossy(&all[self.taken.min(all.len())..]).into_owned();
        self.taken = all.len();
        fresh
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: the stream is open and nobody uses it after its owner; its text came from malloc.
        unsafe {
            libc::fclose(self.stream);
            libc::free(self.text.cast());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_handed_out_once() {
        let mut messages = Messages::new().unwrap();
        assert_eq!(messages.take(), "");
        let mut write = |text: &std::ffi::CStr| {
            // SAFETY: the stream is open, the text ends with a zero.
            unsafe { libc::fputs(text.as_ptr(), messages.stream()) };
            messages.take()
        };
        assert_eq!(write(c"one\n"), "one\n");
        assert_eq!(write(c"two\n"), "two\n");
    }
}
