#!/bin/bash
# claim: an older disk of the manager or of a vTPM, a mix of both, and a blank one are each refused by a message that says which it is and what to do, after a shutdown and after a power cut amid saves; the newest disks are served
# variants: tis
# long-variants: crb tpm12 tis-cut crb-cut tpm12-cut
# needs: tpm=2 time=400
# needs crb: tpm-device=crb
# needs tpm12: tpm=1.2
# needs tis-cut: boots time=800
# needs crb-cut: boots tpm-device=crb time=800
# needs tpm12-cut: boots tpm=1.2 time=800
. rollback-lib
# A vTPM's share of the usual budget would be used up by the saves before the cut.
case $VARIANT in *cut*) vtpm_files=/lab/kept words=budget=86400;; esac

# two_ages: an older copy of both disks, made while all runs.
two_ages() {
  manager_up "$words"; vtpm_up
  begin_saves; save 1; keep_as old; save 2
}
# old_is_refused: copies are put back before the newest disks are seen again.
old_is_refused() {
  keep_as new
  put old new; manager_refuses "an older disk of the manager" "$rollback_older" "$words"
  put old old; manager_refuses "a mix: both disks of the same older age" "$rollback_older" "$words"
  blank vmgr; manager_refuses "a blank disk of the manager" "$rollback_blank" "$words"
  put new old; manager_up "$words"
  vtpm_refuses_disk "an older disk of a vTPM" "$rollback_older_vtpm"
  blank vtpm1; vtpm_refuses_disk "a blank disk of a known vTPM" "$rollback_blank_vtpm"
  cp "$vtpm_files/new/vtpm1.img" $vtpm_files/ || lab_error "no copy"
  vtpm_up
}

case $VARIANT,$BOOT in
*cut*,1)
  two_ages
  # A TPM 1.2 promises that for what is older than a minute, or than a start.
  case $VARIANT in tpm12*) vtpm_down; manager_down; manager_up "$words"; vtpm_up;; esac
  echo "acked 2"
  cut_power 0.5 4
  n=2; while n=$((n + 1)); do save $n; echo "acked $n"; done;;
*cut*,2)
  old_is_refused
  acked=$(sed -n 's/^acked //p' /lab/said | tail -n 1) found=$(number)
  echo "acknowledged $acked, found $found"
  [ "$found" -ge "$acked" ] && [ "$found" -le $((acked + 2)) ] || fail "the newest disks hold $acked"
  echo "holds: the newest disks are served, with what was acknowledged";;
*)
  two_ages
  vtpm_down; manager_down
  old_is_refused
  check "the newest disks are served" holds 2;;
esac
