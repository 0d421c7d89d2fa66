#!/bin/sh
# claim: a stock Linux guest uses a TPM 2.0 vTPM through its own xen-tpmfront: random numbers, PCRs, keys, signatures, NV storage, quotes
# variants: pvh
# long-variants: pv
# needs: guests time=300
. vtpm-lib
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
check "the vTPM domain says which TPM it has" matches '^2\.0$' vtpm_says vtpm0 tpm
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"

in_guest g1 "the guest's own xen-tpmfront makes a /dev/tpm0 of it" 'modprobe xen-tpmfront; test -c /dev/tpm0; tpm2_getrandom -T device:/dev/tpm0 --hex 16'
in_guest g1 "the driver knows time-outs and durations that are not zero" '
cat /sys/class/tpm/tpm0/timeouts; cat /sys/class/tpm/tpm0/durations
grep -q "^752000 2000000 752000 752000 " /sys/class/tpm/tpm0/timeouts
grep -Eq "^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]* " /sys/class/tpm/tpm0/durations'
in_guest g1 "two reads of random numbers differ" '
a=$(tpm2_getrandom --hex 32); b=$(tpm2_getrandom --hex 32); test ${#a} = 64; test "$a" != "$b"'
in_guest g1 "the kernel takes random numbers from it" '
echo tpm-rng-0 >/sys/class/misc/hw_random/rng_current || cat /sys/class/misc/hw_random/rng_available
grep -q tpm-rng-0 /sys/class/misc/hw_random/rng_current
a=$(head -c 32 /dev/hwrng | sha256sum); b=$(head -c 32 /dev/hwrng | sha256sum); test "$a" != "$b"'
in_guest g1 "a PCR starts as zero and takes an extend in both banks" '
head -c 32 /dev/zero >zero; printf a | openssl dgst -sha256 -binary >event
tpm2_pcrread -Q -o before sha256:16; cmp before zero
tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64),sha1=$(printf a | sha1sum | cut -c1-40)
tpm2_pcrread -Q -o after sha256:16; cat zero event | openssl dgst -sha256 -binary | cmp - after
tpm2_pcrread -Q -o other sha1:16; (head -c 20 zero; printf a | openssl dgst -sha1 -binary) | openssl dgst -sha1 -binary | cmp - other'
# Without a resource manager programs leave their keys in the TPM, which has room for three.
tidy='tidy() { "$@"; code=$?; tpm2_flushcontext -t; return $code; }'
for kind in ecc rsa; do
  in_guest g1 "a primary $kind key signs, and the TPM and openssl both find the signature good" "$tidy"'
tidy tpm2_createprimary -Q -C o -g sha256 -G '$kind' -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign" -c key
tidy tpm2_readpublic -Q -c key -f pem -o key.pem
echo "sign me" >text; tidy tpm2_sign -Q -c key -g sha256 -f plain -o plain text
openssl dgst -sha256 -verify key.pem -signature plain text
tidy tpm2_sign -Q -c key -g sha256 -o sig text; tidy tpm2_verifysignature -c key -g sha256 -m text -s sig
echo "another" >text; ! tidy tpm2_verifysignature -c key -g sha256 -m text -s sig'
done
in_guest g1 "what is written to NV storage is read back, only with its password" '
tpm2_nvdefine -Q -C o -s 16 -p secret -a "authread|authwrite" 0x1500001
printf "kept by the vTPM" | tpm2_nvwrite -Q -P secret -i- 0x1500001
test "$(tpm2_nvread -P secret 0x1500001)" = "kept by the vTPM"
if tpm2_nvread -P wrong 0x1500001; then exit 1; fi; test "$(tpm2_getcap properties-variable | grep LOCKOUT_COUNTER | cut -d: -f2 | tr -d " ")" = 0x1'
in_guest g1 "a quote over PCRs passes its check, and fails with another nonce" "$tidy"'
tidy tpm2_createek -Q -G ecc -c ek; tidy tpm2_createak -Q -C ek -c ak -G ecc -g sha256 -s ecdsa -u ak.pem -f pem
tidy tpm2_quote -Q -c ak -l sha256:0,16 -q 1234 -m msg -s sig -o pcrs -g sha256
tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 1234
! tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 4321'
in_guest g1 "the guest may not use the platform hierarchy" '! tpm2_clear -c p'
in_guest g1 "the kernel logged nothing bad about it" '
dmesg | grep -i tpm; ! dmesg | grep -i tpm | grep -iE "error|fail|warn|timeout|timed|invalid"'
check "the guest shuts down" xl shutdown -w g1
check "the vTPM domain is told" wait_console vtpm0 'the frontend closed|detaches' 5
