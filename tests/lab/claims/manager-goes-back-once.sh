#!/bin/bash
# claim: an older disk of a vTPM is served after vtpmmgr-ctl accept-older, one of the manager with accept=, a blank one with forget=: once, and not a second time
# long-variants: tis crb tpm12
# needs: boots tpm=2 time=900
# needs crb: tpm-device=crb
# needs tpm12: tpm=1.2
. rollback-lib
vtpm_files=/lab/kept
accept() { printf '%s\n' "$said" | grep -o 'accept=[0-9/]*'; }
forget() { printf '%s\n' "$said" | grep -o 'forget=[0-9]*'; }
# vtpm_holds WHAT NUMBER: it is served and holds the number.
vtpm_holds() {
  vtpm_up
  check "$1 is served" holds "$2"
}
# went_back: bit 3 of the record's flags.
went_back() { [ $(($(ctl show $rollback_uuid | sed -n 's/^flags *//p') & 8)) = 8 ]; }
no_new_store() { ! console vtpmmgr | grep -q 'a new store'; }

an_older_vtpm() {
  put new old; manager_up
  vtpm_refuses_disk "an older disk of a vTPM" "$rollback_older_vtpm"
  generation=$(printf '%s\n' "$said" | sed -n 's/.*it holds generation \([0-9]*\),.*/\1/p')
  manager_channel || fail "a way to the manager"
  check "domain 0 lets the vTPM go on from generation $generation" ctl accept-older $rollback_uuid "$generation"
  check "the word stands" matches "^accept_once +$generation\$" ctl show $rollback_uuid
  dom0_detach
  vtpm_holds "the older disk of the vTPM" 1
  save 3; vtpm_down
  cp $vtpm_files/vtpm1.img $vtpm_files/went-on.img
  cp $vtpm_files/old/vtpm1.img $vtpm_files/
  vtpm_refuses_disk "the same copy a second time" "$rollback_older_vtpm"
  cp $vtpm_files/went-on.img $vtpm_files/vtpm1.img
  vtpm_holds "the disk that went on from it" 3
  vtpm_down
  manager_channel || fail "a way to the manager"
  check "the word is used up" matches '^accept_once +null' ctl show $rollback_uuid
  check "its record says for good that it went back" went_back
  dom0_detach
  manager_down
}
an_older_manager() {
  put old old; manager_refuses "an older disk of the manager" "$rollback_older"
  word=$(accept)
  manager_up "$word"
  check "with $word the manager serves it and says so" matches 'was put back by an administrator.s word' console vtpmmgr
  vtpm_holds "the disk of the vTPM that is of the same age" 1
  save 4; vtpm_down; manager_down; keep_as on
  put old old; manager_refuses "the same copy a second time" "$rollback_older" "$word"
  put new new; manager_refuses "the disk that was the newest before" 'older than the hardware TPM.s counter' "$word"
  put on on; manager_up "$word"
  ! console vtpmmgr | grep -q 'was put back by' || fail "the word does nothing more"
  check "each start says that the store went back" matches "went back to an older copy by an administrator.s word, 1 times" console vtpmmgr
  vtpm_holds "what went on from it" 4
  vtpm_down; manager_down
}
a_blank_manager() {
  blank vmgr; manager_refuses "a blank disk of the manager" "$rollback_blank"
  word=$(forget)
}

case $BOOT in
1) manager_up; vtpm_up; begin_saves; save 1; keep_as old; save 2; vtpm_down; manager_down; keep_as new
   an_older_vtpm
   an_older_manager
   boot_again;;
# A TPM 1.2 advances one counter in a boot: none was before this one is made.
2) a_blank_manager
   manager_up "$word"
   check "with $word a new store is made" matches 'a new store was made' console vtpmmgr
   ! rollback_vtpm >/dev/null 2>&1 || fail "the vTPM of the store that was given up is refused"
   check "it does not know the vTPM of the one before" matches "does not know vTPM $rollback_uuid" vtpm_says vtpm1 error
   xl destroy vtpm1; wait_gone vtpm1 10
   manager_down
   cp $vtpm_files/vmgr.img $vtpm_files/made.img
   blank vmgr; manager_refuses "a blank disk a second time" "$rollback_blank" "$word"
   cp $vtpm_files/on/vmgr.img $vtpm_files/; manager_refuses "the disk that was given up" 'docs/rollback' "$word"
   cp $vtpm_files/made.img $vtpm_files/vmgr.img; manager_up "$word"
   check "the new store is opened" no_new_store;;
esac
