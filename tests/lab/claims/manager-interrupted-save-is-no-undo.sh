#!/bin/bash
# claim: the power is cut after the manager's disk was written and before the counter was advanced; the older disk goes on, and the copy of the written one is refused from then on
# long-variants: tis crb
# needs: boots tpm=2 time=900
# needs crb: tpm-device=crb
. rollback-lib
vtpm_files=/lab/kept
words=budget=86400
# root_counter: what the newer root on the manager's disk wants of the counter (docs/formats/manager-store.md).
root_counter() {
  for page in 6 7; do od -An -tu8 -j $((page * 4096 + 24)) -N 8 "$1/vmgr.img"; done | sort -n | tail -n 1 | tr -d ' '
}
# interrupt: the manager gets a hundredth of a processor, which makes seconds of the moment between both.
interrupt() {
  keep_as old; number >"$vtpm_files/old/number"
  before=$(root_counter $vtpm_files)
  xl sched-credit2 -d vtpmmgr -c 1 || lab_error "the manager is slowed down"
  save "1$BOOT" &
  while [ "$(root_counter $vtpm_files)" = "$before" ]; do :; done
  xl pause vtpmmgr
  keep_as written
  echo "the older disk wants $before of the counter, the written one $(root_counter $vtpm_files/written)"
  cut_power 0 0
  sleep 60; lab_error "the power was not cut"
}

if [ "$BOOT" = 1 ]; then
  manager_up "$words"; vtpm_up; begin_saves; save 1
  interrupt
fi
put old old
manager_create pv "tpm2 $words" 'iomem=["fed40,5"]' || fail "xl created the manager"
if ! manager_wait ready; then
  matches "$rollback_older" manager_says error || fail "the older disk is refused as older, if at all"
  [ "$BOOT" -le 5 ] || lab_error "the counter was advanced before the cut, five times"
  echo "the counter was advanced before the cut $((BOOT - 1))"
  xl destroy vtpmmgr; wait_gone vtpmmgr 20
  put written written; manager_up "$words"; vtpm_up
  interrupt
fi
echo "holds: the older disk is taken: the counter was not advanced"
vtpm_up
check "the save that was never answered is undone" holds "$(cat $vtpm_files/old/number)"
save 3; keep_as on
both_are_cut
put written written; manager_refuses "the copy that the interrupted save made" "$rollback_older" "$words"
put on on; manager_up "$words"; vtpm_up
check "what was acknowledged meanwhile is there" holds 3
echo "figure: cuts until one fell between both: $((BOOT - 1))"
