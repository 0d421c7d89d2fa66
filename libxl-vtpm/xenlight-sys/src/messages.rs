//! What C libraries write to a `FILE`, caught in memory.
#![allow(unsafe_code, reason = "C's streams are pointers")]

use libc::FILE;
use std::ffi::c_char;
use std::io;
use std::ptr;

/// A stream in memory.
pub(crate) struct Messages {
    stream: *mut FILE,
    /// On the heap; C writes to it whenever the stream is used, so there is never a reference to it.
    written: *mut Written,
    taken: usize,
}

/// What the stream holds so far.
struct Written {
    text: *mut c_char,
    length: usize,
}

impl Messages {
    pub(crate) fn new() -> io::Result<Self> {
        let written = Box::into_raw(Box::new(Written { text: ptr::null_mut(), length: 0 }));
        // SAFETY: both fields live until `drop` has closed the stream, or there is none.
        unsafe {
            let stream = libc::open_memstream(&raw mut (*written).text, &raw mut (*written).length);
            if stream.is_null() {
                let error = io::Error::last_os_error();
                drop(Box::from_raw(written));
                return Err(error);
            }
            Ok(Self { stream, written, taken: 0 })
        }
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
            if libc::fflush(self.stream) != 0 {
                return String::new();
            }
            let Written { text, length } = self.written.read();
            if text.is_null() {
                return String::new();
            }
            std::slice::from_raw_parts(text.cast::<u8>(), length)
        };
        let fresh = String::from_utf8_lossy(&all[self.taken.min(all.len())..]).into_owned();
        self.taken = all.len();
        fresh
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: the stream is open and nobody uses it after its owner; its text came from malloc,
        // and `written` from a box.
        unsafe {
            libc::fclose(self.stream);
            libc::free(Box::from_raw(self.written).text.cast());
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
