#!/bin/sh
# claim: on Debian 13, Xen 4.20 with a Linux 6.12 dom0 and guest, a guest's TPM under a manager keeps what was written when everything is restarted
# long-variants: pv pvh
# needs: guests release=trixie tpm=2 time=400
. manager-lib
lean_guest
check "this is Xen 4.20" matches '^xen_version *: 4\.20' xl info
# TPM2_NV_DefineSpace, TPM2_NV_Write and TPM2_NV_Read of eight bytes by the owner.
define=8002:0000002d:0000012a:40000001:00000009:40000009:0000:00:0000:0000:000e:01500002:000b:00020002:0000:0008
write=8002:0000002b:00000137:40000001:01500002:00000009:40000009:0000:00:0000:0008
read=8002:00000023:0000014e:40000001:01500002:00000009:40000009:0000:00:0000:0008:0000
up() { # everything, from the hardware to the guest
  manager_start "$VARIANT" tpm2 'iomem=["fed40,5"]' || fail "the manager came up"
  vtpm_start vtpm0 "$VARIANT" tpm2 'vtpm=["backend=vtpmmgr,uuid=11111111-1111-1111-1111-111111111111"]' ||
    fail "the vTPM came up"
  guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
}
up
raw_guest g1 "Linux 6.12 writes into its TPM" \
  "uname -r | grep ^6.12; has_tpm; ok \$random; ok $define; ok $write:123456789abcde01:0000"
guest_stop g1
check "the vTPM stops" vtpm_stop vtpm0
check "the manager stops" manager_stop
up
raw_guest g1 "it reads what it wrote" "has_tpm; tpm $read | grep -q 123456789abcde01"
