//! What the libraries themselves do, each release's under a loader and a C library of its own.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::config::DomainConfig;
use crate::guest_file::{GuestFile, Setting};
use crate::layout::DeviceVtpm;
use crate::library::Library;
use crate::release::XenRelease;
use peers::{XenTree, unless_missing};
use std::mem::MaybeUninit;

/// Set in the process that has a release's libraries.
const RELEASE: &str = "XENLIGHT_SYS_RELEASE";

/// Runs the calling test again in a process per release, with that release's libraries.
fn in_every_release(test: &str, body: impl Fn(&'static Library)) {
    if let Ok(numbers) = std::env::var(RELEASE) {
        let release = XenRelease::ALL.into_iter().find(|known| known.numbers() == numbers);
        body(Library::of(release.unwrap()).unwrap());
        return;
    }
    for release in XenRelease::ALL {
        let Some(tree) = unless_missing(XenTree::of(release.numbers())) else { continue };
        let mut again = tree.command(&std::env::current_exe().unwrap());
        let name = format!("proof::loaded::{test}");
        again.args(["--exact", &name, "--nocapture"]).env(RELEASE, release.numbers());
        let done = again.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        let complained = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "with Xen {}: {said}{complained}", tree.release);
        assert!(said.contains("1 passed"), "nothing ran with Xen {}: {said}", tree.release);
    }
}

#[test]
fn every_call_is_there_and_a_device_begins_as_the_headers_say() {
    in_every_release("every_call_is_there_and_a_device_begins_as_the_headers_say", |library| {
        let mut device = MaybeUninit::<DeviceVtpm>::uninit();
        // SAFETY: init fills the structure.
        let mut device = unsafe {
            (library.xl.libxl_device_vtpm_init)(device.as_mut_ptr());
            device.assume_init()
        };
        assert_eq!((device.backend_domid, device.devid), (0, -1));
        assert!(device.backend_domname.is_null());
        // SAFETY: it was initialised.
        unsafe { (library.xl.libxl_device_vtpm_dispose)(&raw mut device) };
    });
}

/// The size of a `libxl_domain_config` in the headers of each release.
const CONFIG_BYTES: [usize; 2] = [1288, 1368];

#[test]
fn a_configuration_fills_its_own_size_of_the_buffer_and_nothing_behind_it() {
    let test = "a_configuration_fills_its_own_size_of_the_buffer_and_nothing_behind_it";
    in_every_release(test, |library| {
        const MARK: u64 = 0xa5a5_a5a5_a5a5_a5a5;
        let mut words = Box::new([MARK; DomainConfig::WORDS]);
        // SAFETY: the buffer is larger than the structure; that is what is shown.
        unsafe { (library.xl.libxl_domain_config_init)(words.as_mut_ptr().cast()) };
        let untouched = words.iter().rev().take_while(|word| **word == MARK).count();
        let size = CONFIG_BYTES[library.release() as usize];
        assert_eq!((DomainConfig::WORDS - untouched) * 8, size);
        // SAFETY: it was initialised. Disposing of it empties it and touches no more.
        unsafe { (library.xl.libxl_domain_config_dispose)(words.as_mut_ptr().cast()) };
        assert!(words[size / 8..].iter().all(|word| *word == MARK));
    });
}

#[test]
fn a_guest_file_is_read_with_its_quotes_comments_and_lists() {
    in_every_release("a_guest_file_is_read_with_its_quotes_comments_and_lists", |library| {
        let text = b"name='g'; memory=0x100 # c\nvtpm=[ \"backend=a\",\n 'backend=b' ]\n\
            vtpm += [ 'backend=c' ]\n";
        let file = GuestFile::parse(library, "g.cfg", text).unwrap();
        assert_eq!(file.get("name"), Some(Setting::Text("g".into())));
        assert_eq!(file.get("memory"), Some(Setting::Text("0x100".into())));
        assert_eq!(file.get("disk"), None);
        let items = ["backend=a", "backend=b", "backend=c"];
        let items = items.map(|item| Some(item.to_string())).to_vec();
        assert_eq!(file.get("vtpm"), Some(Setting::List(items)));
    });
}

#[test]
fn a_broken_guest_file_is_complained_about_with_its_name_and_line() {
    let test = "a_broken_guest_file_is_complained_about_with_its_name_and_line";
    in_every_release(test, |library| {
        let broken = GuestFile::parse(library, "g.cfg", b"name='g'\nvtpm=[ 'a'\nmemory=5\n");
        let Err(complaint) = broken else { panic!("it was read") };
        assert!(complaint.to_string().starts_with("g.cfg:3: "), "{complaint}");
    });
}
