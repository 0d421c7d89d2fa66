//! What the manager's store costs with 10, 20,000 and 50,000 vTPMs, on a file.
//!
//! `cargo run --release -p vtpm-store --example measure_store [-- FOLDER]`

use domain_io::test_utils::FakeEntropy;
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tpm_wire::TpmVersion::Tpm20;
use vtpm_store::manager::{
    Accept, Change, Fields, Opening, PAGE_BYTES, Record, SealedSecret, Store,
};
use vtpm_store::{HashKey, Secret, Uuid};

const DISK_BYTES: u64 = 64 << 20;
const SAVES: u16 = 1000;
const GROUP: usize = 64;

/// A file as a disk, counting what is done to it.
struct FileDisk {
    file: File,
    written: usize,
    flushes: usize,
}

impl FileDisk {
    fn at(path: &Path) -> Self {
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        Self { file: options.expect("the file opens"), written: 0, flushes: 0 }
    }
}

impl BlockDevice for FileDisk {
    fn sectors(&self) -> u64 {
        DISK_BYTES / SECTOR_BYTES as u64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let offset = sector * SECTOR_BYTES as u64;
        self.file.read_exact_at(into, offset).map_err(|_| BlockError::Failed)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.written += from.len();
        let offset = sector * SECTOR_BYTES as u64;
        self.file.write_all_at(from, offset).map_err(|_| BlockError::Failed)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.flushes += 1;
        self.file.sync_data().map_err(|_| BlockError::Failed)
    }
}

fn uuid(number: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Uuid(bytes)
}

fn put(number: u64, generation: u64) -> Change {
    let mut record = Record::new(uuid(number), Tpm20);
    record.generation = generation;
    record.hash_key = Some(HashKey::new(&[1; 32], &Secret::new([2; 32])));
    record.image_hash = vec![3; 32];
    Change::Put(Box::new(record))
}

/// Resident memory of this process in KiB (`proc_pid_status(5)`, VmRSS).
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn fill(path: &Path, records: u64) {
    let _ = std::fs::remove_file(path);
    let disk = FileDisk::at(path);
    disk.file.set_len(DISK_BYTES).expect("the disk has room");
    let mut entropy = FakeEntropy::new(1);
    let sealed = SealedSecret { kind: 1, blob: vec![0; 700] };
    let fields = Fields::default();
    let mut store =
        Store::create(disk, &mut entropy, &Secret::new([7; 32]), &sealed, fields).expect("created");
    let numbers: Vec<_> = (0..records).collect();
    for group in numbers.chunks(1000) {
        let changes: Vec<_> = group.iter().map(|number| put(*number, 1)).collect();
        store.commit(&mut entropy, &changes, fields).expect("committed");
    }
}

/// Bytes, flushes and time for each of [`SAVES`] saves that are committed `group` at a time.
fn saves(store: &mut Store<FileDisk>, records: u64, group: usize) -> (usize, f64, Duration) {
    let mut entropy = FakeEntropy::new(2);
    let (written, flushes) = (store.disk().written, store.disk().flushes);
    let numbers: Vec<_> = (0..u64::from(SAVES)).map(|save| save * 7919 % records).collect();
    let start = Instant::now();
    for group in numbers.chunks(group) {
        let changes: Vec<_> = group.iter().map(|number| put(*number, 2)).collect();
        store.commit(&mut entropy, &changes, store.fields()).expect("committed");
    }
    let flushes = (store.disk().flushes - flushes) as f64 / f64::from(SAVES);
    let written = (store.disk().written - written) / usize::from(SAVES);
    (written, flushes, start.elapsed() / u32::from(SAVES))
}

fn open(path: &Path) -> Store<FileDisk> {
    let opening = Opening::read(FileDisk::at(path)).expect("a store");
    opening.unlock(&Secret::new([7; 32]), Accept::WholeStore).expect("the store opens").0
}

/// Opens the store in this fresh process: says how long it took and how much memory it holds.
fn report_opening(path: &Path) {
    let (before, start) = (resident_kib(), Instant::now());
    let store = open(path);
    let took = start.elapsed();
    let text = format!("{took:.1?}");
    print!("{text:>8} {:>9}", resident_kib() - before);
    drop(store);
}

fn open_in_a_fresh_process(path: &Path) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).arg("--opening").arg(path).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [word, path] = &arguments[..]
        && word == "--opening"
    {
        return report_opening(Path::new(path));
    }
    let folder = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("vtpm-store-{}.img", std::process::id()));
    println!("each save: bytes, flushes, time; alone, and {GROUP} in a commit");
    println!("{:>7} {:>9} {:>8} {:>9}", "vTPMs", "disk KiB", "open", "RAM KiB");
    for records in [10, 20_000, 50_000] {
        fill(&path, records);
        let opening = open_in_a_fresh_process(&path);
        let mut store = open(&path);
        let used = (DISK_BYTES / PAGE_BYTES as u64 - u64::from(store.free_pages())) * 4;
        let single = saves(&mut store, records, 1);
        let grouped = saves(&mut store, records, GROUP);
        println!("{records:>7} {used:>9} {opening}  {single:.1?}  {grouped:.3?}");
    }
    let _ = std::fs::remove_file(&path);
}
