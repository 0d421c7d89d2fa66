//! The calls, as tables of pointers. Their signatures are proved against the headers in `proof`,
//! which spells each of them in C from the types that stand here.

use crate::error::LoadError;
use crate::layout::{
    AsyncHow, ChildHooks, Ctx, DeathWatch, DeviceVtpm, DomInfo, Event, Logger, PhysInfo, Predicate,
    ProgressHow, RawConfig, StdioLogger, VersionInfo, VtpmInfo, XluConfig, XluList,
};
use libc::{FILE, pollfd, timeval};
use libloading::os::unix::Library;
use std::ffi::{c_char, c_int, c_uint, c_void};

macro_rules! calls {
    ($(#[$doc:meta])* $table:ident {
        $($name:ident($($argument:ty),*) $(-> $answer:ty)?;)*
    }) => {
        $(#[$doc])*
        pub(crate) struct $table {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl $table {
            /// Finds every call in a loaded library.
            #[allow(unsafe_code, reason = "a symbol has the type that its header says")]
            pub(crate) fn find(library: &Library) -> Result<Self, LoadError> {
                // SAFETY: the types are those of the library's headers, which `proof` shows for
                // each release; the library is never unloaded, so the pointers stay valid.
                unsafe {
                    Ok(Self {
                        $($name: *library
                            .get(concat!(stringify!($name), "\0").as_bytes())
                            .map_err(LoadError::Symbol)?,)*
                    })
                }
            }

            /// Each call's name, and its type in C.
            #[cfg(test)]
            pub(crate) fn in_c() -> Vec<(&'static str, String)> {
                use crate::proof::InC;
                vec![$((
                    stringify!($name),
                    <fn($($argument),*) $(-> $answer)? as InC>::in_c(),
                )),*]
            }
        }
    };
}

calls! {
    /// `libxenlight.so.4.N`: libxl.h, libxl_event.h, libxl_utils.h, _libxl_types.h.
    Xenlight {
        libxl_ctx_alloc(*mut *mut Ctx, c_int, c_uint, *mut Logger) -> c_int;
        libxl_ctx_free(*mut Ctx) -> c_int;
        libxl_childproc_setmode(*mut Ctx, *const ChildHooks, *mut c_void);
        libxl_get_version_info(*mut Ctx) -> *const VersionInfo;
        libxl_physinfo_init(*mut PhysInfo);
        libxl_physinfo_dispose(*mut PhysInfo);
        libxl_get_physinfo(*mut Ctx, *mut PhysInfo) -> c_int;
        libxl_list_domain(*mut Ctx, *mut c_int) -> *mut DomInfo;
        libxl_dominfo_list_free(*mut DomInfo, c_int);
        libxl_dominfo_init(*mut DomInfo);
        libxl_dominfo_dispose(*mut DomInfo);
        libxl_domain_info(*mut Ctx, *mut DomInfo, u32) -> c_int;
        libxl_domain_qualifier_to_domid(*mut Ctx, *const c_char, *mut u32) -> c_int;
        libxl_domid_to_name(*mut Ctx, u32) -> *mut c_char;
        libxl_domain_shutdown(*mut Ctx, u32, *const AsyncHow) -> c_int;
        libxl_domain_destroy(*mut Ctx, u32, *const AsyncHow) -> c_int;
        libxl_domain_unpause(*mut Ctx, u32, *const AsyncHow) -> c_int;
        libxl_domain_config_init(*mut RawConfig);
        libxl_domain_config_dispose(*mut RawConfig);
        libxl_domain_config_from_json(*mut Ctx, *mut RawConfig, *const c_char) -> c_int;
        libxl_domain_config_to_json(*mut Ctx, *mut RawConfig) -> *mut c_char;
        libxl_domain_create_new(
            *mut Ctx, *mut RawConfig, *mut u32, *const AsyncHow, *const ProgressHow
        ) -> c_int;
        libxl_domain_need_memory(*mut Ctx, *mut RawConfig, u32, *mut u64) -> c_int;
        libxl_get_free_memory(*mut Ctx, *mut u64) -> c_int;
        libxl_set_memory_target(*mut Ctx, u32, i64, c_int, c_int) -> c_int;
        libxl_wait_for_memory_target(*mut Ctx, u32, c_int) -> c_int;
        libxl_device_vtpm_init(*mut DeviceVtpm);
        libxl_device_vtpm_dispose(*mut DeviceVtpm);
        libxl_device_vtpm_add(*mut Ctx, u32, *mut DeviceVtpm, *const AsyncHow) -> c_int;
        libxl_device_vtpm_remove(*mut Ctx, u32, *mut DeviceVtpm, *const AsyncHow) -> c_int;
        libxl_device_vtpm_destroy(*mut Ctx, u32, *mut DeviceVtpm, *const AsyncHow) -> c_int;
        libxl_device_vtpm_list(*mut Ctx, u32, *mut c_int) -> *mut DeviceVtpm;
        libxl_device_vtpm_list_free(*mut DeviceVtpm, c_int);
        libxl_device_vtpm_getinfo(*mut Ctx, u32, *const DeviceVtpm, *mut VtpmInfo) -> c_int;
        libxl_vtpminfo_init(*mut VtpmInfo);
        libxl_vtpminfo_dispose(*mut VtpmInfo);
        libxl_evenable_domain_death(*mut Ctx, u32, u64, *mut *mut DeathWatch) -> c_int;
        libxl_evdisable_domain_death(*mut Ctx, *mut DeathWatch);
        libxl_event_check(*mut Ctx, *mut *mut Event, u64, *mut Predicate, *mut c_void) -> c_int;
        libxl_event_free(*mut Ctx, *mut Event);
        libxl_osevent_beforepoll(
            *mut Ctx, *mut c_int, *mut pollfd, *mut c_int, timeval
        ) -> c_int;
        libxl_osevent_afterpoll(*mut Ctx, c_int, *const pollfd, timeval);
    }
}

calls! {
    /// `libxlutil.so.4.N`: libxlutil.h.
    Xlutil {
        xlu_cfg_init(*mut FILE, *const c_char) -> *mut XluConfig;
        xlu_cfg_readdata(*mut XluConfig, *const c_char, c_int) -> c_int;
        xlu_cfg_destroy(*mut XluConfig);
        xlu_cfg_get_string(*const XluConfig, *const c_char, *mut *const c_char, c_int) -> c_int;
        xlu_cfg_get_list(
            *const XluConfig, *const c_char, *mut *mut XluList, *mut c_int, c_int
        ) -> c_int;
        xlu_cfg_get_listitem(*const XluList, c_int) -> *const c_char;
    }
}

calls! {
    /// `libxentoollog.so.1`: xentoollog.h.
    Xentoollog {
        xtl_createlogger_stdiostream(*mut FILE, u32, c_uint) -> *mut StdioLogger;
        xtl_logger_destroy(*mut Logger);
    }
}
