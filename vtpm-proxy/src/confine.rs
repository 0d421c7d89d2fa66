//! Least privilege: what serving does not need is given up before the first command.

use anyhow::{Context, Result};
use caps::CapSet;
use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus,
};
use libc::{c_int, c_long};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// The system calls of a thread that serves: packets and signals in and out, the state's file
/// replaced, memory, time and random bytes. No sockets, no processes, no devices to be made.
const SERVING: [c_long; 52] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // how a signal's handler wakes the loop, over a pair of sockets that exists by then
    libc::SYS_sendto,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_restart_syscall,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_lseek,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_fcntl,
    libc::SYS_ftruncate,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_time,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The commands of `fcntl` that a thread needs. By others (`F_SETOWN`, `F_SETSIG`) the kernel sends any signal to any
/// process of the same user.
const DESCRIPTORS: [c_int; 5] =
    [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC];

/// From now on a fault, or a call that is not allowed, leaves no image of this process's memory: keys
/// and states are in it.
///
/// The limit is one byte, which is too little for a file. Only exactly that keeps the kernel from handing the
/// image to a program as well, where one takes them (Linux fs/coredump.c, do_coredump).
///
/// # Errors
/// When the kernel refuses.
pub fn leave_no_core() -> Result<()> {
    let limit = |bytes| setrlimit(Resource::Core, Rlimit { current: bytes, maximum: bytes });
    // Whoever was started with 0 may not raise it.
    limit(Some(1)).or_else(|_| limit(Some(0))).context("cannot give up core files")
}

/// From now on no process of the same user opens this one's memory, such as the server of another TPM that was taken
/// over. Landlock keeps servers from each other's by itself.
///
/// # Errors
/// When the kernel refuses.
pub fn close_memory() -> Result<()> {
    let none = DumpableBehavior::NotDumpable;
    set_dumpable_behavior(none).context("cannot close its memory to others")
}

/// Gives up every capability of this thread, for good.
///
/// # Errors
/// When the kernel refuses.
pub fn drop_capabilities() -> Result<()> {
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).with_context(|| format!("cannot give up capabilities ({set:?})"))?;
    }
    Ok(())
}

/// Whether files can be made in a folder by this user once its capabilities are given up. Where the file system has no
/// files without names there is no telling, and the answer is yes.
///
/// # Errors
/// When capabilities cannot be laid aside for the look, or taken up again.
pub fn stays_writable(folder: &File) -> Result<bool> {
    let had = caps::read(None, CapSet::Effective).context("cannot read capabilities")?;
    caps::clear(None, CapSet::Effective).context("cannot lay capabilities aside")?;
    let how = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let made = openat(folder, ".", how, Mode::RUSR | Mode::WUSR);
    caps::set(None, CapSet::Effective, &had).context("cannot take up capabilities again")?;
    Ok(!matches!(made, Err(Errno::ACCESS)))
}

/// What may be done in a folder from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Its files read, made, replaced and removed.
    Replaced,
    /// Its files removed.
    Removed,
    /// Its files read.
    Read,
    /// Links in it made and removed.
    Linked,
}

/// Gives up every file and folder but those below these, for this thread. What is open stays open.
/// `false` where the kernel has no Landlock: then no file was given up, and this process's memory was closed to others.
///
/// # Errors
/// When the kernel has it and refuses.
pub fn restrict_files(folders: &[(&Path, Files)]) -> Result<bool> {
    let replaced = AccessFs::ReadFile
        | AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Truncate;
    let restricted = || -> Result<RulesetStatus> {
        let mut rules = Ruleset::default().handle_access(AccessFs::from_all(ABI::V3))?.create()?;
        for (folder, files) in folders {
            let allowed = match files {
                Files::Replaced => replaced,
                Files::Removed => AccessFs::RemoveFile.into(),
                Files::Read => AccessFs::ReadFile.into(),
                Files::Linked => AccessFs::MakeSym | AccessFs::RemoveFile,
            };
            rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, allowed))?;
        }
        Ok(rules.restrict_self()?.ruleset)
    };
    let status = restricted().context("cannot give up files")?;
    if status == RulesetStatus::NotEnforced {
        close_memory()?;
        return Ok(false);
    }
    Ok(true)
}

/// What a thread does from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Serves the device until the end.
    Serving,
    /// Tells systemd of it and gives it a second name, once.
    Announcing,
}

impl Task {
    fn rules(self) -> Result<BTreeMap<i64, Vec<SeccompRule>>> {
        let mut rules: BTreeMap<_, _> = SERVING.iter().map(|call| (*call, Vec::new())).collect();
        // An abort signals its own thread; nobody else's.
        rules.insert(libc::SYS_tgkill, vec![argument(0, std::process::id())?]);
        let commands = DESCRIPTORS.iter().map(|command| argument(1, command.cast_unsigned()));
        rules.insert(libc::SYS_fcntl, commands.collect::<Result<_>>()?);
        if self == Self::Announcing {
            rules.insert(libc::SYS_symlink, Vec::new());
            rules.insert(libc::SYS_symlinkat, Vec::new());
        }
        Ok(rules)
    }
}

/// A call whose argument of this number has this value.
fn argument(number: u8, value: u32) -> Result<SeccompRule> {
    let (length, is) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    let condition = SeccompCondition::new(number, length, is, value.into())?;
    Ok(SeccompRule::new(vec![condition])?)
}

/// Gives up every system call of this thread but those of its task; another one ends the process.
///
/// # Errors
/// When the kernel cannot filter.
pub fn filter_calls(task: Task) -> Result<()> {
    let arch = std::env::consts::ARCH.try_into().context("system calls cannot be filtered here")?;
    let (other, ours) = (SeccompAction::KillProcess, SeccompAction::Allow);
    let program: BpfProgram = SeccompFilter::new(task.rules()?, other, ours, arch)?.try_into()?;
    seccompiler::apply_filter(&program).context("cannot filter system calls")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/confinement.rs` shows what else ends a process; there is no harmless way to signal another one's thread.
    #[test]
    fn a_thread_signals_no_process_but_its_own() {
        let own = argument(0, std::process::id()).unwrap();
        for task in [Task::Serving, Task::Announcing] {
            let rules = task.rules().unwrap();
            assert_eq!(rules[&libc::SYS_tgkill], std::slice::from_ref(&own));
            for call in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_rt_sigqueueinfo] {
                assert!(!rules.contains_key(&call), "{call}");
            }
            assert_eq!(rules[&libc::SYS_fcntl].len(), DESCRIPTORS.len());
        }
    }
}
