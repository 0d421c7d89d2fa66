#!/bin/sh
# claim: memory=8, 6 and 4 are enough for the runtime, and nearly all of it is heap; less than an image itself needs, xl create refuses
# variants: pv pvh
. hello-lib
for size in 8 6 4; do
  HELLO_MEMORY=$size
  check "the heap of memory=$size can be used" hello_prove "m$size" "$VARIANT" memory
  kib=$(console "m$size" | sed -n 's/^memory .* heap \([0-9]*\) KiB.*/\1/p')
  check "all but 400 KiB of memory=$size is heap ($kib KiB)" [ "$kib" -ge $((size * 1024 - 400)) ]
done
# What the runtime says to a heap that is too small cannot be provoked with this image, since libxl
# refuses such a domain before: a PV domain's first mapping covers 4 MiB, and a PVH domain has to hold
# the image twice while it is built. The check and its message have a test of their own on the host.
case $VARIANT in pvh) HELLO_MEMORY=1;; *) HELLO_MEMORY=3;; esac
refused() { ! hello_create tiny "$VARIANT" "test=memory"; }
check "xl refuses memory=$HELLO_MEMORY" refused
check "and leaves no domain" lab_no_domain tiny
