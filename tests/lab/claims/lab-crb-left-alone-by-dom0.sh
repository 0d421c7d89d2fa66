#!/bin/sh
# claim: with a TPM 2.0 behind CRB, dom0 leaves it alone and a guest given its page reaches it
# long-variants: pv pvh
# needs: guests tpm=2 tpm-device=crb time=300
. lab-lib
no_device() { ! ls -d /dev/tpm*; }
check "dom0 has no TPM device" no_device
check "firmware announces the TPM" test -d /sys/firmware/acpi/tables
check "the ACPI table names the CRB start method (7)" matches '^ *7$' \
  sh -c 'od -An -tu4 -j48 -N4 /sys/firmware/acpi/tables/TPM2'
GUEST_EXTRA=iomem=relaxed
guest_start g1 "$VARIANT" 'iomem=["fed40,5"]' || fail "a guest with the TPM's pages came up"
# TCG PC Client Platform TPM Profile 1.05, 6.5.3: interface identifier at 0x30; type 1 is CRB.
check "the guest reads the CRB interface identifier" matches '^0x[0-9A-F]*1$' \
  guest_run g1 'devmem 0xfed40030 32'
