#!/bin/sh
# claim: while a save waits for a manager that is gone, xl vtpm-detach of the guest and xl shutdown of the vTPM domain do not wait with it; the next start goes on from the state kept last, and a vTPM domain killed while attached gets its session again
# long-variants: pv pvh
# needs: guests time=700
. manager-lib
lean_guest
kept_vtpm() { vtpm_start vtpm1 "$VARIANT" tpm2 'vtpm=["backend=vtpmmgr,uuid=11111111-1111-1111-1111-111111111111"]'; }
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up"
kept_vtpm || fail "the vTPM came up"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "its guest came up"
raw_guest g1 "the guest writes" "has_tpm; ok $nv_new; ok $nv_write:1111111111111111:0000"
xl destroy vtpmmgr
raw_guest g1 "another write is sent" "(tpm $nv_write:2222222222222222:0000 >reply) >/dev/null 2>&1 &"
sleep 2
no_ten_seconds "the guest's device is detached" xl vtpm-detach g1 0
check "the vTPM still waits" test "$(vtpm_says vtpm1 state)" = ready
no_ten_seconds "the vTPM domain is shut down" vtpm_stop vtpm1
check "it says what it did" matches 'asked to stop before the manager answered; the next start goes on' console vtpm1
check "nothing crashed" test -z "$(lab_crashes)"
xl destroy g1
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up again"
kept_vtpm || fail "the vTPM came up again"
guest_start g2 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "another guest came up"
raw_guest g2 "what was acknowledged is there, and no more" "has_tpm; tpm $nv_read | grep -q 1111111111111111; ok $nv_write:3333333333333333:0000"
xl destroy vtpm1
xl destroy g2
check "after a kill the vTPM has its session at once" kept_vtpm
guest_start g3 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "a third guest came up"
raw_guest g3 "what was acknowledged before the kill is there" "has_tpm; tpm $nv_read | grep -q 3333333333333333"
