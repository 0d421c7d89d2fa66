#!/bin/sh
# claim: booted otherwise, the manager refuses its store, names the PCR, and vTPMs wait; the recovery key opens it; a state that was added before needs no key, and is refused once dropped; xl-vtpm leaves a locked manager alone
# long-variants: pv guest tpm12
# needs: tpm-dom0 time=460
# needs pv: tpm=2
# needs guest: tpm=2 guests
# needs tpm12: tpm=1.2
. manager-lib
iomem='iomem=["fed40,5"]'
uuid=11111111-1111-1111-1111-111111111111
key=/tmp/recovery-key
word=tpm2 bank=sha256 first=$(printf %064d 1) second=$(printf %064d 2)
[ "$VARIANT" != tpm12 ] || word= bank=sha1 first=$(printf %040d 1) second=$(printf %040d 2)
manager_sum() { md5sum <$vtpm_files/vmgr.img; }
vtpm_is_there() { vtpm_start vtpm1 pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]"; }
with_guest() { [ "$VARIANT" = guest ] || return 0; "$@"; }
# TPM2_NV_DefineSpace, TPM2_NV_Write and TPM2_NV_Read of eight bytes by the owner.
define=8002:0000002d:0000012a:40000001:00000009:40000009:0000:00:0000:0000:000e:01500002:000b:00020002:0000:0008
write=8002:0000002b:00000137:40000001:01500002:00000009:40000009:0000:00:0000:0008
read=8002:00000023:0000014e:40000001:01500002:00000009:40000009:0000:00:0000:0008:0000
guest_comes() { guest_start g1 pv 'vtpm=["backend=vtpm1"]' || fail "the guest came up"; }
guest_writes() {
  lean_guest; guest_comes
  raw_guest g1 "the guest writes into its TPM" "has_tpm; ok $define; ok $write:123456789abcdef0:0000"
  guest_stop g1
}
guest_reads() {
  guest_comes
  raw_guest g1 "the guest reads what it wrote" "has_tpm; tpm $read | grep -q 123456789abcdef0"
  guest_stop g1
}

check "domain 0 lets go of the TPM" manager_gets_tpm
manager_start pv "$word" "$iomem" || fail "the manager came up"
check "a way is made to it" manager_channel
check "a recovery key is handed out" ctl policy recovery-key --out $key
[ "$(stat -c %a $key)" = 600 ] || fail "only root may read it"
check "not a second time" exits 4 ctl policy recovery-key --out /tmp/another
vtpm_is_there || fail "the vTPM came up"
with_guest guest_writes
vtpm_stop vtpm1; manager_down || fail "everything stops"
sum=$(manager_sum)

measure 7 $first || fail "PCR 7 is extended"
check "booted otherwise, the manager refuses its store" manager_locked pv "$word" "$iomem"
check "and names the PCR and what to do" matches 'PCRs 7 of bank SHA.* differ; .*recovery key' manager_says error
console_forget vtpm1
vtpm_create vtpm1 pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "xl created the vTPM"
other_key() { echo 0000-0000-0000-0000-0000-0000-0000-0000-0000 | ctl policy recover; }
sleep 10
check "the vTPM waits" wait_node "/local/domain/$(xl domid vtpm1)/data/vtpm/state" '^starting$' 5
check "another key opens nothing" exits 4 other_key
[ "$sum" = "$(manager_sum)" ] || fail "the store is as it was"
! lab_node_is "/local/domain/$(xl domid vtpm1)/data/vtpm/state" '^ready$' || fail "the vTPM waits"
check "the recovery key opens the store" matches 'cannot be detected' ctl policy recover --key $key
check "the manager is ready" wait_node "/local/domain/$(xl domid vtpmmgr)/data/vtpmmgr/state" '^ready$' 10
check "the vTPM that waited is served" vtpm_wait vtpm1 60
check "with the state that it had" matches 'its state is generation' console vtpm1
with_guest guest_reads
secret() { grep -rqsF "$(cat $key)" $lab_consoles /var/log/xen || xenstore-ls -f / | grep -qF "$(cat $key)"; }
! secret || fail "the recovery key is in no log and not in xenstore"
echo "holds: the recovery key is in no log and not in xenstore"
vtpm_stop vtpm1

next=$(ctl policy predict --extend $bank:7=$second | sed -n 's/^state *//p')
after_next=$(ctl policy predict "$next" --extend $bank:7=$first | sed -n 's/^state *//p')
check "the states after two updates are added" ctl policy add "$next" "$after_next"
manager_down || fail "the manager stops"
measure 7 $second || fail "PCR 7 is extended"
manager_start pv "$word" "$iomem" || fail "a state that was added is accepted without the recovery key"
echo "holds: a state that was added is accepted without the recovery key"
check "a way is made to it" manager_channel
check "all states but the present one are dropped" ctl policy drop
manager_down || fail "the manager stops"
measure 7 $first || fail "PCR 7 is extended"
manager_create pv "$word" "$iomem" || fail "xl created the manager"
check "a state that was dropped is refused" manager_wait locked

# The tools for domain 0 say what to do, and leave it as it is, whoever started it.
mkdir -p /etc/xen/vtpm && sed 's/^on_crash=.*//' $vtpm_files/vmgr.cfg >/etc/xen/vtpm/vtpmmgr.cfg || lab_error "no file"
said_and_left() {
  number=$(xl domid vtpmmgr)
  /lab/tools/xl-vtpm manager start --timeout 60 >/tmp/said 2>&1
  code=$?
  cat /tmp/said
  [ $code = 6 ] && grep -q 'waits for the recovery key and is left as it is; bring the key' /tmp/said || return 1
  [ "$number" = "" ] || [ "$number" = "$(xl domid vtpmmgr)" ]
}
check "xl-vtpm manager start leaves the locked manager alone" said_and_left
check "which is still locked" manager_wait locked 5
check "it ends" manager_stop
check "xl-vtpm leaves one alone that it started itself" said_and_left
check "which is locked" manager_wait locked 5
