//! Why the host's TPM does not give a key, and what to do in this program's own words: custody's speak of
//! a manager domain, its file and its recovery key.

use vtpm_custody::CustodyError;

/// One sentence, without the TPM's name in front.
pub(crate) fn sentence(error: &CustodyError) -> String {
    use CustodyError as E;
    match error {
        E::NotAllocated { bank, pcrs } => format!(
            "it has not allocated PCRs {pcrs} of bank {bank}, so a policy over them would protect \
             nothing; allocate the bank in the firmware's settings, or add --unmeasured"
        ),
        E::Unmeasured { bank, pcrs } => format!(
            "PCRs {pcrs} of bank {bank} are all zeros or all ones, so nothing was measured into them; \
             switch measured boot on in the firmware's settings, or add --unmeasured"
        ),
        E::PcrsChanged(differences) => {
            let all: Vec<_> = differences
                .iter()
                .map(|(bank, pcrs)| format!("PCRs {pcrs} of bank {bank}"))
                .collect();
            format!(
                "the machine was booted otherwise than when the key was sealed, {} differ; boot as then",
                all.join(", ")
            )
        }
        E::SlotsFull { step, code } => format!(
            "it has no room for {step} (response code {code:#x}); end what uses it, or name its \
             /dev/tpmrmN"
        ),
        E::NotAuthentic { step } => format!(
            "its answer to {step} was changed on the way; look for whatever sits in between"
        ),
        E::UnknownVersion(version) => unknown("version", u64::from(*version)),
        E::UnknownKind(kind) => unknown("kind", u64::from(*kind)),
        E::UnknownPart(tag) => unknown("part", u64::from(*tag)),
        _ => fixed(error).map_or_else(|| error.to_string(), str::to_owned),
    }
}

fn unknown(what: &str, number: u64) -> String {
    format!("the sealed key has {what} {number}, which is not known here; use a newer vtpm-proxy")
}

/// Sentences without figures.
const fn fixed(error: &CustodyError) -> Option<&'static str> {
    use CustodyError as E;
    Some(match error {
        E::OtherTpm | E::TpmCleared => {
            "it is not the TPM that the key was sealed to, or its owner was cleared since; serve this \
             directory on the machine that it was made on"
        }
        E::PolicyFailed { .. } => "PCRs changed while the key was asked for; start this again",
        E::OwnerAuth | E::ParentAuth => {
            "its owner has a password, which this program does not take; use --credential with \
             systemd-creds encrypt in place of --host-tpm"
        }
        E::HierarchyDisabled => {
            "its owner hierarchy is switched off; switch it on in the firmware's settings"
        }
        E::Damaged | E::OtherKind { .. } | E::OtherParent { .. } | E::WordChanged { .. } => {
            "the sealed key was changed or damaged; put a backup in its place"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tpm_wire::tpm20::HashAlgorithm;
    use vtpm_custody::{Kind, PcrMask};

    #[test]
    fn what_the_hosts_tpm_refuses_is_said_in_words_that_this_program_has() {
        use CustodyError as E;
        let (bank, pcrs) = (HashAlgorithm::SHA256, PcrMask::default());
        let table = [
            (E::NotAllocated { bank, pcrs }, "add --unmeasured"),
            (E::Unmeasured { bank, pcrs }, "add --unmeasured"),
            (E::PcrsChanged(vec![(bank, pcrs)]), "boot as then"),
            (E::PolicyFailed { step: "x", code: 1 }, "start this again"),
            (E::OtherTpm, "on the machine that it was made on"),
            (E::TpmCleared, "on the machine that it was made on"),
            (E::OwnerAuth, "--credential"),
            (E::ParentAuth, "--credential"),
            (E::HierarchyDisabled, "firmware's settings"),
            (E::SlotsFull { step: "x", code: 1 }, "/dev/tpmrmN"),
            (E::NotAuthentic { step: "x" }, "in between"),
            (E::Lockout { step: "x" }, "wait until it ends"),
            (E::Busy { step: "x", code: 1 }, "try again later"),
            (E::Refused { step: "x", code: 0x123 }, "0x123"),
            (E::Damaged, "put a backup in its place"),
            (E::OtherKind { sealed: Kind::Tpm12, found: Kind::Tpm20 }, "put a backup in its place"),
            (E::OtherParent { sealed: None }, "put a backup in its place"),
            (E::UnknownVersion(9), "use a newer vtpm-proxy"),
            (E::UnknownKind(9), "use a newer vtpm-proxy"),
            (E::UnknownPart(9), "use a newer vtpm-proxy"),
        ];
        for (error, words) in table {
            let said = sentence(&error);
            assert!(said.contains(words) && !said.contains('\n'), "{error:?}: {said}");
            for foreign in ["manager", "extra=", "recovery", "srk_handle", "--force", "disk"] {
                assert!(!said.contains(foreign), "{error:?}: {said}");
            }
        }
    }
}
