#!/bin/sh
# claim: banks= chooses the PCR banks, a stock driver's extend reaches every one of them, and only platform=open opens the platform hierarchy
# variants: pv
# long-variants: pvh
# needs: guests time=240
. vtpm-lib
vtpm_bare plain "$VARIANT" 'tpm2 ephemeral' && vtpm_wait plain || fail "tpm2 is accepted"
vtpm_bare chosen "$VARIANT" 'tpm2=1 ephemeral banks=sha1,sha256,sha384 platform=open' && vtpm_wait chosen ||
  fail "tpm2=1 with banks= and platform=open is accepted"
check "platform=open says so on the console" matches '^WARN: platform=open: ' console chosen
check "a closed platform needs no words" eval '! console plain | grep -q platform'
guest_start g1 pv 'vtpm=["backend=plain", "backend=chosen"]' || fail "the guest came up"
check "the guest has both" guest_run g1 'modprobe xen-tpmfront && ls /dev/tpm0 /dev/tpm1'

banks() { guest_run g1 "tpm2_getcap -T device:/dev/tpm$1 pcrs | grep -E 'sha[0-9]+: \[ 0,' | grep -oE 'sha[0-9]+' | tr '\n' ' '"; }
check "without banks= they are SHA-1 and SHA-256" [ "$(banks 0)" = "sha1 sha256 " ]
check "banks=sha1,sha256,sha384 gives these three" [ "$(banks 1)" = "sha1 sha256 sha384 " ]
check "an extend in the 1.2 form moves PCR 10 of all three banks, the digest padded with zeros" guest_run g1 '
  d=$(printf measured | sha1sum | cut -c 1-40); bytes() { printf "$(echo "$1" | sed "s/../\\\\x&/g")"; }
  exec 3<>/dev/tpm1; bytes "00c100000022000000140000000a$d" >&3; head -c 30 <&3 | od -An -v -tx1 | tr -d " \n" >/tmp/answer; exec 3>&-
  tpm2_pcrread -T device:/dev/tpm1 sha1:10+sha256:10+sha384:10 | tr A-F a-f >/tmp/pcrs; cat /tmp/answer /tmp/pcrs
  for size in 20:1 32:256 48:384; do
    n=$((${size%:*} * 2)); padded=$(echo "$d$(printf "%096d" 0)" | cut -c 1-$n)
    want=$(bytes "$(printf "%0${n}d" 0)$padded" | openssl dgst -sha${size#*:} | sed "s/.*= //")
    grep -q "0x$want$" /tmp/pcrs || { echo "sha${size#*:}: want $want"; exit 1; }
  done
  grep -q "^00c40000001e00000000" /tmp/answer'
check "by default the guest cannot use the platform hierarchy" guest_run g1 '! tpm2_clear -T device:/dev/tpm0 -c p'
check "with platform=open it can" guest_run g1 'tpm2_clear -T device:/dev/tpm1 -c p'
