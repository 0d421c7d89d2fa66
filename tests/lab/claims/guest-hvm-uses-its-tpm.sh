#!/bin/sh
# claim: a stock HVM guest with Debian's device model uses its TPM by its PV driver, and keeps what the TPM keeps when it is saved and restored
# long-variants: pv pvh
# needs: guests device-model time=600
. vtpm-lib
. hvm-lib
lean_guest
GUEST_MEMORY=192
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
check "its device model is Debian's" matches '^QEMU emulator version .*Debian' /usr/libexec/xen-qemu-system-i386 --version
hvm_start g1 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
check "it is HVM" matches '"hvm"' eval 'xl list -l g1 | jq .[0].config.c_info.type'
raw_guest g1 "it uses its TPM" 'has_tpm; ok $define; ok $use; ok $extend; test $(pcr16) != $zeros; test $(lockouts) = 00000000'
check "stock xl saves it" xl save g1 /tmp/g1.save
check "it is gone" wait_gone g1 10
check "stock xl restores it" xl restore /tmp/g1.save
guest_wait g1 || fail "the guest came back"
raw_guest g1 "its TPM keeps what it kept, and its PCRs are reset" 'TPM=/dev/tpm1; has_tpm; ok $use; test $(pcr16) = $zeros; test $(lockouts) = 00000000'
check "it shuts down" xl shutdown -w g1
