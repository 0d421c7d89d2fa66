#!/bin/bash
# claim: the power is cut after the manager's disk was written and before the counter was advanced; the older disk goes on, and the copy of the written one is refused from then on
# variants: tis
# long-variants: crb
# needs: boots tpm=2 time=300
# needs crb: tpm-device=crb
. rollback-lib
vtpm_files=/lab/kept
words=budget=86400
# root_counter: what the newer root on the manager's disk wants of the counter (docs/formats/manager-store.md).
root_counter() {
  for page in 6 7; do od -An -tu8 -j $((page * 4096 + 24)) -N 8 "$1/vmgr.img"; done | sort -n | tail -n 1 | tr -d ' '
}
# interrupt: the TPM is silent from before the save, so the power is cut between both steps.
interrupt() {
  keep_as old; number >"$vtpm_files/old/number"
  before=$(root_counter $vtpm_files)
  tpm_is held
  save 2 &
  lab_until 60 written_since || fail "a save is written before the counter is asked to advance"
  sleep 1
  keep_as written
  echo "the older disk wants $before of the counter, the written one $(root_counter $vtpm_files/written)"
  cut_power 0 0
  sleep 60; lab_error "the power was not cut"
}
written_since() { [ "$(root_counter $vtpm_files)" != "$before" ]; }

if [ "$BOOT" = 1 ]; then
  manager_up "$words"; vtpm_up; begin_saves; save 1
  interrupt
fi
put old old
manager_create pv "tpm2 $words" 'iomem=["fed40,5"]' || fail "xl created the manager"
check "the older disk is taken: the counter was not advanced" manager_wait ready
vtpm_up
check "the save that was never answered is undone" holds "$(cat $vtpm_files/old/number)"
save 3; keep_as on
both_are_cut
put written written; manager_refuses "the copy that the interrupted save made" "$rollback_older" "$words"
put on on; manager_up "$words"; vtpm_up
check "what was acknowledged meanwhile is there" holds 3
