#!/bin/sh
# claim: with tpmdriver=tpmfront a manager has another TPM domain for hardware: it seals to it, opens its store again after a restart, and its vTPM keeps what a guest wrote
# long-variants: tpm20 tpm12 tpm20-pvh
# needs: guests time=300
. manager-lib
lean_guest
uuid=11111111-1111-1111-1111-111111111111
relay='vtpm=["backend=front,uuid=f0000000-0000-0000-0000-000000000000"]'
# TPM2_NV_DefineSpace, TPM2_NV_Write and TPM2_NV_Read of eight bytes by the owner.
define=8002:0000002d:0000012a:40000001:00000009:40000009:0000:00:0000:0000:000e:01500002:000b:00020002:0000:0008
write=8002:0000002b:00000137:40000001:01500002:00000009:40000009:0000:00:0000:0008
read=8002:00000023:0000014e:40000001:01500002:00000009:40000009:0000:00:0000:0008:0000
type=pv tpm2=tpm2 version=2.0
case $VARIANT in
  tpm12) tpm2= version=1.2;;
  tpm20-pvh) type=pvh;;
esac
# The TPM in front measured no boot, so the policy over its PCRs has to be forced.
words="$tpm2 tpmdriver=tpmfront seal=unmeasured"
up() { # the vTPM of the manager, and its guest
  vtpm_start vtpm "$type" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "the vTPM came up"
  guest_start g pv 'vtpm=["backend=vtpm"]' || fail "the guest came up"
}
vtpm_start front "$type" "ephemeral $tpm2" || fail "the TPM domain in front came up"
manager_start "$type" "$words" "$relay" || fail "the manager came up"
check "it found another TPM domain" matches "hardware TPM $(echo $version | sed 's/\./\\./') by another TPM domain \(tpmfront\)" console vtpmmgr
check "it made a new store" matches 'a new store was made' console vtpmmgr
up
raw_guest g "the guest writes into its TPM" "has_tpm; ok $define; ok $write:123456789abcdef0:0000"
guest_stop g; vtpm_stop vtpm || fail "the vTPM stops"
check "the manager stops in order" manager_stop
check "the TPM was brought to rest" matches 'the hardware TPM is at rest' console vtpmmgr
manager_start "$type" "$words" "$relay" || fail "the manager came up again"
check "it opened the store that was there" matches 'its store was opened' console vtpmmgr
up
raw_guest g "the guest reads what it wrote" "has_tpm; tpm $read | grep -q 123456789abcdef0"
xl destroy front
guest_stop g
check "without the TPM domain in front the manager ends in order" manager_stop
manager_create "$type" "$words" "$relay" 2>/dev/null && fail "xl created a manager whose TPM domain is not there"
[ "$VARIANT" = tpm12 ] || exit 0
manager_create "$type" "$words" || fail "xl created a manager without a device"
check "without a device it says what to check" manager_wait failed 60
check "by name" matches 'check vtpm= in this domain.s file' manager_says error
