#!/bin/sh
# claim: disk=["file:..."] and the canonical form work with Debian's unmodified block script
# long-variants: pv pvh
# needs: guests time=300
. lab-lib
check "the block script is the package's own" test -x /etc/xen/scripts/block
for number in 1 2; do
  truncate -s 2M /tmp/d$number.img
  echo "hello from dom0 $number" | dd of=/tmp/d$number.img conv=notrunc 2>/dev/null
done
guest_start g1 "$VARIANT" 'disk=["file:/tmp/d1.img,xvda,w", "format=raw, vdev=xvdb, access=rw, target=/tmp/d2.img"]' \
  || fail "a guest with two file disks came up"
guest_run g1 'modprobe xen-blkfront; for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/xvdb ] && break; sleep 1; done'
for disk in 'xvda 1' 'xvdb 2'; do
  set -- $disk
  check "the guest reads $1" matches "^hello from dom0 $2" guest_run g1 "head -c 17 /dev/$1"
  check "the guest writes $1" guest_run g1 \
    "echo 'hello from the guest' | dd of=/dev/$1 bs=512 seek=1 conv=sync,fsync"
  check "dom0 finds it in the file" matches '^hello from the guest' dd if=/tmp/d$2.img bs=512 skip=1 count=1
done
guest_stop g1
no_loop() { [ -z "$(losetup -a)" ]; }
check "no loop device is left behind" lab_until 10 no_loop
