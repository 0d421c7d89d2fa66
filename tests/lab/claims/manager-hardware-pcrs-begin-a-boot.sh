#!/bin/bash
# claim: with hwinitpcr= a vTPM's boot begins with the hardware TPM's PCRs: each of the range is extended by the hardware's value of the same bank, the others and a bank without counterpart stay at reset
# long-variants: tis tpm12 tpm12-20
# needs: tpm-dom0 time=300
# needs tis: tpm=2
# needs tpm12: tpm=1.2
# needs tpm12-20: tpm=1.2
. manager-lib
eval "$(raw_tpm)"
iomem='iomem=["fed40,5"]'
uuid=11111111-1111-1111-1111-111111111111
word=tpm2 hardware=tpm2 sum=sha256sum digits=64
case $VARIANT in
tpm12) word= hardware= sum=sha1sum digits=40;;
tpm12-20) hardware=;;
esac
bytes() { printf "$(echo "$1" | sed 's/../\\x&/g')"; }
# of A B: the digest of both, one behind the other.
of() { bytes "$1$2" | $sum | cut -c "1-$digits"; }
nothing=$(printf "%0${digits}d" 0)
measured=$(printf "%0${digits}d" 7)
# pcr NUMBER: domain 0 reads it in the vTPM.
pcr() {
  TPM=$(echo /dev/tpm[0-9])
  if [ "$digits" = 40 ]; then tpm "00c10000000e00000015$(printf %08x "$1")" | tail -c 40
  else tpm "8001:00000014:0000017e:00000001:000b:03:$(printf '%02x%02x%02x' $((1 << $1 & 255)) $((1 << $1 >> 8 & 255)) $((1 << $1 >> 16)))" | tail -c 64; fi
}
is() { echo "PCR $1 is $(pcr "$1"), expected $2"; [ "$(pcr "$1")" = "$2" ]; }
case $VARIANT in tpm12-20) first=$(printf %040d 7);; *) first=$measured;; esac
measure 8 "$first" || fail "domain 0 extends PCR 8 of the hardware TPM"
manager_start pv "$hardware" "$iomem" || fail "the manager came up"
vtpm_start vtpm1 pv "$word hwinitpcr=8-9" "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "the vTPM came up"
has_tpm_device() { set -- /dev/tpm[0-9]; test -c "$1"; }
check "domain 0 gets the vTPM" xl vtpm-attach 0 backend=vtpm1
modprobe xen-tpmfront
lab_until 20 has_tpm_device || { ls /dev/tpm*; dmesg | grep -i tpm | tail; console vtpm1; fail "domain 0 has the vTPM"; }
if [ "$VARIANT" = tpm12-20 ]; then
  check "a bank that the hardware does not have is named" \
    matches 'hwinitpcr: the hardware TPM has no bank SHA.?256' console vtpm1
  check "and stays at reset" is 8 "$nothing"
  exit 0
fi
check "PCR 8 is extended by the hardware's" is 8 "$(of "$nothing" "$(of "$nothing" "$measured")")"
check "PCR 9, too" is 9 "$(of "$nothing" "$nothing")"
check "PCR 10 is not in the range" is 10 "$nothing"
