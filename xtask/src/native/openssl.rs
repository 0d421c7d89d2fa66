//! `libcrypto.a`: OpenSSL from the `openssl-src` crate, with nothing in it that libtpms does not
//! call.

use super::install;
use super::manifest::{Crypto, sha256_of, sha256_of_text};
use crate::steps;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// The release that `Cargo.toml` pins: crate version, OpenSSL version.
const RELEASE: &str = "openssl-src 300.5.5, OpenSSL 3.5.5";

/// No programs, documents, tests, loadable parts, threads, files, sockets or terminals: a stub
/// domain has none.
const NO_SYSTEM: &str = "no-shared no-module no-tests no-apps no-docs no-engine no-dso no-threads \
    no-thread-pool no-async no-sock no-dgram no-ui-console no-posix-io no-stdio no-filenames \
    no-autoload-config no-autoerrinit no-atexit no-secure-memory no-uplink no-egd no-afalgeng \
    no-ktls no-capieng no-padlockeng no-zlib no-comp no-pic no-makedepend";

/// No protocols.
const NO_PROTOCOLS: &str = "no-quic no-tls no-dtls no-ssl no-cms no-cmp no-ct no-ts no-ocsp no-srp \
    no-srtp no-nextprotoneg no-psk no-http no-rfc3779";

/// No algorithm that neither TPM version has.
const NO_ALGORITHMS: &str = "no-legacy no-dh no-dsa no-ec2m no-ecx no-sm2 no-sm3 no-sm4 no-aria \
    no-bf no-blake2 no-cast no-chacha no-poly1305 no-idea no-md4 no-mdc2 no-ml-dsa no-ml-kem \
    no-slh-dsa no-multiblock no-ocb no-rc2 no-rc4 no-rmd160 no-scrypt no-seed no-siphash no-siv \
    no-whirlpool no-argon2 no-gost";

/// One source of randomness, which fails when it fails; small; every function droppable; safe
/// where an event may be delivered on the running stack (no red zone); canaries on.
const HOW: &str = "--with-rand-seed=getrandom -Os -fPIE -ffunction-sections -fdata-sections \
    -mno-red-zone -fstack-protector-strong";

/// What OpenSSL's scripts write without the instructions that this machine's assembler knows, and why.
///
/// AES in Galois mode is no TPM's, and OpenSSL has no option against it. Unrolled for AVX-512 it would be a
/// fifth of an image; where the assembler is older than AVX-512, its script writes an empty one instead.
const PLAIN: &str = "crypto/modes/aes-gcm-avx512.s";

/// Says of itself what OpenSSL's scripts ask the compiler for: the version of an old assembler.
const OLD_ASSEMBLER: &str = "CC=echo GNU assembler version 2.26";

/// Builds the archive unless the one there has the same release and options.
///
/// # Errors
/// When perl, make or the compiler fail.
pub(super) fn build(folder: &Path) -> Result<Crypto> {
    let configure = [NO_SYSTEM, NO_PROTOCOLS, NO_ALGORITHMS, HOW].join(" ");
    let options = format!("{configure} (plain: {PLAIN})");
    let key = sha256_of_text(&format!("{RELEASE} {options}"));
    let archive = folder.join("libcrypto.a");
    let mark = folder.join("libcrypto.key");
    if !archive.is_file()
        || fs::read_to_string(&mark).is_ok_and(|old| old != key)
        || !mark.is_file()
    {
        compile(&folder.join(format!("openssl-{}", &key[..12])), &archive, &configure)?;
        fs::write(&mark, &key).with_context(|| format!("cannot write {}", mark.display()))?;
    }
    Ok(Crypto { release: RELEASE, sha256: sha256_of(&archive)?, options })
}

/// Always from an empty folder: without dependency tracking, a second Configure would leave stale
/// objects in the archive.
fn compile(work: &Path, archive: &Path, options: &str) -> Result<()> {
    eprintln!("compiling {RELEASE} (a minute or two, once)");
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("cannot clear {}", work.display()))?;
    }
    fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
    let configure = openssl_src::source_dir().join("Configure");
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let log = work.with_extension("log");
    let step = |command: &mut Command| logged(command, work, &log);
    step(Command::new("perl").arg(configure).arg("linux-x86_64").args(options.split_whitespace()))?;
    step(Command::new("make").arg("build_generated"))?;
    step(Command::new("make").args([OLD_ASSEMBLER, PLAIN]))?;
    step(Command::new("make").arg(format!("-j{jobs}")).arg("libcrypto.a"))?;
    install(&work.join("libcrypto.a"), archive)?;
    fs::remove_dir_all(work).with_context(|| format!("cannot clear {}", work.display()))
}

/// Nothing from the environment reaches the compiler; what it says goes to a file, since OpenSSL's
/// build says a lot when all is well.
fn logged(command: &mut Command, work: &Path, log: &Path) -> Result<()> {
    let file = File::options().create(true).append(true).open(log);
    let file = file.with_context(|| format!("cannot write {}", log.display()))?;
    for name in ["CFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "MFLAGS", "OPENSSL_LOCAL_CONFIG_DIR"]
    {
        command.env_remove(name);
    }
    // OpenSSL writes its build time into the archive: the same inputs shall give the same bytes
    command.env("SOURCE_DATE_EPOCH", "0");
    command.current_dir(work).stdout(file.try_clone()?).stderr(file);
    steps::run(command).with_context(|| format!("see the end of {}", log.display()))
}
