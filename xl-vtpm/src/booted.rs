//! The image that a vTPM domain is started from, named to its manager for the vTPM's record
//! (docs/decisions/0296-the-image-that-runs-is-recorded.md). Nothing fails because it cannot be named.

use crate::known::Config;
use crate::nodes::Nodes;
use libxl_vtpm::plan::Problem;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The node, below a device's directory at its manager (docs/formats/xenstore-vtpm-nodes.md).
const NODE: &str = "image";

/// No image is this large: what is larger is something else.
const LARGEST: u64 = 256 << 20;

/// An image's file, as it was when libxl read it or before.
#[derive(Debug)]
pub(crate) struct Booted {
    path: PathBuf,
    was: Stamp,
}

/// What is another one after each change of a file, and of what file a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    /// When it was changed last: seconds and nanoseconds.
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        let (device, inode, length) = (found.dev(), found.ino(), found.len());
        Self { device, inode, length, changed: (found.ctime(), found.ctime_nsec()) }
    }
}

impl Booted {
    /// The image of a domain that is about to be made.
    pub(crate) fn by(json: &str) -> Result<Self, Problem> {
        let config: Result<Config, _> = serde_json::from_str(json);
        let config = config.map_err(|error| Problem(format!("xl printed no kernel: {error}")))?;
        Self::at(&config.b_info.kernel)
    }

    /// The image of a domain that somebody made at this time: what is older was read by libxl then.
    pub(crate) fn since(path: &Path, start: &str) -> Result<Self, Problem> {
        let begun = start.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok());
        let begun =
            begun.ok_or_else(|| Problem(format!("it began at \"{start}\", which is no time")))?;
        if !path.is_absolute() {
            return Err(Problem(format!("its kernel {} is no whole path", path.display())));
        }
        let this = Self::at(path)?;
        if this.was.changed.0 >= begun {
            let path = path.display();
            return Err(Problem(format!("{path} was changed after it had begun with it")));
        }
        Ok(this)
    }

    fn at(path: &Path) -> Result<Self, Problem> {
        let failed = |error: io::Error| Problem(format!("{}: {error}", path.display()));
        let found = fs::metadata(path).map_err(failed)?;
        if !found.is_file() || found.len() > LARGEST {
            return Err(Problem(format!("{} is no image", path.display())));
        }
        Ok(Self { path: path.to_owned(), was: Stamp::of(&found) })
    }

    /// What is said to the manager: the digest that sha256sum(1) prints, if the file is still what it was.
    fn digest(&self) -> Result<String, Problem> {
        let failed = |error: io::Error| Problem(format!("{}: {error}", self.path.display()));
        let mut file = File::open(&self.path).map_err(failed)?;
        let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
        // A file that grows ends here, and is another one.
        let mut left = self.was.length + 1;
        while left > 0 {
            let read = file.by_ref().take(left).read(&mut part).map_err(failed)?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            hash.update(part.get(..read).unwrap_or_default());
        }
        if Stamp::of(&file.metadata().map_err(failed)?) != self.was {
            return Err(Problem(format!("{} was changed meanwhile", self.path.display())));
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("sha256:{digits}"))
    }

    /// Names it at each manager that the domain has a device of.
    pub(crate) fn name_to_managers(&self, nodes: &Nodes, domid: u32) -> Result<(), Problem> {
        let folder = format!("/libxl/{domid}/device/vtpm");
        let devices = nodes.list(&folder)?;
        if devices.is_empty() {
            return Ok(());
        }
        let digest = self.digest()?;
        for device in devices {
            let path = nodes.read(&format!("{folder}/{device}/backend"))?;
            if let Some(path) = path.filter(|path| is_device_of(path, domid))
                && is_there(nodes, &path)?
            {
                nodes.write(&format!("{path}/{NODE}"), &digest)?;
            }
        }
        Ok(())
    }
}

/// Whether an image is named at this device, by its directory at its backend; `None` where there is no such device.
pub(crate) fn is_named(nodes: &Nodes, device: &str) -> Result<Option<bool>, Problem> {
    if !is_there(nodes, device)? {
        return Ok(None);
    }
    Ok(Some(nodes.read(&format!("{device}/{NODE}"))?.is_some()))
}

/// The device is still there: a node that was written too late would be all that is left of it.
fn is_there(nodes: &Nodes, device: &str) -> Result<bool, Problem> {
    Ok(nodes.read(&format!("{device}/frontend-id"))?.is_some())
}

/// Whether a path is the directory of a vTPM device of this domain at its backend.
fn is_device_of(path: &str, domid: u32) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    let ["", "local", "domain", backend, "backend", "vtpm", frontend, device] = parts[..] else {
        return false;
    };
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    is_number(backend) && is_number(device) && frontend.parse() == Ok(domid)
}

