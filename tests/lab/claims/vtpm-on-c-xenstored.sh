#!/bin/sh
# claim: a vTPM works as well with the C xenstored as with the OCaml one: attach, reboot of the guest, detach
# long-variants: pv pvh
# needs: guests time=240 dom0-args=lab.xenstored=c
. vtpm-lib
check "this is the C xenstored" matches '/xenstored' ps -ef
lean_guest
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest uses its TPM" 'has_tpm; ok $extend'
before=$(xl domid g1)
check "xl reboot is heeded" xl reboot g1
is_new() { [ "$(xl domid g1)" != "$before" ]; }
lab_until 40 is_new || fail "a new domain took the place of the old one"
guest_wait g1 || fail "the guest came back after its reboot"
raw_guest g1 "its TPM is reset and works" 'has_tpm; test $(pcr16) = $zeros; ok $extend'
no_ten_seconds "the device is detached at once" xl vtpm-detach g1 0
no_ten_seconds "it is attached at once" xl vtpm-attach g1 backend=vtpm0
raw_guest g1 "its PCR is as it was" 'sleep 1; has_tpm; test $(pcr16) != $zeros'
