//! `./x demo`: the main job, shown on real Xen.

use crate::steps::{self, Steps};
use crate::{images, lab, native, room};
use anyhow::Result;

/// How long the show in the lab may take, in seconds, on a machine that is busy with other things.
const TIME_LIMIT: &str = "600";

/// Builds what is missing, boots the lab and shows a guest using its TPM.
///
/// # Errors
/// Whatever kept the guest from using its TPM.
pub(crate) fn run() -> Result<()> {
    room::look(3);
    let mut steps = Steps::new();
    let outcome = take_all(&mut steps);
    eprint!("{}", steps.summary());
    let verdict = match &outcome {
        Ok(()) => "a stock Linux guest used a TPM 2.0 served by its own vTPM domain on real Xen",
        Err(_) => "FAILED; what failed is said above and in the next line",
    };
    println!("demo: {verdict}");
    outcome
}

fn take_all(steps: &mut Steps) -> Result<()> {
    steps.take("the engine's C libraries", native::build)?;
    steps.take("the image of the vTPM domain", || images::build(&images::ALL))?;
    steps.take("real Xen, a Debian dom0 and a Debian guest under QEMU, without KVM", lab::fetch)?;
    steps.take("a guest and its TPM", || {
        let images = steps::target().join("images");
        let images = format!("{}:/lab/images", images.display());
        let script = steps::root().join("tests/lab/demo.sh");
        let script = script.to_string_lossy();
        let how = if steps::is_for_a_terminal(&std::io::stdout()) { "bold" } else { "plain" };
        lab::run(&["run", "--guests", "--time-limit", TIME_LIMIT, "--in", &images, &script, how])
    })
}
