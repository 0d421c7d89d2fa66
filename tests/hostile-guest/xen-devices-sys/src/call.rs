//! One call of a device, whose number names a structure that the kernel reads and writes.

use rustix::io::Errno;
use rustix::ioctl::{Direction, Ioctl, IoctlOutput, Opcode, ioctl, opcode};
use std::ffi::c_void;
use std::os::fd::AsFd;

/// What the kernel reads and writes. Implemented here alone, for the structures of Xen's devices.
///
/// # Safety
/// The type is laid out as the kernel's structure of the call, holds no pointer, and any bytes are a value of it.
pub(crate) unsafe trait Argument {
    /// The device's group of calls: `E` of event channels, `G` of grants.
    const GROUP: u8;
    /// The call's number in it.
    const NUMBER: u8;
}

/// Xen's devices leave the direction out of their numbers.
const fn number<T: Argument>() -> Opcode {
    opcode::from_components(Direction::None, T::GROUP, T::NUMBER, size_of::<T>())
}

struct Call<'a, T>(&'a mut T);

// SAFETY: the opcode's structure is T, by the promise of `Argument`; the pointer is T's and lives as long as
// the borrow; the kernel writes into T, so the call is one that mutates; the output is the kernel's own number.
unsafe impl<T: Argument> Ioctl for Call<'_, T> {
    type Output = u32;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        number::<T>()
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut::<T>(self.0).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<u32> {
        u32::try_from(out).map_err(|_| Errno::RANGE)
    }
}

/// Makes the call; what it returns, which is a port where one is made.
pub(crate) fn call<T: Argument>(device: impl AsFd, argument: &mut T) -> Result<u32, Errno> {
    // SAFETY: `Call` describes the call as the kernel's headers do; a device that does not know the number
    // answers ENOTTY and touches nothing.
    unsafe { ioctl(device, Call(argument)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    struct Pair(u32, u32);

    // SAFETY: two words, as in struct ioctl_evtchn_bind_interdomain.
    unsafe impl Argument for Pair {
        const GROUP: u8 = b'E';
        const NUMBER: u8 = 1;
    }

    #[test]
    fn the_number_of_a_call_is_the_kernels() {
        // _IOC(_IOC_NONE, 'E', 1, 8)
        assert_eq!(number::<Pair>(), 0x0008_4501);
    }

    #[test]
    fn another_device_does_not_know_the_call() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(call(&null, &mut Pair(1, 2)), Err(Errno::NOTTY));
    }
}
