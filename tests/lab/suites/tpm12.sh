#!/bin/sh
# Debian's programs for TPM 1.2 in a guest, through tcsd on the device of Linux's stock xen-tpmfront.
. suites-lib
mkdir -p /suite && cp /lab/suites/cases-tpm12 /suite/
suites_guest "ephemeral" /suite
in_guest g1 "the guest's tpm-tools are there, too" 'cp /usr/bin/tpm_* /suites/usr/bin/; tcsd-start'
suites_run tpm12 ours 1800 "bash /suite/cases-tpm12"
suites_swtpm
# A fresh swtpm has no endorsement key.
in_guest g1 "tcsd takes swtpm's TPM" 'killall tcsd; sleep 1; rm -rf /var/lib/tpm
mount --bind /dev/tpm$(cat swtpm.number) /dev/tpm0; tcsd-start; tpm_createek'
suites_run tpm12 swtpm 1800 "bash /suite/cases-tpm12"
