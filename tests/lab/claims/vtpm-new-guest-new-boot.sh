#!/bin/sh
# claim: each xl reboot and each xl destroy gives the next guest reset PCRs and a TPM that works, and the use of a password-protected object before it counts as no failed try
# variants: pvh
# long-variants: pv pv-ten pvh-ten
# needs: guests time=600
. vtpm-lib
case $VARIANT in *-ten) rounds=10;; *) rounds=2;; esac
lean_guest
use='ok $use; test $(lockouts) = 00000000; ok $extend; test $(pcr16) != $zeros'
fresh='has_tpm; test $(pcr16) = $zeros'
vtpm_start vtpm0 "${VARIANT%-*}" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the first guest uses an object whose password is protected" "$fresh; ok \$define; $use"
is_new() { [ "$(xl domid g1)" != "$before" ]; }
for round in $(seq 1 "$rounds"); do
  before=$(xl domid g1)
  xl reboot g1 >/dev/null || fail "xl reboot is heeded"
  lab_until 40 is_new || fail "a new domain took the place of the old one"
  guest_wait g1 || fail "the guest came back after its reboot"
  raw_guest g1 "reboot $round: reset PCRs, no failed try, the TPM works" "$fresh; $use"
done
for round in $(seq 1 "$rounds"); do
  no_ten_seconds "libxl does not wait for the vTPM when it destroys the guest" xl destroy g1
  guest_start g1 pv 'vtpm=["backend=vtpm0"]' >/dev/null || fail "the guest came up again"
  raw_guest g1 "destroy $round: reset PCRs, no failed try, the TPM works" "$fresh; $use"
done
