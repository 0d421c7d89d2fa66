#!/bin/sh
# claim: what a guest sealed with tpm-tools and wrote into NV storage of its TPM 1.2 is there after guest, vTPM domain and manager were restarted, with the manager's store sealed to the hardware TPM
# long-variants: tis tpm12
# needs: guests time=500
# needs tis: tpm=2
# needs tpm12: tpm=1.2
. manager-lib
iomem='iomem=["fed40,5"]'
word=tpm2; [ "$VARIANT" = tis ] || word=
up() { # WHEN
  manager_start pv "$word" "$iomem" || fail "the manager came up$1"
  vtpm_start vtpm1 pv "" 'vtpm=["backend=vtpmmgr,uuid=12121212-1111-1111-1111-111111111111"]' || { console vtpmmgr; fail "the vTPM came up$1"; }
  guest_start g1 pv 'vtpm=["backend=vtpm1"]' || fail "the guest came up$1"
}
up ""
check "tcsd finds the TPM" guest_run g1 'modprobe xen-tpmfront && tcsd-start'
check "the guest owns its TPM" guest_run g1 'tpm_takeownership -y -z'
check "seals a secret" guest_run g1 'cd /tmp && echo "a secret" >plain && tpm_sealdata -z -i plain -o sealed'
check "and writes" guest_run g1 'cd /tmp && printf "kept by the TPM!" >text && tpm_nvdefine -y -i 0x1002 -s 16 -p "OWNERWRITE|OWNERREAD" && tpm_nvwrite -z -i 0x1002 -s 16 -f text'
# What a real guest has on its disk: the sealed file, and tcsd's own notes.
guest_run g1 'cd / && tar -c -z tmp/sealed var/lib/tpm | base64' | base64 -d >/tmp/kept.tgz
[ -s /tmp/kept.tgz ] || lab_error "the guest's files"
guest_stop g1
vtpm_stop vtpm1 || fail "the vTPM stops"
manager_stop || fail "the manager stops"
up " again"
check "it goes on from the state that it had" matches 'its state is generation' console vtpm1
guest_put g1 /tmp/kept.tgz /tmp/kept.tgz || lab_error "the guest's files"
check "tcsd finds the TPM again" guest_run g1 'modprobe xen-tpmfront; tar -x -z -C / -f /tmp/kept.tgz && tcsd-start'
check "it is owned, and nobody can own it again" guest_run g1 '[ "$(cat /sys/class/tpm/tpm0/device/owned)" = 1 ] && ! tpm_takeownership -y -z'
check "the secret unseals" guest_run g1 'cd /tmp && tpm_unsealdata -z -i sealed -o back && grep -qx "a secret" back'
check "what was written is there" guest_run g1 'cd /tmp && tpm_nvread -z -i 0x1002 -s 16 -f text2 && [ "$(cat text2)" = "kept by the TPM!" ]'
