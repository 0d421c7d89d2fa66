#!/bin/sh
# claim: tcsd and tpm-tools work in a guest that drives a TPM 1.2, and say why where there is none
# long-variants: all
# needs: guests tpm=1.2 time=300
. lab-lib
guest_start bare pv || fail "a guest without a TPM came up"
guest_run bare tcsd-start >/tmp/bare.log && fail "tcsd started without a TPM"
check "tcsd says that there is no device" matches 'device|TDDL' cat /tmp/bare.log
guest_stop bare
GUEST_EXTRA="iomem=relaxed tpm_tis.force=1"
guest_start g1 pv 'iomem=["fed40,5"]' || fail "a guest with the TPM's pages came up"
check "the kernel's driver bound" matches '^1$' guest_run g1 'cat /sys/class/tpm/tpm0/tpm_version_major'
check "tcsd starts" guest_run g1 tcsd-start
check "tpm_version answers" matches 'TPM 1\.2 Version Info' guest_run g1 tpm_version
check "tpm_selftest answers" matches 'self test|Test Results' guest_run g1 tpm_selftest
check "tpm_takeownership works" guest_run g1 'tpm_takeownership -y -z'
check "what is sealed is unsealed" matches '^a secret$' guest_run g1 \
  'echo "a secret" >/tmp/s; tpm_sealdata -z -i /tmp/s -o /tmp/s.sealed && tpm_unsealdata -z -i /tmp/s.sealed'
