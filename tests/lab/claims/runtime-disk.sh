#!/bin/sh
# claim: a disk takes writes of many sizes, flushes, gives back what was written, and is known as read-only when it is
# variants: pvh
# long-variants: pv
. hello-lib
truncate -s 1M /tmp/disk.img
check "writes, flushes and reads agree" hello_prove rw "$VARIANT" disk 'disk=["file:/tmp/disk.img,hda,w"]'
check "what was flushed is in dom0's file" [ "$(head -c 11 /tmp/disk.img)" = hello-proof ]
check "another name of a disk works" hello_create other "$VARIANT" "test=disk disk=xvdb" 'disk=["file:/tmp/disk.img,xvdb,w"]'
check "as well" hello_verdict other
check "it ends" xl destroy other
check "a read-only disk is read and not written" hello_prove ro "$VARIANT" disk-read-only 'disk=["file:/tmp/disk.img,hda,r"]'
