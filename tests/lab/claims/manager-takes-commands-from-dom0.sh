#!/bin/sh
# claim: domain 0 commands the manager through its own stock TPM driver, and ends it in order
# variants: pv
# long-variants: pvh
# needs: time=240
. manager-lib
uuid=11111111-2222-3333-4444-555555555555
manager_start "$VARIANT" "hwtpm=none provision=explicit" || fail "the manager came up"
check "it says what is lost without a hardware TPM" matches 'hwtpm=none: the store.s secret is in clear' console vtpmmgr
check "stock xl and Linux's driver make a way to it" manager_channel
! dmesg | grep -i tpm | grep -iq error || fail "the kernel logged no error"
check "it says what it is" matches '^hardware TPM +none' ctl stats
check "a vTPM is made" ctl new $uuid --tpm 2.0
check "it is listed" matches "^$uuid 2.0 +0" ctl list
check "it is shown as JSON" matches '"generation":0' ctl --json show $uuid
second() { ! ctl new $uuid; }
check "a second one of the same uuid is refused" second
check "it is disabled" ctl disable $uuid
check "and listed so" matches 'disabled$' ctl list
check "it is deleted" ctl delete $uuid
gone() { ! ctl show $uuid; }
check "and gone" gone
for i in 1 2 3 4 5; do ctl new 0000000$i-0000-0000-0000-000000000001 >/dev/null || fail "vTPM $i is made"; done
check "the policy says that there is none" matches 'sealed to +nothing' ctl policy show
check "the device is detached" xl vtpm-detach 0 0
check "and attached anew" manager_channel
check "the manager is told to end" ctl prepare-shutdown
check "and ends" wait_gone vtpmmgr 10
xl vtpm-detach 0 0
manager_start "$VARIANT" "hwtpm=none" || fail "the manager came up again"
check "a way is made to the new one" manager_channel
[ "$(ctl list | grep -c '^0000000')" = 5 ] || fail "every vTPM is still there"
check "an orderly xl shutdown takes it down with the device attached" manager_stop
inspect() { /lab/tools/vtpm-inspect --json "$1"; }
check "what the store's file says needs no secret" matches '"vtpms":5' inspect $vtpm_files/vmgr.img
loop=$(losetup -r -f --show $vtpm_files/vmgr.img) || lab_error "no loop device"
check "and a read-only block device says the same" matches '"vtpms":5' inspect "$loop"
losetup -d "$loop"
