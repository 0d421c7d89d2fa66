//! The hardware TPM that a manager is to have, and domain 0's own driver that holds it.

use hardware_tpm::{Roots, Survey};
use libxl_vtpm::plan::{Problem, Readiness, Role};
use serde::Deserialize;

/// The parts of libxl's JSON that matter here (`libxl_domain_config`, _libxl_types.h).
#[derive(Deserialize)]
struct Whole {
    b_info: Build,
}

#[derive(Deserialize)]
struct Build {
    #[serde(default)]
    cmdline: String,
    #[serde(default)]
    iomem: Vec<serde_json::Value>,
}

/// Refuses a manager that is to have the hardware TPM while a driver of domain 0 holds it.
pub(crate) fn refuse(json: &str) -> Result<(), Problem> {
    if !wants(json) {
        return Ok(());
    }
    // What cannot be looked at is the manager's to find out.
    let Ok(survey) = Survey::take(&Roots::default()) else { return Ok(()) };
    survey.holder().map_or(Ok(()), |chip| Err(Problem(held(&chip.driver))))
}

/// Whether a manager's configuration gives it the pages of a TPM, and its words do not say that it has none.
fn wants(json: &str) -> bool {
    let Ok(Whole { b_info }) = serde_json::from_str(json) else { return false };
    let without = |word| matches!(word, "hwtpm=none" | "hwtpm=tpmfront");
    !b_info.iomem.is_empty() && !b_info.cmdline.split_whitespace().any(without)
}

fn held(driver: &str) -> String {
    format!(
        "domain 0's driver {driver} holds the TPM, and two drivers ruin each other's commands; vtpm-hwtpm release, \
         then vtpm-hwtpm keep, and start it again"
    )
}

/// A manager that failed by its TPM is told together with who finds out why. A vTPM's localities are its guest's.
pub(crate) fn hint(role: Role, readiness: Readiness) -> Readiness {
    let by_locality = |why: &str| role == Role::Manager && why.contains("locality");
    match readiness {
        Readiness::Failed(why) if why.contains("hardware TPM") || by_locality(&why) => {
            Readiness::Failed(format!("{why}; see also xl-vtpm doctor"))
        }
        other => other,
    }
}

#[test]
fn only_a_manager_that_is_to_have_the_registers_is_kept_from_them() {
    let config = |iomem: &str, words: &str| {
        format!(r#"{{"b_info":{{"iomem":[{iomem}],"cmdline":"{words}"}}}}"#)
    };
    let pages = r#"{"start":1037632,"number":5}"#;
    assert!(wants(&config(pages, "tpm2 loglevel=debug")));
    assert!(!wants(&config(pages, "tpm2 hwtpm=none")) && !wants(&config(pages, "hwtpm=tpmfront")));
    assert!(!wants(&config("", "hwtpm=none")) && !wants("{}"));
    assert!(held("tpm_tis").contains("vtpm-hwtpm release, then vtpm-hwtpm keep"));
}

#[test]
fn what_failed_by_the_hardware_tpm_names_the_doctor() {
    let failed = |why: &str| Readiness::Failed(why.into());
    let hinted = |why| hint(Role::Manager, failed(why));
    assert_eq!(hinted("its disk is full"), failed("its disk is full"));
    assert_ne!(hinted("locality 2 was taken away"), failed("locality 2 was taken away"));
    let of_guest = failed("write locality= with numbers 0 to 4");
    assert_eq!(hint(Role::Vtpm, of_guest.clone()), of_guest);
    let Readiness::Failed(why) = hinted("the hardware TPM did not answer; see X") else {
        panic!("it has failed")
    };
    assert_eq!(why, "the hardware TPM did not answer; see X; see also xl-vtpm doctor");
    assert_eq!(hint(Role::Manager, Readiness::Starting), Readiness::Starting);
}
