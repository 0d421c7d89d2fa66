#!/bin/sh
# claim: an unknown word, or one that a TPM of ours cannot follow and nothing depends on, is named on the console, and the vTPM serves
# variants: pv
# long-variants: pvh
# needs: time=240
. vtpm-lib
# goes_on "EXTRA" 'REGEX': ready, and a line of the console matches.
goes_on() {
  number=$((${number:-0} + 1))
  vtpm_bare "v$number" "$VARIANT" "$1" && vtpm_wait "v$number" && matches "$2" console "v$number"
  result=$?
  xl destroy "v$number"
  return $result
}
check "unknown words" goes_on 'ephemeral tpm2 nonsense hwinitpcrs=all' '^WARN: argument "nonsense" is unknown and has no effect'
check "each of them" matches '^WARN: argument "hwinitpcrs=all" is unknown and has no effect' console v1
check "maintcmds=1" goes_on 'ephemeral maintcmds=1' '^WARN: argument "maintcmds=1" has no effect: .*no maintenance commands'
check "save on a new TPM 1.2" goes_on 'ephemeral save' '^WARN: save: .*begins a fresh boot'
check "which is no error" eval '! console v3 | grep ^ERROR'
check "save on a new TPM 2.0" goes_on 'ephemeral tpm2 save' '^WARN: save: .*begins a fresh boot'
check "words in quotes" goes_on "ephemeral 'tpm2=1' maintcmds=0 hwinitpcr=none clear" '^ready for a frontend'
check "nothing to say about those" eval '! console v5 | grep -E "^(WARN|ERROR)"'
