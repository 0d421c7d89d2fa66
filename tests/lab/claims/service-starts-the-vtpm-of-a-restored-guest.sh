#!/bin/sh
# claim: a guest's vTPM ends when stock xl saves the guest, and its disk script starts it when xl restores it; what the TPM kept is there
# long-variants: pv
# needs: guests time=600
. service-lib
lean_guest
installed
check "the files are written" configured pv g1
on_demand g1
echo 'RUN_ARGS="--grace 5"' >>/etc/default/xl-vtpm
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
check "its TPM is made" made g1
check "a guest starts" xl create -q /tmp/g1.cfg
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it writes into its TPM, and measures" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000; ok \$extend; test \$(pcr16) != \$zeros"
check "stock xl saves it" xl save g1 /tmp/g1.save
check "its vTPM ends" wait_gone g1-vtpm 40
check "stock xl restores it" xl restore /tmp/g1.save
guest_wait g1 || fail "the guest came back"
raw_guest g1 "its TPM keeps what it wrote, and its PCRs are reset" \
  "TPM=/dev/tpm1; has_tpm; tpm $nv_read | grep -q 123456789abcde01; test \$(pcr16) = \$zeros"
check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
