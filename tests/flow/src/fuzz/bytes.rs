//! Decisions out of bytes: an input that is used up gives zeros.

/// What is left of an input.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(super) fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(super) fn long(&mut self) -> u32 {
        u32::from(self.word()) | (u32::from(self.word()) << 16)
    }

    /// The next `count` bytes, or as many as are left.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Puts the length into a packet's size field, so that it gets past the first check.
pub(super) fn with_size(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let size = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(field) = packet.get_mut(2..6) {
        field.copy_from_slice(&size);
    }
    packet
}
