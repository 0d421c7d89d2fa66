#!/bin/sh
# claim: a manager and a vTPM on devices without a volatile write cache, whose backend offers no flush, start, say so, and keep what a guest writes
# variants: pv
# long-variants: pvh
# needs: guests
. manager-lib
lean_guest
mkdir -p $vtpm_files
# device NAME SIZE: a block device of an image of that name, of which the kernel says that it has no such cache.
device() {
  truncate -s "$2" "$vtpm_files/$1.img" && device=$(losetup -f --show "$vtpm_files/$1.img") &&
    echo "write through" >"/sys/block/${device#/dev/}/queue/write_cache" || lab_error "no device for $1"
  eval "disk_$1='disk=[\"phy:$device,hda,w\"]'"
}
device vmgr 16M; device vtpm0 2M
# flushes NAME: what the backend offers for its disk.
flushes() { xenstore-read "$(xenstore-read "/local/domain/$(xl domid "$1")/device/vbd/768/backend")/feature-flush-cache"; }
says_so() { console "$1" | grep -q 'the backend of disk 768 takes no flush'; }
up() {
  manager_start "$VARIANT" hwtpm=none "$disk_vmgr" || fail "the manager came up"
  vtpm_start vtpm0 "$VARIANT" tpm2 "$disk_vtpm0" \
    'vtpm=["backend=vtpmmgr,uuid=11111111-1111-4111-8111-111111111111"]' || fail "the vTPM came up"
  guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
}
up
for name in vmgr:vtpmmgr vtpm0:vtpm0; do
  domain=${name#*:}
  check "the backend offers $domain no flush" [ "$(flushes "$domain")" = 0 ]
  check "$domain says so" says_so "$domain"
done
raw_guest g1 "the guest writes" "has_tpm; ok $nv_new; ok $nv_write:123456789abcdef0:0000"
xl destroy g1; xl destroy vtpm0; xl destroy vtpmmgr
up
raw_guest g1 "and reads it after all three were killed" "has_tpm; tpm $nv_read | grep -q 123456789abcdef0"
