#!/bin/sh
# claim: an older or blank manager disk, an older or blank vTPM disk and a mix of both are refused, each by its own message; each deliberate way back works once
# variants: tis
# long-variants: crb tpm12 cut cut-crb cut-tpm12
# needs: tpm=2 time=420
# needs crb: tpm-device=crb
# needs tpm12: tpm=1.2
# needs cut: boots time=700
# needs cut-crb: boots tpm-device=crb time=700
# needs cut-tpm12: boots tpm=1.2 time=700
. manager-lib
eval "$(raw_tpm)"
case $VARIANT in cut*) vtpm_files=/lab/kept;; esac
word=tpm2; case $VARIANT in *tpm12) word=;; esac
iomem='iomem=["fed40,5"]'
uuid=abababab-1111-1111-1111-111111111111
mkdir -p $vtpm_files/old $vtpm_files/new

# TPM2_NV_UndefineSpace of the index of $define.
undefine=8002:0000001f:00000122:40000001:01500001:00000009:40000009:0000:00:0000

# --- domains ---------------------------------------------------------------------------------------

up() { manager_start pv "$word $1" "$iomem" || fail "the manager came up"; }
vtpm_up() { vtpm_start vtpm1 pv "tpm2 reattach=blank-pcrs" "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]"; }
vtpm_down() { vtpm_stop vtpm1 || fail "the vTPM stops"; }
down() { manager_stop || fail "the manager stops"; }
# Domain 0 plays the guest: no Linux guest is needed to make the vTPM save.
plug() { modprobe xen-tpmfront && xl vtpm-attach 0 backend=vtpm1 && lab_until 10 test -c /dev/tpm0 || fail "domain 0 has the vTPM"; }
unplug() { xl vtpm-detach 0 0 || fail "domain 0 gives the vTPM back"; }
# TPM2_NV_DefineSpace of an index with this last digit: a save.
save() { ok "$(echo $define | sed "s/01500001/0150000$1/")" || fail "the vTPM keeps index $1"; }
saves() { plug; for digit in "$@"; do save "$digit"; done; unplug; }

# --- disks -----------------------------------------------------------------------------------------

keep_as() { cp $vtpm_files/vmgr.img $vtpm_files/vtpm1.img $vtpm_files/$1/ && sync; }
put() { cp "$vtpm_files/$1/vmgr.img" $vtpm_files/vmgr.img && cp "$vtpm_files/$2/vtpm1.img" $vtpm_files/vtpm1.img || lab_error "a copy"; }
blank() { rm -f "$vtpm_files/$1.img"; truncate -s "$2" "$vtpm_files/$1.img"; }

# --- refusals --------------------------------------------------------------------------------------

no_manager() { # SENTENCE REGEX "EXTRA"
  manager_create pv "$word $3" "$iomem" || fail "xl created the manager ($1)"
  manager_wait failed 60 || fail "$1: the manager stops"
  matches "$2" manager_says error || fail "$1 is named"
  matches 'docs/rollback.md' manager_says error || fail "$1: the page is named"
  said=$(manager_says error); echo "says: $said"
  xl destroy vtpmmgr; wait_gone vtpmmgr 10
  echo "holds: $1 is refused"
}
no_vtpm() { # SENTENCE REGEX
  vtpm_up >/dev/null 2>&1 && fail "$1: the vTPM stops"
  matches "$2" vtpm_says vtpm1 error || fail "$1 is named"
  matches 'docs/rollback.md' vtpm_says vtpm1 error || fail "$1: the page is named"
  said=$(vtpm_says vtpm1 error); echo "says: $said"
  xl destroy vtpm1; wait_gone vtpm1 10
  echo "holds: $1 is refused"
}
older='older than the hardware TPM.s counter by [0-9]+: commit [0-9]+'

everything_old_is_refused() {
  put old new; no_manager "an older manager disk" "$older"
  put old old; no_manager "a mix: both disks older" "$older"
  blank vmgr 16M; no_manager "a blank manager disk under a TPM that holds our counter" 'disk is blank, but the hardware TPM holds the counter'
  put new old; up
  no_vtpm "an older vTPM disk" 'holds generation [0-9]+, the record says [0-9]+'
  generation=$(echo "$said" | sed -n 's/.*it holds generation \([0-9]*\),.*/\1/p')
  blank vtpm1 2M
  no_vtpm "a blank vTPM disk under a known uuid" 'keeps the state of vTPM .* its disk is blank'
}

deliberate_ways_work_once() {
  cp $vtpm_files/old/vtpm1.img $vtpm_files/vtpm1.img
  manager_channel || fail "a way to the manager"
  check "domain 0 lets the vTPM go on from generation $generation" ctl accept-older $uuid "$generation"
  unplug
  vtpm_up || fail "the older vTPM disk is served"
  echo "holds: the older vTPM disk is served"
  saves 7; vtpm_down
  cp $vtpm_files/old/vtpm1.img $vtpm_files/vtpm1.img
  no_vtpm "the same older vTPM disk, a second time," 'holds generation [0-9]+, the record says [0-9]+'
  down

  put old old; no_manager "an older manager disk" "$older"
  accept=$(echo "$said" | grep -o 'accept=[0-9/]*')
  up "$accept"
  check "it says that it went back" matches 'was put back by an administrator' console vtpmmgr
  vtpm_up || fail "the vTPM disk of the same age is served"; vtpm_down
  down
  echo "holds: the older manager disk is served by $accept"
  put old old; no_manager "the same older manager disk, a second time," "$older" "$accept"

  blank vmgr 16M; no_manager "a blank manager disk" 'holds the counter'
  forget=$(echo "$said" | grep -o 'forget=[0-9]*')
  up "$forget"
  check "a new store was made" matches 'a new store was made' console vtpmmgr
  down
  blank vmgr 16M; no_manager "a blank manager disk, a second time," 'holds the counter' "$forget"
}

two_ages_of_disks() {
  up; vtpm_up || fail "the vTPM came up"
  saves 1; vtpm_down; down; keep_as old
  up; vtpm_up || fail "the vTPM came up again"
  saves 2 3; vtpm_down; down; keep_as new
}

case $VARIANT,$BOOT in
  cut*,1)
    two_ages_of_disks
    up; vtpm_up || fail "the vTPM came up a third time"
    plug
    cut_power 0.5 3
    while sleep 0.01; do ok $random; ok "$define" >/dev/null; ok "$undefine" >/dev/null; done;;
  cut*,2)
    up; vtpm_up || fail "the vTPM goes on after the cut"
    echo "holds: after the cut everything goes on"
    vtpm_down; down; keep_as new
    everything_old_is_refused; deliberate_ways_work_once;;
  *)
    two_ages_of_disks
    everything_old_is_refused; deliberate_ways_work_once;;
esac
