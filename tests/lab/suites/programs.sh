#!/bin/sh
# Debian's programs for TPM 2.0 in a guest, on the TPM that vtpm-proxy relay makes of its vTPM.
. suites-lib
mkdir -p /suite && cp /lab/suites/cases-tpm2 /suite/
suites_guest "tpm2 ephemeral" /suite
in_guest g1 "the relay starts" "$relay modprobe tpm_vtpm_proxy; relay"
suites_take relay
suites_run programs ours 3300 "bash /suite/cases-tpm2"
suites_swtpm --tpm2
suites_take swtpm
suites_run programs swtpm 3300 "bash /suite/cases-tpm2"
