#!/bin/sh
# claim: in a guest that stock xl restores, vtpm-relay.service serves the vTPM's new device
# long-variants: pv
# needs: guests systemd time=900
. vtpm-lib
. relay-units-lib
systemd_layer
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_boots g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
GUEST_RUN_SECONDS=200
in_guest g1 "the relay serves" "$settled"'systemctl is-active vtpm-relay.service; tpm2_getrandom -T device:/dev/tpmrm0 --hex 8'
# Domain 0 has no room for the guest's memory as it is.
mkfifo /tmp/saving /tmp/restoring
gzip -1 </tmp/saving >/tmp/g1.save.gz &
check "stock xl saves the guest" xl save g1 /tmp/saving
wait
check "it is gone" wait_gone g1 10
ls -l /tmp/g1.save.gz
zcat /tmp/g1.save.gz >/tmp/restoring &
check "stock xl restores it" xl restore /tmp/restoring
guest_wait g1 || fail "the guest came back"
in_guest g1 "the relay has told where its vTPM is now" '
for i in $(seq 200); do journalctl -q -u vtpm-relay | grep -q "/dev/tpm0 is gone, and its vTPM is there again as /dev/tpm2" && exit; sleep 0.2; done
journalctl --no-pager -o short-monotonic | tail -n 30; exit 1'
in_guest g1 "and serves there" '
for i in $(seq 200); do systemctl is-active -q vtpm-relay.service && break; sleep 0.2; done
systemctl --no-pager status vtpm-relay.service; systemctl is-active -q vtpm-relay.service
vtpm-proxy list | grep relay-tpm2; tpm2_getrandom -T device:/dev/tpmrm0 --hex 8'
