#!/bin/sh
# claim: vtpm-rewire goes on where an earlier run was cut short, leaves devices alone whose backend was not the manager, and ends with a code that its page lists
# long-variants: pv
# needs: time=600
. manager-lib
rewire=/lab/hotplug/vtpm-rewire
uuid() { echo "$1$1$1$1$1$1$1$1-1111-1111-1111-111111111111"; }
code() { want=$1; shift; "$@"; test $? = "$want"; }
device() { xenstore-list "/libxl/$(xl domid "$1")/device/vtpm" 2>/dev/null; }
check "wrong arguments: 2" code 2 $rewire --nonsense
check "help: 0" matches '^Exit codes: 0' $rewire --help
check "no manager: 3" code 3 $rewire
manager_start pv "hwtpm=none" || fail "the manager came up"
for n in 1 2; do
  vtpm_start vtpm$n pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid $n)\"]" || fail "vTPM $n came up"
done
# A domain that uses vTPM 2 as a guest does, with that vTPM's own uuid: it must never get to the manager.
vtpm_start guest pv "tpm2 ephemeral" "vtpm=[\"backend=vtpm2,uuid=$(uuid 2)\"]" || fail "a domain with a vTPM"
xl destroy vtpmmgr
xl destroy vtpm2
manager_start pv "hwtpm=none" || fail "the manager came up again"
check "a dry run says what would be done and does nothing" \
  matches "would run: xl vtpm-attach $(xl domid vtpm1) uuid=$(uuid 1)" $rewire --dry-run
# As after a run that was killed between detach and attach.
vtpm1=$(xl domid vtpm1)
xenstore-write "/tool/vtpm-rewire/$vtpm1/$(uuid 1)" "$(xenstore-read "/local/domain/$vtpm1/vm")"
xl vtpm-detach vtpm1 0
check "the vTPM has no device" test -z "$(device vtpm1)"
# What a domain that is gone left, and what a domain of the same number would find.
xenstore-write "/tool/vtpm-rewire/4000/$(uuid 1)" /vm/nobody "/tool/vtpm-rewire/$(xl domid guest)/$(uuid 2)" /vm/another
check "the script makes up for it: 0" matches '^vtpm-rewire: 1 rewired, 0 already connected, 0 failed' $rewire
check "the vTPM has its device" test -n "$(device vtpm1)"
check "nothing is left under way" lab_node_is_gone /tool/vtpm-rewire
check "a device of another backend is left alone" matches '/backend/vtpm/' xenstore-read "/libxl/$(xl domid guest)/device/vtpm/0/backend"
! xenstore-exists "/local/domain/$(xl domid vtpmmgr)/backend/vtpm/$(xl domid guest)" || fail "a guest never gets to the manager"
echo "holds: a guest never gets to the manager"
# A session that is taken: the manager refuses the device.
vtpm_create thief pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid 1)\"]" && fail "a second domain of the same uuid is refused"
echo "holds: a second domain of the same uuid is refused"
check "the manager says why" wait_console vtpmmgr "uuid $(uuid 1) is in use by" 5
check "everything is as it was: 0" matches '^vtpm-rewire: 0 rewired, 1 already connected, 0 failed' $rewire
