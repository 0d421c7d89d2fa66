#!/bin/sh
# claim: a guest or a vTPM domain that is destroyed keeps nobody waiting, a new vTPM domain takes over, xl shutdown stops a vTPM domain in order, and nothing stays in xenstore
# variants: pv
# long-variants: pvh
# needs: guests time=300
. vtpm-lib
lean_guest
# libxl makes /libxl and /vm with its first domain and keeps them.
paths() { xenstore-ls -f / | sed 's/ = .*//' | grep -vxE '/libxl|/vm' | sort; }
paths >/tmp/before
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest uses its TPM" 'has_tpm; ok $random; ok $extend'

no_ten_seconds "a vTPM domain is destroyed at once under its guest" xl destroy vtpm0
raw_guest g1 "a guest's command to a TPM that is gone fails in bounded time" '
# In its TPM 1.2 form, for which Linux waits seconds; for others it waits two minutes.
! ok 00c1:0000000e:00000046:00000008'
console_forget vtpm0
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "a new vTPM domain gets ready"
no_ten_seconds "what is left of the old device is detached" xl vtpm-detach g1 0
no_ten_seconds "the new vTPM is attached" xl vtpm-attach g1 backend=vtpm0
raw_guest g1 "the guest uses the new TPM" 'sleep 1; has_tpm; ok $random; test $(pcr16) = $zeros'

no_ten_seconds "a guest is destroyed at once" xl destroy g1
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up again"
raw_guest g1 "the next guest uses the TPM" 'has_tpm; ok $random'

node=/local/domain/$(xl domid vtpm0)/data/vtpm/state
(xenstore-watch "$node" | while read -r _; do xenstore-read "$node"; done) >/tmp/states 2>/dev/null &
sleep 0.5
no_ten_seconds "xl shutdown stops a vTPM domain that has a guest" vtpm_stop vtpm0
check "it announced that it is stopping" matches '^stopping$' cat /tmp/states
check "it did not crash" matches 'asked to stop' console vtpm0
no_ten_seconds "the guest is destroyed after it" xl destroy g1
is_as_before() {
  paths >/tmp/after
  diff /tmp/before /tmp/after
}
lab_until 5 is_as_before || { diff /tmp/before /tmp/after; fail "nothing stays in xenstore"; }
echo "holds: nothing stays in xenstore"
