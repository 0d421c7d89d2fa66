#!/bin/sh
# claim: a manager with a bad disk, no iomem or a bad word says on its console and in xenstore what to change, and stops; without a hardware TPM it says at each start what that loses
# variants: pv
# needs: time=240
. manager-lib
refused() { # SENTENCE "EXTRA" REGEX [LINE...]
  what=$1 extra=$2 regex=$3; shift 3
  manager_create pv "$extra" "$@" || fail "xl created the manager ($what)"
  manager_wait failed 30 || fail "$what: the manager stops"
  matches "$regex" manager_says error || fail "$what is named"
  console vtpmmgr | grep -Eq "$regex" || fail "$what is named on the console"
  xl destroy vtpmmgr
  echo "holds: $what is named"
}
refused "a missing iomem=" "tpm2" 'iomem=.*hwtpm=none'
refused "a word with a wrong value" "hwtpm=none provision=never" 'provision=explicit'
printf 'somebody.s file' >$vtpm_files/vmgr.img; truncate -s 16M $vtpm_files/vmgr.img
sum=$(md5sum <$vtpm_files/vmgr.img)
refused "a foreign disk" "hwtpm=none" 'not a vTPM store'
[ "$sum" = "$(md5sum <$vtpm_files/vmgr.img)" ] || fail "a foreign disk is left as it was"
rm $vtpm_files/vmgr.img; truncate -s 64k $vtpm_files/vmgr.img
refused "a disk that is too small" "hwtpm=none" 'has 128 sectors'
rm $vtpm_files/vmgr.img; truncate -s 16M $vtpm_files/vmgr.img
refused "a read-only disk" "hwtpm=none" 'read-only' "disk=[\"file:$vtpm_files/vmgr.img,hda,r\"]"
refused "a missing disk" "hwtpm=none" 'has no disk' 'disk=[]'
manager_start pv "hwtpm=none root=/dev/sda" || fail "the manager came up in spite of an unknown word"
check "an unknown word is named and has no effect" matches 'root=/dev/sda.* is unknown' console vtpmmgr
loses='hwtpm=none: the store.s secret is in clear.*copied disk is not noticed'
check "without a hardware TPM it says what that loses" matches "$loses" console vtpmmgr
manager_stop || fail "it stops in order"
manager_start pv "hwtpm=none" || fail "the manager came up again"
check "and says so at each start" matches "$loses" console vtpmmgr
