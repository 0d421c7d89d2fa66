//! What the tests of both formats share.
#![allow(dead_code, reason = "each test uses a part of it")]

use domain_io::SECTOR_BYTES;
use domain_io::test_utils::{FakeEntropy, TracedDisk};
use tpm_wire::TpmVersion;
use vtpm_store::manager::{
    Accept, Change, Fields, Opening, Record, RollbackMode, SealedSecret, StartNotes, Store,
    StoreError,
};
use vtpm_store::{HashKey, Secret, Uuid};

pub(crate) const KIB: usize = 1024;

/// The secret of every store in the tests.
pub(crate) fn secret() -> Secret {
    Secret::new([0x5a; 32])
}

pub(crate) fn sealed() -> SealedSecret {
    SealedSecret { kind: 7, blob: vec![0xb1; 700] }
}

pub(crate) fn blank(kib: usize) -> TracedDisk {
    TracedDisk::new(vec![0; kib * KIB])
}

/// A uuid that looks random and belongs to `number`.
pub(crate) fn uuid(number: u64) -> Uuid {
    let mut bytes = [0; 16];
    let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Uuid(bytes)
}

/// A record as a vTPM's has it after `generation` saves.
pub(crate) fn record(uuid: Uuid, generation: u64) -> Box<Record> {
    let mut record = Record::new(uuid, TpmVersion::Tpm20);
    let byte = u8::try_from(generation % 251).unwrap();
    record.generation = generation;
    record.hash_key = Some(HashKey::new(&[byte; 32], &Secret::new([!byte; 32])));
    record.image_hash = vec![0x33; 32];
    Box::new(record)
}

pub(crate) fn put(number: u64, generation: u64) -> Change {
    Change::Put(record(uuid(number), generation))
}

pub(crate) fn fields(counter: u64) -> Fields {
    Fields {
        counter,
        epoch: 3,
        hardware: Some(TpmVersion::Tpm20),
        mode: RollbackMode::Strict,
        ..Fields::default()
    }
}

pub(crate) fn create(disk: TracedDisk) -> Store<TracedDisk> {
    let mut entropy = FakeEntropy::new(1);
    Store::create(disk, &mut entropy, &secret(), &sealed(), fields(1)).unwrap()
}

pub(crate) fn open(disk: TracedDisk) -> Result<(Store<TracedDisk>, StartNotes), StoreError> {
    Opening::read(disk)?.unlock(&secret(), Accept::WholeStore)
}

/// The same disk with other contents.
pub(crate) fn with(disk: &TracedDisk, change: impl FnOnce(&mut Vec<u8>)) -> TracedDisk {
    let mut bytes = disk.bytes();
    change(&mut bytes);
    bytes.resize(bytes.len().next_multiple_of(SECTOR_BYTES), 0);
    TracedDisk::new(bytes)
}

/// A small reproducible stream of choices.
pub(crate) struct Choices(pub(crate) u64);

impl Choices {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of this many places; 0 when there is none.
    pub(crate) fn place(&mut self, places: usize) -> usize {
        usize::try_from(self.below(places.max(1) as u64)).unwrap()
    }
}
