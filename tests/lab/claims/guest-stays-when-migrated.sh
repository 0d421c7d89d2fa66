#!/bin/sh
# claim: a guest whose vTPM is not free where xl would migrate it stays where it is, and keeps its PCRs
# long-variants: pv
# needs: guests time=300
. vtpm-lib
lean_guest
# Stock Xen migrates no PV guest under this emulator.
GUEST_MEMORY=192 GUEST_EXTRA=
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pvh 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest uses its TPM" 'has_tpm; ok $extend; test $(pcr16) != $zeros'
guest=$(xl domid g1)
# The other host is this one: "env there=here" stands where xl would put "ssh HOST".
check "xl cannot migrate it" eval '! xl migrate -s env g1 there=here >/tmp/migrate.log 2>&1'
cat /tmp/migrate.log
check "and says so" matches 'unable to add vtpm devices' cat /tmp/migrate.log
check "the vTPM says why" wait_console vtpm0 'not served: this vTPM serves one frontend at a time' 5
check "the guest is still the same domain" test "$(xl domid g1)" = "$guest"
raw_guest g1 "it keeps its PCRs and is served" 'ok $random; test $(pcr16) != $zeros'