/// What is said when it cannot be named.
pub(crate) fn unnamed(why: &Problem) -> String {
    format!("the image that it runs is not recorded with its vTPM: {why}; its next start names it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_xenstored::{Tree, heard, is_client};
    use std::time::{Duration, SystemTime};

    fn config(kernel: &Path) -> String {
        let kernel = kernel.display();
        format!(r#"{{"c_info":{{"name":"v"}},"b_info":{{"kernel":"{kernel}","cmdline":"tpm2"}}}}"#)
    }

    #[test]
    fn an_image_is_named_by_what_sha256sum_prints_of_its_file() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("vtpm-stubdom.gz");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-4, example of SHA-256.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Booted::by(&config(&path)).unwrap().digest().unwrap(), abc);
        let large = vec![7; 200_000];
        fs::write(&path, &large).unwrap();
        let expected: String =
            Sha256::digest(&large).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = Booted::by(&config(&path)).unwrap().digest().unwrap();
        assert_eq!(digest, format!("sha256:{expected}"));
    }

    #[test]
    fn a_file_that_cannot_be_read_or_is_another_one_by_now_is_named_in_the_warning() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("vtpm-stubdom.gz");
        let why = unnamed(&Booted::by(&config(&path)).unwrap_err());
        assert!(why.contains("not recorded") && why.contains("vtpm-stubdom.gz: No such"), "{why}");
        let why = Booted::by(&config(here.path())).unwrap_err();
        assert!(why.0.ends_with(" is no image"), "{why}");
        assert!(Booted::by("{}").unwrap_err().0.starts_with("xl printed no kernel"));
        assert!(Booted::by("").is_err() && Booted::by(r#"{"b_info":{}}"#).is_err());

        fs::write(&path, "one").unwrap();
        let booted = Booted::by(&config(&path)).unwrap();
        fs::write(here.path().join("new"), "two").unwrap();
        fs::rename(here.path().join("new"), &path).unwrap();
        let why = booted.digest().unwrap_err();
        assert!(why.0.ends_with("vtpm-stubdom.gz was changed meanwhile"), "{why}");
        let booted = Booted::by(&config(&path)).unwrap();
        fs::write(&path, "two, and more than was there").unwrap();
        assert!(booted.digest().is_err());
        let booted = Booted::by(&config(&path)).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(booted.digest().unwrap_err().0.contains("No such file"));
    }

    #[test]
    fn of_a_domain_that_runs_already_only_what_is_older_is_its_image() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("vtpm-stubdom.gz");
        fs::write(&path, "abc").unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let at = |time: Duration| format!("{}.07", time.as_secs());
        let hour = Duration::from_secs(3600);
        assert!(Booted::since(&path, &at(now + hour)).unwrap().digest().is_ok());
        let why = Booted::since(&path, &at(now - hour)).unwrap_err();
        assert!(why.0.contains("was changed after it had begun"), "{why}");
        for no_time in ["", "now", ".5"] {
            assert!(Booted::since(&path, no_time).unwrap_err().0.contains("no time"));
        }
        let why = Booted::since(Path::new("vtpm-stubdom.gz"), &at(now)).unwrap_err();
        assert!(why.0.contains("no whole path"), "{why}");
    }

    #[test]
    fn it_is_named_at_each_device_that_is_there_and_at_no_other() {
        if let Some(image) = is_client() {
            let nodes = Nodes::open().unwrap();
            let booted = Booted::by(&config(Path::new(&image))).unwrap();
            booted.name_to_managers(&nodes, 7).unwrap();
            let named = |manager: u32, frontend: u32| {
                let device = format!("/local/domain/{manager}/backend/vtpm/{frontend}/0");
                is_named(&nodes, &device).unwrap()
            };
            assert_eq!([named(3, 7), named(4, 7), named(3, 8)], [Some(true), None, Some(false)]);
            return;
        }
        let here = tempfile::tempdir().unwrap();
        let image = here.path().join("vtpm-stubdom.gz");
        fs::write(&image, "abc").unwrap();
        let of_libxl = [
            ("/libxl/7/device/vtpm/0", ""),
            ("/libxl/7/device/vtpm/1", ""),
            ("/libxl/7/device/vtpm/0/backend", "/local/domain/3/backend/vtpm/7/0"),
            ("/libxl/7/device/vtpm/1/backend", "/local/domain/4/backend/vtpm/7/1"),
            ("/local/domain/3/backend/vtpm/7/0/frontend-id", "7"),
            ("/local/domain/3/backend/vtpm/8/0/frontend-id", "8"),
        ];
        let before: Tree =
            of_libxl.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into();
        let (_, mut after) = heard(before.clone(), image.to_str().unwrap());
        let named = after.remove("/local/domain/3/backend/vtpm/7/0/image").unwrap();
        let digest = Booted::by(&config(&image)).unwrap().digest().unwrap();
        assert_eq!(String::from_utf8(named).unwrap(), digest);
        assert_eq!(after, before, "nothing else");
    }

    #[test]
    fn a_device_of_the_domain_s_own_is_told_from_everything_else() {
        assert!(is_device_of("/local/domain/3/backend/vtpm/7/0", 7));
        for other in [
            "/local/domain/3/backend/vtpm/8/0",
            "/local/domain/3/backend/vbd/7/0",
            "/local/domain/x/backend/vtpm/7/0",
            "/local/domain/3/backend/vtpm/7/0/image",
            "/local/domain/3/backend/vtpm/7",
            "/tool",
            "",
        ] {
            assert!(!is_device_of(other, 7), "{other}");
        }
    }
}
