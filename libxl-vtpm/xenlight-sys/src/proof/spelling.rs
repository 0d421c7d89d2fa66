//! How a type of this crate is spelled in C.

use crate::layout::{
    AsyncHow, ChildHooks, Ctx, DeathWatch, DeviceVtpm, DomInfo, Event, Logger, PhysInfo, Predicate,
    ProgressHow, RawConfig, StdioLogger, VersionInfo, VtpmInfo, XluConfig, XluList,
};
use std::ffi::c_void;

/// A type with a name in C.
pub(crate) trait InC {
    fn in_c() -> String;
}

macro_rules! spelled {
    ($($rust:ty => $c:literal,)*) => {
        $(impl InC for $rust { fn in_c() -> String { $c.into() } })*
    };
}

// c_int is i32, c_uint is u32 and c_long is i64 on every machine that Xen's toolstack runs on here;
// int64_t is long there, uint32_t is unsigned int, and the compiler would say if not.
spelled! {
    () => "void",
    c_void => "void",
    i8 => "char",
    i32 => "int",
    u32 => "uint32_t",
    i64 => "long",
    u64 => "uint64_t",
    libc::FILE => "FILE",
    libc::pollfd => "struct pollfd",
    libc::timeval => "struct timeval",
    Ctx => "libxl_ctx",
    Logger => "xentoollog_logger",
    StdioLogger => "xentoollog_logger_stdiostream",
    AsyncHow => "libxl_asyncop_how",
    ProgressHow => "libxl_asyncprogress_how",
    Predicate => "libxl_event_predicate",
    DeathWatch => "libxl_evgen_domain_death",
    RawConfig => "libxl_domain_config",
    XluConfig => "XLU_Config",
    XluList => "XLU_ConfigList",
    DeviceVtpm => "libxl_device_vtpm",
    VtpmInfo => "libxl_vtpminfo",
    DomInfo => "libxl_dominfo",
    Event => "libxl_event",
    VersionInfo => "libxl_version_info",
    ChildHooks => "libxl_childproc_hooks",
    PhysInfo => "libxl_physinfo",
}

impl<T: InC> InC for *mut T {
    fn in_c() -> String {
        format!("{} *", T::in_c())
    }
}

// `T const *` rather than `const T *`: it stays right when T is itself a pointer.
impl<T: InC> InC for *const T {
    fn in_c() -> String {
        format!("{} const *", T::in_c())
    }
}

macro_rules! functions {
    ($(($($argument:ident)*))*) => {
        $(impl<$($argument: InC,)* Answer: InC> InC for fn($($argument),*) -> Answer {
            fn in_c() -> String {
                let arguments: Vec<String> = vec![$($argument::in_c()),*];
                format!("{} ({})", Answer::in_c(), arguments.join(", "))
            }
        })*
    };
}

functions! { (A) (A B) (A B C) (A B C D) (A B C D E) }

#[test]
fn a_signature_is_spelled_as_c_writes_it() {
    type Add = fn(*mut Ctx, u32, *mut DeviceVtpm, *const AsyncHow) -> i32;
    assert_eq!(
        <Add as InC>::in_c(),
        "int (libxl_ctx *, uint32_t, libxl_device_vtpm *, libxl_asyncop_how const *)"
    );
    assert_eq!(<fn(*const *mut i8) -> () as InC>::in_c(), "void (char * const *)");
}
