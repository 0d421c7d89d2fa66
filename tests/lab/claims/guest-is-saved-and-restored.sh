#!/bin/sh
# claim: a guest that stock xl saves and restores finds what its TPM keeps, and reset PCRs, as /dev/tpm1; one that is saved and goes on keeps its PCRs; without its vTPM domain a guest is not restored, and is once that runs again
# variants: pv
# long-variants: pvh
# needs: guests time=400
. service-lib
lean_guest
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest uses its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000; ok \$extend; test \$(pcr16) != \$zeros"
check "stock xl saves the guest, which goes on" xl save -c g1 /tmp/g1.save
raw_guest g1 "its PCRs are as they were" 'ok $random; test $(pcr16) != $zeros'
check "stock xl saves the guest" xl save g1 /tmp/g1.save
check "it is gone" wait_gone g1 10
check "stock xl restores it" xl restore /tmp/g1.save
guest_wait g1 || fail "the guest came back"
raw_guest g1 "its TPM keeps what it wrote, and its PCRs are reset" \
  "TPM=/dev/tpm1; has_tpm; tpm $nv_read | grep -q 123456789abcde01; test \$(pcr16) = \$zeros; ok \$extend"
check "stock xl saves it again" xl save g1 /tmp/g1.save
check "its vTPM domain ends" vtpm_stop vtpm0
check "without a vTPM domain of that name it is not restored" eval '! xl restore /tmp/g1.save 2>/tmp/refused.log'
check "which xl says" matches 'unable to add vtpm devices' cat /tmp/refused.log
check "nor is anything of it left" toolstack_gone g1
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "a new vTPM domain gets ready"
check "with one it is restored from the same file" xl restore /tmp/g1.save
guest_wait g1 || fail "the guest came back once more"
raw_guest g1 "it finds the TPM that is there now" 'TPM=/dev/tpm2; has_tpm; ok $random; test $(pcr16) = $zeros'
