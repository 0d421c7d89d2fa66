#!/bin/sh
# The kernel's own tests of TPM 2.0 in a guest, on the TPM that vtpm-proxy relay makes of its vTPM.
. suites-lib
suites_guest "tpm2 ephemeral" /lab/kernel-tests
in_guest g1 "the relay starts" "$relay modprobe tpm_vtpm_proxy; relay"
tests='cd /lab/kernel-tests/tpm2; PATH=/lab/kernel-tests/bin:$PATH; (sh ./test_smoke.sh; sh ./test_space.sh) 2>&1'
suites_take relay
suites_run kernel ours 300 "$tests"
suites_swtpm --tpm2
suites_take swtpm
suites_run kernel swtpm 300 "$tests"
