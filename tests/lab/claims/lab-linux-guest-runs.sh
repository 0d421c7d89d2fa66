#!/bin/sh
# claim: a stock Debian kernel runs as a guest, takes commands, reboots and powers off
# long-variants: pv pvh
# needs: guests time=240
. lab-lib
guest_start g1 "$VARIANT" || fail "the guest came up"
check "commands run in the guest and their output comes back" matches '^6\.' guest_run g1 'uname -r'
guest_run g1 'exit 42'; [ $? = 42 ] || fail "the exit code of a guest's command comes back"
[ "$(guest_run g1 'seq 1 3000' | md5sum)" = "$(seq 1 3000 | md5sum)" ] || fail "long output comes back whole"
check "tpm2-tools are in the guest" matches '5\.' guest_run g1 'tpm2_getrandom --version'
check "xen-tpmfront waits to be asked for" matches '^it is there and not loaded' guest_run g1 \
  'find /lib/modules/ -name "xen?tpmfront*" | grep . && ! lsmod | grep tpm && echo it is there and not loaded'
before=$(xl domid g1)
check "xl reboot is heeded" xl reboot g1
is_new() { [ "$(xl domid g1)" != "$before" ]; }
lab_until 40 is_new || fail "a new domain took the place of the old one"
guest_wait g1 || fail "the guest came back after its reboot"
check "xl shutdown is heeded" xl shutdown g1
check "the guest is gone" wait_gone g1 20
