#!/bin/sh
# claim: memory=8, 6 and 4 are enough for the runtime, and nearly all of it is heap
# variants: pv pvh
. hello-lib
for size in 8 6 4; do
  HELLO_MEMORY=$size
  check "the heap of memory=$size can be used" hello_prove "m$size" "$VARIANT" memory
  kib=$(console "m$size" | sed -n 's/^memory .* heap \([0-9]*\) KiB.*/\1/p')
  check "all but 400 KiB of memory=$size is heap ($kib KiB)" [ "$kib" -ge $((size * 1024 - 400)) ]
done
