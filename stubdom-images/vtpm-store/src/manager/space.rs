//! Which pages are in use.

use super::layout::FIRST_PAGE;
use alloc::vec;
use alloc::vec::Vec;

/// One bit for each page of the store; never written, rebuilt from the tree at each start.
pub(super) struct Space {
    used: Vec<u64>,
    pages: u32,
    free: u32,
    next: u32,
    /// It was begun anew after a page that could not be written, and nothing was kept since.
    turned_back: bool,
}

impl Space {
    /// All pages of the tree are free.
    pub(super) fn new(pages: u32) -> Self {
        let free = pages.saturating_sub(FIRST_PAGE);
        let used = vec![0; pages.div_ceil(64) as usize];
        Self { used, pages, free, next: FIRST_PAGE, turned_back: false }
    }

    pub(super) const fn free(&self) -> u32 {
        self.free
    }

    pub(super) const fn pages(&self) -> u32 {
        self.pages
    }

    /// Adds pages at the end.
    pub(super) fn grow(&mut self, pages: u32) {
        self.free += pages.saturating_sub(self.pages);
        self.pages = self.pages.max(pages);
        self.used.resize(self.pages.div_ceil(64) as usize, 0);
    }

    fn is_used(&self, page: u32) -> bool {
        self.used.get((page / 64) as usize).is_some_and(|bits| bits >> (page % 64) & 1 == 1)
    }

    /// Marks a page as used; false when it is no page of the tree or is used already.
    pub(super) fn take(&mut self, page: u32) -> bool {
        if page < FIRST_PAGE || page >= self.pages || self.is_used(page) {
            return false;
        }
        self.used[(page / 64) as usize] |= 1 << (page % 64);
        self.free -= 1;
        true
    }

    /// Takes some free page.
    pub(super) fn take_any(&mut self) -> Option<u32> {
        let (before, after) = (FIRST_PAGE..self.next, self.next..self.pages);
        let page = after.chain(before).find(|page| !self.is_used(*page))?;
        self.next = page + 1;
        self.take(page).then_some(page)
    }

    /// The page that was taken last cannot be written. Free ones before it were written at some time, so even a sparse
    /// image on a full file system has room for them: they come first now. Where that does not help, the one after it is
    /// next.
    pub(super) fn turn_back(&mut self) {
        let before = (FIRST_PAGE..self.next).any(|page| !self.is_used(page));
        if before && !core::mem::replace(&mut self.turned_back, true) {
            self.next = FIRST_PAGE;
        }
    }

    /// All pages that were taken could be written.
    pub(super) const fn go_on(&mut self) {
        self.turned_back = false;
    }

    /// Gives a used page back.
    pub(super) fn give_back(&mut self, page: u32) {
        if self.is_used(page) {
            self.used[(page / 64) as usize] &= !(1 << (page % 64));
            self.free += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_given_once_and_again_after_it_came_back() {
        let mut space = Space::new(FIRST_PAGE + 3);
        let taken: Vec<_> = core::iter::from_fn(|| space.take_any()).collect();
        assert_eq!(taken, [FIRST_PAGE, FIRST_PAGE + 1, FIRST_PAGE + 2]);
        space.give_back(FIRST_PAGE + 1);
        assert_eq!(space.take_any(), Some(FIRST_PAGE + 1));
        assert_eq!(space.free(), 0);
    }

    #[test]
    fn a_page_outside_the_tree_cannot_be_taken() {
        let mut space = Space::new(FIRST_PAGE + 3);
        assert!(!space.take(FIRST_PAGE - 1) && !space.take(FIRST_PAGE + 3));
        assert!(space.take(FIRST_PAGE) && !space.take(FIRST_PAGE));
    }
}
