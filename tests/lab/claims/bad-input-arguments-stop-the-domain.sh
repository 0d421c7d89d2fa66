#!/bin/sh
# claim: a word that cannot be followed stops the vTPM domain with a message that names it, on the console and in data/vtpm/error, and xl's defaults start no loop
# variants: pv
# long-variants: pvh
# needs: time=240
. vtpm-lib
number=0
# refused "EXTRA" 'REGEX'
refused() {
  number=$((number + 1))
  check "extra=\"$1\" is refused" vtpm_refuses "v$number" "$VARIANT" "$1" "$2"
}
refused '' 'add the word ephemeral to extra='
refused 'ephemeral tpm2=0' '"tpm2=0" cannot be used: write tpm2 or tpm2=1'
refused 'ephemeral tpm2 banks=' '"banks=" cannot be used: write banks= with'
refused 'ephemeral tpm2 banks=sha256,sha256' '"banks=sha256,sha256" cannot be used'
refused 'ephemeral banks=sha256' '"banks=sha256" does not exist for a TPM 1\.2'
refused 'ephemeral maintcmds=yes' '"maintcmds=yes" cannot be used: write maintcmds=0 or maintcmds=1'
refused 'ephemeral tpm2 deactivated' '"deactivated" does not exist for a TPM 2\.0'
refused 'ephemeral hwinitpcr=all' '"hwinitpcr=all" needs a manager'
refused 'ephemeral loglevel=loud' '"loglevel=loud" cannot be used: write loglevel=error'
refused 'ephemeral platform=open' '"platform=open" does not exist for a TPM 1\.2'
refused 'ephemeral tpm2 platform=ajar' '"platform=ajar" cannot be used: write platform=open'
refused 'ephemeral locality=9' '"locality=9" cannot be used'
refused "ephemeral 'tpm2" 'unclosed .* see extra='
for each in $(seq $number); do wait_gone "v$each" 12 || fail "v$each ended by itself"; done
echo "holds: all of them ended by themselves"
sleep 1
check "and xl did not start any of them again" eval '[ "$(xl list | wc -l)" = 2 ]'
