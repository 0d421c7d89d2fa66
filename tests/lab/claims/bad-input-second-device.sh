#!/bin/sh
# claim: a second device of the same guest, or another guest's, is refused by a vTPM with a message, and the guest that has the TPM goes on with it and with everything else
# variants: pv
# long-variants: pvh
# needs: guests time=240
. vtpm-lib
vtpm_bare vtpm0 "$VARIANT" 'tpm2 ephemeral' && vtpm_wait vtpm0 || fail "the vTPM domain is ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
check "the guest uses its TPM" guest_run g1 'modprobe xen-tpmfront && tpm2_pcrextend -T device:/dev/tpm0 10:sha256=1111111111111111111111111111111111111111111111111111111111111111'
# The guest also reports by itself, without anybody asking.
guest_run g1 'setsid sh -c "n=0; while sleep 1; do n=\$((n + 1)); xenstore-write data/lab/pcr \"\$n \$(tpm2_pcrread -T device:/dev/tpm0 sha256:10 | tail -n 1)\"; done" >/dev/null 2>&1 &'
guest=$(xl domid g1)
check "a second device of the same guest cannot be attached" eval '! timeout 60 xl vtpm-attach g1 backend=vtpm0'
# Linux's driver meets the device in the thread that also carries these commands to the guest, and
# would keep it for four minutes if nobody answered its probe.
check "the guest still takes commands" eval 'GUEST_RUN_SECONDS=20 guest_run g1 true'
check "its driver has given the refused device up" \
  lab_until 10 eval '[ "$(xenstore-read /local/domain/$guest/device/vtpm/1/state)" = 6 ]'
check "and there is one TPM in the guest, the first" eval '[ "$(guest_run g1 "ls /sys/class/tpm")" = tpm0 ]'
check "the console says why, and what to do" \
  matches "^WARN: frontend vTPM device 1 of domain $guest is not served: .*one frontend at a time, and has vTPM device 0 of domain $guest: detach that one first" console vtpm0
check "what xl left of it, xl vtpm-detach removes" eval 'timeout 9 xl vtpm-detach g1 1 && [ "$(xl vtpm-list g1 | wc -l)" = 2 ]'
GUEST_RAMDISK=/lab/guest/guest.cpio guest_config g2 pv 'vtpm=["backend=vtpm0"]' >/tmp/g2.cfg
check "another guest with this vTPM in its configuration is not created" eval '! timeout 90 xl create -q /tmp/g2.cfg'
check "and nothing of it stays" lab_no_domain g2
pcr=/local/domain/$guest/data/lab/pcr
before=$(xenstore-read $pcr)
goes_on() { [ "$(xenstore-read $pcr)" != "$before" ]; }
check "the guest that has the TPM still reads from it" lab_until 20 goes_on
check "and reads what it had extended" eval 'xenstore-read $pcr | grep -E "0x[0-9A-F]{64}" | grep -vq "0x0\{64\}"'
