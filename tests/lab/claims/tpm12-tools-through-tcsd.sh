#!/bin/sh
# claim: the programs of tpm-tools own, test, seal, unseal and store in a TPM 1.2 through tcsd
# long-variants: pv pvh
# needs: guests time=240
. vtpm-lib
vtpm_bare vtpm0 "$VARIANT" ephemeral && vtpm_wait vtpm0 || fail "the vTPM domain is ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
check "tcsd finds the TPM" guest_run g1 'modprobe xen-tpmfront && tcsd-start'
check "tpm_version names a TPM 1.2" guest_run g1 '
  tpm_version >/tmp/out; cat /tmp/out; grep -q "Chip Version: *1\.2\." /tmp/out && grep -q "Spec Level: *2" /tmp/out'
check "tpm_selftest succeeds" guest_run g1 'tpm_selftest -l info'
check "tpm_getpubek shows the endorsement key, before anybody owns the TPM" guest_run g1 'tpm_getpubek >/tmp/ek && grep -q "2048 bits" /tmp/ek'
check "tpm_takeownership with well-known secrets" guest_run g1 'tpm_takeownership -y -z && [ "$(cat /sys/class/tpm/tpm0/device/owned)" = 1 ]'
check "a second tpm_takeownership is refused" guest_run g1 '! tpm_takeownership -y -z'
check "now only the owner sees the endorsement key, and it is the same" guest_run g1 '
  ! tpm_getpubek >/tmp/none && tpm_getpubek -z >/tmp/ek2 && tail -n 8 /tmp/ek >/tmp/a && tail -n 8 /tmp/ek2 >/tmp/b && cmp /tmp/a /tmp/b'
check "tpm_sealdata and tpm_unsealdata give the secret back" guest_run g1 '
  cd /tmp && echo "a secret" >plain && tpm_sealdata -z -i plain -o sealed && ! grep -q "a secret" sealed && tpm_unsealdata -z -i sealed -o back && cmp plain back'
check "what is sealed to a PCR opens, and no more once that PCR has moved" guest_run g1 '
  cd /tmp && tpm_sealdata -z -p 10 -i plain -o sealed10 && tpm_unsealdata -z -i sealed10 -o back10 && cmp plain back10 || exit 1
  kill $(pidof tcsd); sleep 1; exec 3<>/dev/tpm0
  printf "$(echo 00c100000022000000140000000a1111111111111111111111111111111111111111 | sed "s/../\\\\x&/g")" >&3
  head -c 10 <&3 | od -An -tx1; exec 3>&-
  tcsd-start && tpm_unsealdata -z -i sealed -o again && cmp plain again && ! tpm_unsealdata -z -i sealed10 -o never'
check "NV storage: defined, written, read, listed, released" guest_run g1 '
  cd /tmp && printf "kept by the TPM!" >text && tpm_nvdefine -y -i 0x1002 -s 16 -p "OWNERWRITE|OWNERREAD" &&
  tpm_nvwrite -z -i 0x1002 -s 16 -f text && tpm_nvread -z -i 0x1002 -s 16 -f text2 && cmp text text2 &&
  tpm_nvinfo | grep -q 0x00001002 && tpm_nvrelease -y -i 0x1002 && ! tpm_nvinfo | grep -q 0x00001002'
check "all that without a complaint of the kernel" guest_run g1 '! dmesg | grep -iE "tpm.*(err|fail|time)"'
