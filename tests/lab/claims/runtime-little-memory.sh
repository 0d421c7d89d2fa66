#!/bin/sh
# claim: memory=8, 6 and 4 are enough for the runtime, and nearly all of it is heap; a PV domain with less xl create refuses, a PVH domain runs with 1
# variants: pv pvh
. hello-lib
for size in 8 6 4; do
  HELLO_MEMORY=$size
  check "the heap of memory=$size can be used" hello_prove "m$size" "$VARIANT" memory
  kib=$(console "m$size" | sed -n 's/^memory .* heap \([0-9]*\) KiB.*/\1/p')
  check "all but 400 KiB of memory=$size is heap ($kib KiB)" [ "$kib" -ge $((size * 1024 - 400)) ]
done
# What the runtime says to a heap that is too small cannot be provoked with this image: a PV domain's first mapping
# covers 4 MiB, without which libxl refuses it, and a PVH domain's image is small enough for the least that a
# configuration can say. The check and its message have a test of their own on the host.
refused() { ! hello_create tiny "$VARIANT" "test=memory"; }
case $VARIANT in
pvh) HELLO_MEMORY=1; check "the heap of memory=1 can be used" hello_prove tiny "$VARIANT" memory;;
*) HELLO_MEMORY=3; check "xl refuses memory=3" refused; check "and leaves no domain" lab_no_domain tiny;;
esac
