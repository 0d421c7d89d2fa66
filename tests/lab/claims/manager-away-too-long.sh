#!/bin/sh
# claim: a vTPM whose manager stays away longer than a save may wait closes its guest's device, says why and stops; the next start goes on from the state kept last
# long-variants: pv pvh
# needs: guests time=900
. manager-lib
lean_guest
kept_vtpm() { vtpm_start vtpm1 "$VARIANT" tpm2 'vtpm=["backend=vtpmmgr,uuid=11111111-1111-1111-1111-111111111111"]'; }
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up"
kept_vtpm || fail "the vTPM came up"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "its guest came up"
raw_guest g1 "the guest writes" "has_tpm; ok $nv_new; ok $nv_write:1111111111111111:0000"
xl destroy vtpmmgr
raw_guest g1 "another write is sent" "(tpm $nv_write:2222222222222222:0000 >reply; date +%s >ended) >/dev/null 2>&1 & date +%s >sent"
sleep 90
check "the vTPM waits for longer than a minute" test "$(vtpm_says vtpm1 state)" = ready
check "then it stops and says why" wait_console vtpm1 '^ERROR: this vTPM stops: .*the manager did not answer in time; start the manager, then this vTPM' 60
raw_guest g1 "the guest's command ended before its driver gave up" "for i in 1 2 3 4 5 6 7 8 9 10; do test -e ended && break; sleep 1; done; test \$((\$(cat ended) - \$(cat sent))) -lt 120; echo figure: the guest waited \$((\$(cat ended) - \$(cat sent))) s"
printf '%s\n' "$vtpm_answer"
xl destroy g1
xl destroy vtpm1 2>/dev/null
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up again"
kept_vtpm || fail "the vTPM came up again"
guest_start g2 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "another guest came up"
raw_guest g2 "what was acknowledged is there, and no more" "has_tpm; tpm $nv_read | grep -q 1111111111111111"
