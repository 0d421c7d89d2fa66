#!/bin/sh
# claim: on Debian 13, Xen 4.20, a guest uses a vTPM in a PV and one in a PVH domain, and both detach at once
# long-variants: both
# needs: guests release=trixie time=300
. vtpm-lib
lean_guest
for type in pv pvh; do
  vtpm_start vtpm-$type $type "tpm2 ephemeral" || fail "the $type vTPM domain gets ready"
done
guest_start g1 pv 'vtpm=["backend=vtpm-pv","backend=vtpm-pvh"]' || fail "the guest came up"
raw_guest g1 "Linux 6.12 uses the PV one" 'uname -r | grep ^6.12; has_tpm; ok $random; test $(pcr16) = $zeros'
raw_guest g1 "Linux 6.12 uses the PVH one" 'TPM=/dev/tpm1; has_tpm; ok $random; test $(pcr16) = $zeros'
no_ten_seconds "the PV one is detached at once" xl vtpm-detach g1 0
no_ten_seconds "the PVH one is detached at once" xl vtpm-detach g1 1
