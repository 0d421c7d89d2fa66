#!/bin/sh
# claim: without the word tpm2 a stock guest finds a TPM 1.2 with its endorsement key, and its kernel has nothing to complain about
# variants: pvh
# long-variants: pv
# needs: guests time=240
. vtpm-lib
vtpm_bare vtpm0 "$VARIANT" ephemeral && vtpm_wait vtpm0 || fail "the vTPM domain is ready"
[ "$(vtpm_says vtpm0 tpm)" = 1.2 ] || fail "data/vtpm/tpm says 1.2"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
check "the guest's own driver loads" guest_run g1 'dmesg | wc -l >/tmp/lines; modprobe xen-tpmfront && [ -c /dev/tpm0 ]'
check "the vTPM's console names the frontend as the documents say" \
  wait_console vtpm0 "^VTPM attached to Frontend $(xl domid g1)/0[^0-9]*\$" 5
check "the kernel says nothing about it, so no error either" guest_run g1 \
  'dmesg | tail -n +$(($(cat /tmp/lines) + 1)) >/tmp/new; ! grep -iE "tpm|rng" /tmp/new'

check "pcrs: 24 of them, those that no locality 0 can reset at ones, all others at zeros" guest_run g1 '
  cd /sys/devices/vtpm-0 && cat pcrs
  [ $(grep -cE "^PCR-(0[0-9]|1[0-6]|23):( 00){20} ?$" pcrs) = 18 ] && [ $(grep -cE "^PCR-(1[7-9]|2[0-2]):( FF){20} ?$" pcrs) = 6 ]'
check "pubek: the fresh TPM has an RSA-2048 endorsement key" guest_run g1 '
  cd /sys/devices/vtpm-0 && cat pubek
  grep -q "^Modulus length: 256" pubek && [ $(grep -cE "^([0-9a-f]{2} ?){16}$" pubek) = 16 ]'
check "caps: a TPM 1.2" guest_run g1 'cat /sys/devices/vtpm-0/caps; grep -q "^TCG version: 1.2" /sys/devices/vtpm-0/caps'
check "timeouts and durations: what the kernel can use without a correction" guest_run g1 '
  cd /sys/class/tpm/tpm0/device && cat timeouts durations
  grep -qE "^([1-9][0-9]{5,} ){4}\[original\]$" timeouts && grep -qE "^([1-9][0-9]{5,} ){3}\[original\]$" durations'
check "it is enabled, active, and nobody owns it" guest_run g1 '
  cd /sys/class/tpm/tpm0/device && [ "$(cat enabled active temp_deactivated owned | tr -d "\n")" = 1100 ]'
check "the kernel's random generator takes it and reads from it" guest_run g1 '
  grep -q "^tpm-rng-0$" /sys/class/misc/hw_random/rng_current || exit 1
  one=$(head -c 32 /dev/hwrng | od -An -tx1) && two=$(head -c 32 /dev/hwrng | od -An -tx1)
  [ -n "$one" ] && [ "$one" != "$two" ]'
check "a measurement moves its PCR to the value that everyone can compute" guest_run g1 '
  exec 3<>/dev/tpm0; d=$(printf measured | sha1sum | cut -c 1-40)
  printf "$(echo "00c100000022000000140000000a$d" | sed "s/../\\\\x&/g")" >&3
  head -c 30 <&3 | od -An -v -tx1 | tr -d " \n" >/tmp/answer
  want=$(printf "$(printf "%040d$d" 0 | sed "s/../\\\\x&/g")" | sha1sum | cut -c 1-40)
  cat /tmp/answer; [ "$(cat /tmp/answer)" = "00c40000001e00000000$want" ] || exit 1
  have=$(sed -n "s/^PCR-10: //p" /sys/class/tpm/tpm0/device/pcrs | tr -d " " | tr A-F a-f); [ "$have" = "$want" ]'
check "after all this the kernel still has no complaint" guest_run g1 '! dmesg | grep -iE "tpm.*(err|fail|time)|vtpm.*(err|fail)"'
