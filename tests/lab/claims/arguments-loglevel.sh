#!/bin/sh
# claim: loglevel=error, info and debug show errors only, what happens to guests, and every command
# variants: pv
# long-variants: pvh
# needs: guests time=240
. vtpm-lib
for level in error info debug; do
  vtpm_bare v-$level "$VARIANT" "tpm2 ephemeral loglevel=$level" && vtpm_wait v-$level || fail "loglevel=$level is accepted"
done
guest_start g1 pv 'vtpm=["backend=v-error", "backend=v-info", "backend=v-debug"]' || fail "the guest came up"
check "the guest uses all three" guest_run g1 'modprobe xen-tpmfront && for n in 0 1 2; do tpm2_getrandom -T device:/dev/tpm$n --hex 8 || exit 1; done'
guest=$(xl domid g1)
none() { ! matches "$@"; }
check "error: nothing after the line that names the image" none 'ready|rontend|command' console v-error
check "info: a guest that comes" matches "^VTPM attached to Frontend $guest/1[^0-9]*\$" console v-info
check "info: no commands" none 'command 0x' console v-info
check "debug: a guest that comes" matches "^VTPM attached to Frontend $guest/2[^0-9]*\$" console v-debug
check "debug: TPM2_GetRandom by its number" matches '^DEBUG: command 0x17b,' console v-debug
check "error: an error is still shown" vtpm_refuses v-bad "$VARIANT" 'loglevel=error ephemeral banks=none' 'banks=none'
