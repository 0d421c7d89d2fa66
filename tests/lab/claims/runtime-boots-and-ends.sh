#!/bin/sh
# claim: one file boots in each mode, gzipped or plain, says one line, and heeds xl shutdown and xl reboot
# variants: pv pvh
. hello-lib
is_alone() { [ "$(console "$1" | grep -c .)" = 1 ]; }
hello_create small "$VARIANT" "" || fail "xl creates a domain of the gzipped image"
check "the image says which mode it runs in" wait_console small "^hello from a $(echo "$VARIANT" | tr pvh PVH) domain on Xen 4" 10
check "and nothing else" is_alone small
check "xl shutdown is taken" xl shutdown small
check "and the domain ends" wait_gone small 10

gunzip -c "$hello_image" >/tmp/hello.elf
HELLO_IMAGE=/tmp/hello.elf; hello_image=/tmp/hello.elf
hello_create plain "$VARIANT" "" || fail "xl creates a domain of the plain file"
check "the plain file boots" wait_console plain '^hello from' 10
check "xl reboot is taken" xl reboot plain
check "and the domain ends as on_reboot says" wait_gone plain 10
