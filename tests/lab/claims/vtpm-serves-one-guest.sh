#!/bin/sh
# claim: two guests, PV and PVH, use a vTPM each at once; a second guest at one vTPM is refused with a message and the first goes on, and so is one whose line has another uuid than the vTPM is for; one guest may have two vTPMs
# variants: pvh
# long-variants: pv
# needs: guests time=300
. vtpm-lib
lean_guest
uuid=4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b11
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral guest=$uuid" || fail "the first vTPM domain gets ready"
vtpm_start vtpm1 "$VARIANT" "tpm2 ephemeral" || fail "the second vTPM domain gets ready"
guest_start g1 pv "vtpm=[\"backend=vtpm0,uuid=$uuid\"]" || fail "the first guest came up"
GUEST_MEMORY=192 GUEST_EXTRA=
guest_start g2 pvh 'vtpm=["backend=vtpm1"]' || fail "the second guest came up"
raw_guest g1 "the PV guest uses its TPM" 'has_tpm; ok $random; ok $extend; test $(pcr16) != $zeros'
raw_guest g2 "the PVH guest uses another TPM" 'has_tpm; ok $random; test $(pcr16) = $zeros'

check "xl reports that a line with another uuid was not added" eval '! xl vtpm-attach g2 backend=vtpm0 2>/tmp/other.log'
check "a line with another uuid is told on the vTPM's console" wait_console vtpm0 "not served: this vTPM is for the guest whose vtpm= line has uuid=$uuid" 5
(xl vtpm-attach g2 backend=vtpm0 uuid=$uuid >/tmp/second.log 2>&1; echo "code $?" >>/tmp/second.log) &
raw_guest g1 "the first guest is served while the second knocks" 'for n in 1 2 3 4 5 6 7 8; do ok $random; sleep 0.2; done; ok $extend'
check "the second is told on the vTPM's console" wait_console vtpm0 'not served: this vTPM serves one frontend at a time' 5
wait
check "xl reports that the device was not added" matches '^code [1-9]' cat /tmp/second.log
raw_guest g1 "the first guest is served after it" 'ok $random; test $(pcr16) != $zeros'
raw_guest g2 "the second guest still has its own" 'ok $random; test $(pcr16) = $zeros'

check "the second guest ends" xl destroy g2
check "its vTPM is attached to the first guest beside the other" xl vtpm-attach g1 backend=vtpm1
raw_guest g1 "the guest uses both" 'TPM=/dev/tpm1; has_tpm; ok $random; test $(pcr16) = $zeros; TPM=/dev/tpm0; test $(pcr16) != $zeros'
