//! qsort (C17 7.22.5.2).
#![allow(unsafe_code, reason = "C passes an array and a comparison as pointers")]

use core::ffi::c_int;

/// An array of elements whose type only C knows.
struct Array {
    first: *mut u8,
    element: usize,
    compare: unsafe extern "C" fn(*const u8, *const u8) -> c_int,
}

impl Array {
    /// # Safety
    /// Both indices lie in the array.
    unsafe fn is_less(&self, left: usize, right: usize) -> bool {
        // SAFETY: the caller's promise; the comparison is made for such pointers.
        unsafe {
            let at = |index: usize| self.first.add(index * self.element).cast_const();
            (self.compare)(at(left), at(right)) < 0
        }
    }

    /// # Safety
    /// Both indices lie in the array and differ.
    unsafe fn swap(&self, left: usize, right: usize) {
        // SAFETY: the caller's promise: two different elements do not overlap.
        unsafe {
            let at = |index: usize| self.first.add(index * self.element);
            core::ptr::swap_nonoverlapping(at(left), at(right), self.element);
        }
    }

    /// Restores the heap order below `root` in the first `count` elements.
    ///
    /// # Safety
    /// The array has at least `count` elements.
    unsafe fn sift(&self, mut root: usize, count: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= count {
                return;
            }
            // SAFETY: `root < child < child + 1 < count` where they are used.
            unsafe {
                if child + 1 < count && self.is_less(child, child + 1) {
                    child += 1;
                }
                if !self.is_less(root, child) {
                    return;
                }
                self.swap(root, child);
            }
            root = child;
        }
    }
}

/// Heap sort: in place, and never quadratic.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn qsort(
    first: *mut u8,
    count: usize,
    element: usize,
    compare: unsafe extern "C" fn(*const u8, *const u8) -> c_int,
) {
    let array = Array { first, element, compare };
    // SAFETY: C17: the array has `count` elements of that size; all indices are below `count`, and
    // 0 differs from `last`, which is at least 1.
    unsafe {
        for root in (0..count / 2).rev() {
            array.sift(root, count);
        }
        for last in (1..count).rev() {
            array.swap(0, last);
            array.sift(0, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::qsort;
    use core::ffi::c_int;
    use proptest::prelude::*;

    unsafe extern "C" fn by_value(left: *const u8, right: *const u8) -> c_int {
        // SAFETY: qsort passes pointers to elements, which are u32 here; a read needs no alignment.
        let (left, right) =
            unsafe { (left.cast::<u32>().read_unaligned(), right.cast::<u32>().read_unaligned()) };
        match left.cmp(&right) {
            core::cmp::Ordering::Less => -1,
            core::cmp::Ordering::Equal => 0,
            core::cmp::Ordering::Greater => 1,
        }
    }

    proptest! {
        #[test]
        fn sorts(mut values in prop::collection::vec(0_u32..50, 0..200)) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            // SAFETY: the vector has that many elements of four bytes, which `by_value` compares.
            unsafe { qsort(values.as_mut_ptr().cast(), values.len(), 4, by_value) };
            prop_assert_eq!(values, sorted);
        }
    }
}
