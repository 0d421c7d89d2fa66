//! The structures that pass between libxl and this crate, as its headers declare them. The same in
//! every release of [`crate::XenRelease`]; proved in `proof`.

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

/// A structure of C that is only ever pointed to.
macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[repr(C)]
        pub(crate) struct $name {
            _bytes: [u8; 0],
            // Neither Send nor Sync nor Unpin: nothing is known about it.
            _unknown: PhantomData<(*mut u8, PhantomPinned)>,
        })*
    };
}

opaque! {
    /// `libxl_ctx` (libxl.h).
    Ctx;
    /// `struct xentoollog_logger` (xentoollog.h).
    Logger;
    /// `xentoollog_logger_stdiostream` (xentoollog.h); begins with a [`Logger`].
    StdioLogger;
    /// `libxl_asyncop_how` (libxl.h); always passed as null: the call waits.
    AsyncHow;
    /// `libxl_asyncprogress_how` (libxl.h); always passed as null.
    ProgressHow;
    /// `libxl_evgen_domain_death` (libxl_event.h).
    DeathWatch;
    /// `libxl_event_predicate` (libxl_event.h); always passed as null.
    Predicate;
    /// `libxl_domain_config` (_libxl_types.h), the one structure that differs between releases.
    RawConfig;
    /// `XLU_Config` (libxlutil.h).
    XluConfig;
    /// `XLU_ConfigList` (libxlutil.h).
    XluList;
}

/// `libxl_uuid` (libxl_uuid.h).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Uuid(pub(crate) [u8; 16]);

/// `libxl_device_vtpm` (_libxl_types.h).
#[repr(C)]
pub(crate) struct DeviceVtpm {
    pub(crate) backend_domid: u32,
    pub(crate) backend_domname: *mut c_char,
    pub(crate) devid: c_int,
    pub(crate) uuid: Uuid,
}

/// `libxl_vtpminfo` (_libxl_types.h).
#[repr(C)]
pub(crate) struct VtpmInfo {
    pub(crate) backend: *mut c_char,
    pub(crate) backend_id: u32,
    pub(crate) frontend: *mut c_char,
    pub(crate) frontend_id: u32,
    pub(crate) devid: c_int,
    pub(crate) state: c_int,
    pub(crate) evtch: c_int,
    pub(crate) rref: c_int,
    pub(crate) uuid: Uuid,
}

/// `libxl_dominfo` (_libxl_types.h). C's `bool` is a byte that holds 0 or 1; read as a number, so
/// that another value would be no undefined behaviour.
#[repr(C)]
pub(crate) struct DomInfo {
    pub(crate) uuid: Uuid,
    pub(crate) domid: u32,
    pub(crate) ssidref: u32,
    pub(crate) ssid_label: *mut c_char,
    pub(crate) running: u8,
    pub(crate) blocked: u8,
    pub(crate) paused: u8,
    pub(crate) shutdown: u8,
    pub(crate) dying: u8,
    pub(crate) never_stop: u8,
    pub(crate) shutdown_reason: c_int,
    pub(crate) outstanding_memkb: u64,
    pub(crate) current_memkb: u64,
    pub(crate) shared_memkb: u64,
    pub(crate) paged_memkb: u64,
    pub(crate) max_memkb: u64,
    pub(crate) cpu_time: u64,
    pub(crate) vcpu_max_id: u32,
    pub(crate) vcpu_online: u32,
    pub(crate) cpupool: u32,
    pub(crate) gpaddr_bits: u8,
    pub(crate) domain_type: c_int,
}

/// `libxl_event` (_libxl_types.h) up to its union, which is not read.
#[repr(C)]
pub(crate) struct Event {
    pub(crate) link: [*mut c_void; 2],
    pub(crate) domid: u32,
    pub(crate) domuuid: Uuid,
    pub(crate) for_user: u64,
    pub(crate) kind: c_int,
}

/// `libxl_version_info` (_libxl_types.h).
#[repr(C)]
pub(crate) struct VersionInfo {
    pub(crate) xen_version_major: c_int,
    pub(crate) xen_version_minor: c_int,
    pub(crate) xen_version_extra: *mut c_char,
    pub(crate) compiler: *mut c_char,
    pub(crate) compile_by: *mut c_char,
    pub(crate) compile_domain: *mut c_char,
    pub(crate) compile_date: *mut c_char,
    pub(crate) capabilities: *mut c_char,
    pub(crate) changeset: *mut c_char,
    pub(crate) virt_start: u64,
    pub(crate) pagesize: c_int,
    pub(crate) commandline: *mut c_char,
    pub(crate) build_id: *mut c_char,
}

/// `libxl_physinfo` (_libxl_types.h) up to what is read of it; see [`crate::abilities::WORDS`].
#[repr(C)]
pub(crate) struct PhysInfo {
    pub(crate) cpus: [u32; 5],
    pub(crate) total_pages: u64,
    pub(crate) other_pages: [u64; 6],
    pub(crate) nr_nodes: u32,
    pub(crate) hw_cap: [u32; 8],
    pub(crate) cap_hvm: u8,
    pub(crate) cap_pv: u8,
    pub(crate) cap_hvm_directio: u8,
    pub(crate) cap_hap: u8,
}

/// `libxl_childproc_hooks` (libxl_event.h). The two hooks are never set.
#[repr(C)]
pub(crate) struct ChildHooks {
    pub(crate) owner: c_int,
    pub(crate) fork_replacement: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    pub(crate) reaped_callback: Option<unsafe extern "C" fn(c_int, c_int, *mut c_void) -> c_int>,
}

/// `LIBXL_VERSION` (libxl.h): 0 in every release so far.
pub(crate) const LIBXL_VERSION: c_int = 0;
/// `XTL_WARN` (xentoollog.h).
pub(crate) const XTL_WARN: u32 = 7;
/// `ERROR_NOT_READY` (_libxl_types.h).
pub(crate) const ERROR_NOT_READY: c_int = -11;
/// `ERROR_BUFFERFULL` (_libxl_types.h).
pub(crate) const ERROR_BUFFERFULL: c_int = -13;
/// `ERROR_DOMAIN_NOTFOUND` (_libxl_types.h).
pub(crate) const ERROR_DOMAIN_NOTFOUND: c_int = -21;
/// `ERROR_INVAL` (_libxl_types.h).
pub(crate) const ERROR_INVAL: c_int = -6;
/// `ERROR_TIMEDOUT` (_libxl_types.h).
pub(crate) const ERROR_TIMEDOUT: c_int = -9;
/// `LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN` (_libxl_types.h).
pub(crate) const EVENT_SHUTDOWN: c_int = 1;
/// `LIBXL_EVENT_TYPE_DOMAIN_DEATH` (_libxl_types.h).
pub(crate) const EVENT_DEATH: c_int = 2;
/// `libxl_sigchld_owner_libxl_always_selective_reap` (libxl_event.h).
pub(crate) const SELECTIVE_REAP: c_int = 3;
/// `INVALID_DOMID` (libxl.h), which is `~0` there.
pub(crate) const INVALID_DOMID: u32 = u32::MAX;
