#!/bin/sh
# claim: two vTPMs that were given each other's disk are both refused with a message that names both; nothing is overwritten, and with their own disks they go on, in a domain with memory=8
# long-variants: pv pvh
# needs: guests time=700
. manager-lib
lean_guest
VTPM_MEMORY=8
uuid() { echo "$1$1$1$1$1$1$1$1-1111-1111-1111-111111111111"; }
up() { # NUMBER: a vTPM domain
  vtpm_start "vtpm$1" "$VARIANT" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid "$1")\"]" || fail "vTPM $1 came up"
}
# refused NUMBER OTHER: vTPM NUMBER with the disk of the other.
refused() {
  vtpm_refuses "bad$1" "$VARIANT" tpm2 "its disk belongs to vTPM $(uuid "$2"), and this is vTPM $(uuid "$1")" \
    "disk=[\"file:$vtpm_files/vtpm$2.img,hda,w\"]" "vtpm=[\"backend=vtpmmgr,uuid=$(uuid "$1")\"]"
}
sums() { (cd $vtpm_files && md5sum vtpm1.img vtpm2.img); }
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up"
for n in 1 2; do
  up $n
  guest_start g$n "$VARIANT" "vtpm=[\"backend=vtpm$n\"]" || fail "guest $n came up"
  raw_guest g$n "guest $n writes" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde0$n:0000"
  guest_stop g$n
  vtpm_stop vtpm$n || fail "vTPM $n stops"
done
console vtpm1 | sed -n "s/^vtpm-stubdom.* memory, \(.*\) of it heap\r*\$/figure: memory=8 as $VARIANT: \1 heap/p"
console vtpm1 | sed -n 's/^of the heap at most \(.*\) were in use.*/figure: of it at most \1 were in use/p'
before=$(sums)
check "vTPM 1 with the disk of vTPM 2 is refused" refused 1 2
check "vTPM 2 with the disk of vTPM 1 is refused" refused 2 1
wait_gone bad1 20 && wait_gone bad2 20 || fail "both refused domains end"
check "no byte of either disk has changed" test "$(sums)" = "$before"
for n in 2 1; do
  up $n
  guest_start g$n "$VARIANT" "vtpm=[\"backend=vtpm$n\"]" || fail "guest $n came up again"
  raw_guest g$n "with its own disk back, guest $n reads what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde0$n"
done
