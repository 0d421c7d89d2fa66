#!/bin/sh
# claim: deactivated gives a guest a TPM 1.2 that is switched off, and locality= decides whose commands at locality 0 are carried out
# long-variants: pv pvh
# needs: guests time=240
. vtpm-lib
start() { vtpm_bare "$1" "$VARIANT" "$2" && vtpm_wait "$1"; }
start off 'ephemeral deactivated' || fail "deactivated is accepted"
start zero 'ephemeral tpm2 locality=0,2' || fail "locality=0,2 is accepted"
start one 'ephemeral tpm2 locality=1' || fail "locality=1 is accepted"
start label 'ephemeral locality=system_u:system_r:domU_t=0' || fail "a rule by label is accepted"
guest_start g1 pv 'vtpm=["backend=off", "backend=zero", "backend=one"]' || fail "the guest came up"
check "the guest has all three" guest_run g1 'modprobe xen-tpmfront && ls /dev/tpm0 /dev/tpm1 /dev/tpm2'
check "deactivated: the guest's kernel says so" guest_run g1 '
  cd /sys/class/tpm/tpm0/device && [ "$(cat enabled temp_deactivated | tr -d "\n")" = 11 ]'
check "deactivated: a new owner is refused" guest_run g1 'tcsd-start && ! tpm_takeownership -y -z && [ "$(cat /sys/class/tpm/tpm0/device/owned)" != 1 ]'
check "locality=0,2: locality 0, which a stock driver claims, is served" guest_run g1 'tpm2_getrandom -T device:/dev/tpm1 --hex 8'
check "locality=1: locality 0 is answered with TPM_RC_LOCALITY" guest_run g1 'tpm2_getrandom -T device:/dev/tpm2 --hex 8 >/tmp/out 2>&1; cat /tmp/out; grep -qi "0x907\|locality" /tmp/out'
# libxl gives an attach that the backend refuses ten seconds.
check "a rule by label refuses a guest that has none" eval '! timeout 60 xl vtpm-attach g1 backend=label'
check "and its console says what to write instead" matches '^WARN: frontend .* is not served: no locality= rule .*write locality=0 for every guest' console label
check "such a vTPM goes on" [ "$(vtpm_says label state)" = ready ]
