#!/bin/sh
# claim: stock xl attaches, lists and detaches a vTPM of a running guest at once and any number of times; its PCRs stay
# variants: pvh
# long-variants: pv
# needs: guests time=300
. vtpm-lib
uuid=6f9f5a3c-0d6b-4a4e-9a51-1d6cf7b0c001
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv || fail "the guest came up"
domid=$(xl domid g1)
pcr='tpm2_pcrread -o now sha256:16; cmp now kept'

for round in 1 2 3; do
  no_ten_seconds "vtpm-attach $round is quick" xl vtpm-attach g1 uuid=$uuid backend=vtpm0
  devid=$(xl vtpm-list g1 | awk 'NR == 2 { print $1 }')
  check "vtpm-list shows it" matches "^$devid +[0-9]+ +$uuid" xl vtpm-list g1
  if [ $round = 1 ]; then
    in_guest g1 "the guest uses what was attached" '
    modprobe xen-tpmfront; until test -c /dev/tpm0; do sleep 0.1; done
    tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64); tpm2_pcrread -o kept sha256:16'
  else
    in_guest g1 "the guest uses it again, PCRs as they were" "until test -c /dev/tpm0; do sleep 0.1; done; $pcr"
  fi
  # rmmod never gets its turn: the kernel's hwrng thread always has a request with the driver.
  [ $round = 3 ] && in_guest g1 "the driver lets go of it and takes it again, PCRs as they were" "
    cd /sys/bus/xen/drivers/vtpm; echo vtpm-$devid >unbind; if test -c /dev/tpm0; then exit 1; fi
    echo vtpm-$devid >bind; cd /tmp; until test -c /dev/tpm0; do sleep 0.1; done; $pcr"
  # By number and by uuid.
  if [ $round = 2 ]; then which=$uuid; else which=$devid; fi
  no_ten_seconds "vtpm-detach $round is quick" xl vtpm-detach g1 $which
  check "nothing of the device stays in xenstore" [ "$(xenstore-ls -f / | grep -cE "(vtpm/$domid/|domain/$domid/device/vtpm/|libxl/$domid/device/vtpm/)[0-9]")" = 0 ]
  in_guest g1 "the guest's /dev/tpm0 goes" 'n=0; while test -c /dev/tpm0; do n=$((n + 1)); test $n -lt 50; sleep 0.1; done'
done
in_guest g1 "the kernel logged nothing bad about it" '! dmesg | grep -i tpm | grep -iE "error|fail|timeout|timed"'
