//! vTPM devices: a guest's frontend, a vTPM domain's backend.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::UuidBytes;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::layout::{AsyncHow, Ctx, DeviceVtpm, Uuid, VtpmInfo};
use std::ffi::{CString, c_int};
use std::mem::MaybeUninit;
use std::ptr;

/// A device that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVtpm {
    /// Name or number of the domain that holds the TPM.
    pub backend: String,
    /// The vTPM's identity; libxl makes a random one of all zeros.
    pub uuid: UuidBytes,
}

/// A device that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vtpm {
    /// Its number within its guest.
    pub devid: i32,
    /// The number of the domain that holds the TPM.
    pub backend_domid: u32,
    /// Its identity, as the backend's directory says: the backend may change it there.
    pub uuid: UuidBytes,
}

/// What xenstore says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VtpmState {
    /// The backend's directory.
    pub backend: String,
    /// Number of the backend's domain.
    pub backend_domid: u32,
    /// The frontend's state (Xen public/io/xenbus.h); -1 when it cannot be read.
    pub state: i32,
    /// The event channel; -1 when there is none yet.
    pub event_channel: i32,
    /// The page's grant reference; -1 when there is none yet.
    pub ring_ref: i32,
    /// The device's identity, as libxl wrote it when it made the device.
    pub uuid: UuidBytes,
}

type Change = unsafe extern "C" fn(*mut Ctx, u32, *mut DeviceVtpm, *const AsyncHow) -> c_int;

/// A `libxl_device_vtpm` that is disposed of.
struct Device<'c> {
    context: &'c Context,
    raw: DeviceVtpm,
}

impl<'c> Device<'c> {
    fn new(context: &'c Context) -> Self {
        let mut raw = MaybeUninit::<DeviceVtpm>::uninit();
        // SAFETY: init fills the whole structure.
        let raw = unsafe {
            (context.library.xl.libxl_device_vtpm_init)(raw.as_mut_ptr());
            raw.assume_init()
        };
        Self { context, raw }
    }

    fn change(&mut self, call: &'static str, change: Change, domid: u32) -> Result<(), Error> {
        // SAFETY: the device was initialised; without an asyncop_how the call is over when it
        // returns.
        let code = unsafe { change(self.context.ctx, domid, &raw mut self.raw, ptr::null()) };
        self.context.checked(call, code).map(drop)
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // SAFETY: initialised; the name in it, if any, came from malloc.
        unsafe { (self.context.library.xl.libxl_device_vtpm_dispose)(&raw mut self.raw) }
    }
}

impl Context {
    /// Gives a guest a vTPM; the device's number. Waits until the backend is there, for ten seconds
    /// at most; after a time-out the device's nodes are still in xenstore.
    ///
    /// # Errors
    /// As libxl says.
    pub fn add_vtpm(&self, guest: u32, new: &NewVtpm) -> Result<i32, Error> {
        let call = "libxl_device_vtpm_add";
        let backend = CString::new(new.backend.as_str()).map_err(|_| Error {
            call,
            code: Code::INVALID,
            said: "the backend's name holds a zero byte".into(),
        })?;
        let mut device = Device::new(self);
        // SAFETY: strdup copies by malloc, and dispose frees it.
        device.raw.backend_domname = unsafe { libc::strdup(backend.as_ptr()) };
        device.raw.uuid = Uuid(new.uuid);
        device.change(call, self.library.xl.libxl_device_vtpm_add, guest)?;
        Ok(device.raw.devid)
    }

    /// Takes a vTPM from a guest in an orderly way; by force after libxl's ten seconds.
    ///
    /// # Errors
    /// As libxl says.
    pub fn remove_vtpm(&self, guest: u32, vtpm: &Vtpm) -> Result<(), Error> {
        let remove = self.library.xl.libxl_device_vtpm_remove;
        self.device(vtpm).change("libxl_device_vtpm_remove", remove, guest)
    }

    /// Takes a vTPM from a guest at once, whatever either end does.
    ///
    /// # Errors
    /// As libxl says.
    pub fn destroy_vtpm(&self, guest: u32, vtpm: &Vtpm) -> Result<(), Error> {
        let destroy = self.library.xl.libxl_device_vtpm_destroy;
        self.device(vtpm).change("libxl_device_vtpm_destroy", destroy, guest)
    }

    fn device(&self, vtpm: &Vtpm) -> Device<'_> {
        let mut device = Device::new(self);
        device.raw.devid = vtpm.devid;
        device.raw.backend_domid = vtpm.backend_domid;
        device.raw.uuid = Uuid(vtpm.uuid);
        device
    }

    /// A guest's vTPMs; none for a domain that does not exist.
    #[must_use]
    pub fn vtpms(&self, guest: u32) -> Vec<Vtpm> {
        let mut count = 0;
        let xl = &self.library.xl;
        // SAFETY: the answer is an array of `count`, the caller's to free; null when there is none.
        unsafe {
            let list = (xl.libxl_device_vtpm_list)(self.ctx, guest, &raw mut count);
            if list.is_null() {
                return Vec::new();
            }
            let length = usize::try_from(count).unwrap_or(0);
            let raw = std::slice::from_raw_parts(list, length).iter();
            let vtpms = raw.map(|vtpm| Vtpm {
                devid: vtpm.devid,
                backend_domid: vtpm.backend_domid,
                uuid: vtpm.uuid.0,
            });
            let vtpms = vtpms.collect();
            (xl.libxl_device_vtpm_list_free)(list, count);
            vtpms
        }
    }

    /// What xenstore says of a guest's vTPM.
    ///
    /// # Errors
    /// As libxl says; the device is gone, for one.
    pub fn vtpm_state(&self, guest: u32, vtpm: &Vtpm) -> Result<VtpmState, Error> {
        let device = self.device(vtpm);
        let mut raw = MaybeUninit::<VtpmInfo>::uninit();
        let xl = &self.library.xl;
        // SAFETY: init fills the whole structure; dispose frees what getinfo put into it.
        let (code, state) = unsafe {
            (xl.libxl_vtpminfo_init)(raw.as_mut_ptr());
            let code = (xl.libxl_device_vtpm_getinfo)(
                self.ctx,
                guest,
                &raw const device.raw,
                raw.as_mut_ptr(),
            );
            let state = state_of(raw.assume_init_ref());
            (xl.libxl_vtpminfo_dispose)(raw.as_mut_ptr());
            (code, state)
        };
        self.checked("libxl_device_vtpm_getinfo", code).map(|_| state)
    }
}

/// # Safety
/// The strings in it end with a zero, or are null.
unsafe fn state_of(raw: &VtpmInfo) -> VtpmState {
    let backend = if raw.backend.is_null() {
        String::new()
    } else {
        // SAFETY: by this function's own condition.
        unsafe { std::ffi::CStr::from_ptr(raw.backend) }.to_string_lossy().into_owned()
    };
    VtpmState {
        backend,
        backend_domid: raw.backend_id,
        state: raw.state,
        event_channel: raw.evtch,
        ring_ref: raw.rref,
        uuid: raw.uuid.0,
    }
}
