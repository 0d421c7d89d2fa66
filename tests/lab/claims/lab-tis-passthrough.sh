#!/bin/sh
# claim: a guest given the pages of a TIS TPM drives it with the kernel's own driver
# long-variants: pv pvh
# needs: guests tpm=2 time=300
. lab-lib
no_device() { ! ls -d /dev/tpm*; }
check "dom0 has no TPM device" no_device
GUEST_EXTRA="iomem=relaxed tpm_tis.force=1"
guest_start g1 "$VARIANT" 'iomem=["fed40,5"]' || fail "a guest with the TPM's pages came up"
# TCG PC Client TIS 1.3, table 18: DID/VID at 0xf00 of each locality.
check "the guest reads DID and VID" matches '^0x00011014$' guest_run g1 'devmem 0xfed40f00 32'
check "the driver bound" matches '^2$' guest_run g1 'cat /sys/class/tpm/tpm0/tpm_version_major'
check "tpm2-tools work over it" matches '^[0-9a-f]{16}$' \
  guest_run g1 'tpm2_getrandom -T device:/dev/tpm0 --hex 8; echo'
check "PCR 0 was measured by the firmware" matches '0 *: *0x' \
  guest_run g1 'tpm2_pcrread -T device:/dev/tpm0 sha256:0'
