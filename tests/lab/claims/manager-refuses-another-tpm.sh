#!/bin/sh
# claim: when the hardware TPM is another one or absent after a power-on, the manager says which, leaves its disk as it is, and opens it with the TPM it knows
# long-variants: tis tpm12
# needs: boots time=900
# needs tis: tpm=2
# needs tpm12: tpm=1.2
TPM_VERSION=2.0; [ "$VARIANT" != tpm12 ] || TPM_VERSION=1.2
. machine-lib
untouched() { sha256sum -c /lab/kept/sum; }
# refused "SENTENCE" REGEX: the manager does not open its store and says why.
refused() {
  machine_manager_create || fail "xl created the manager"
  check "$1: the manager does not open its store" manager_wait failed
  check "and says why" matches "$2" manager_says error
  xl destroy vtpmmgr 2>/dev/null
  wait_gone vtpmmgr 60 || fail "the manager is gone"
  check "its disk is as it was" untouched
}
case $BOOT in
1) machine_manager_start
   machine_stop vtpmmgr
   sha256sum /lab/kept/vmgr.img >/lab/kept/sum
   next_tpm other;;
2) refused "with another TPM" 'this is not the hardware TPM that the secret was sealed to'
   next_tpm none;;
# Where nothing answers a PC reads ones, this machine zeros.
3) refused "without a TPM" 'no hardware TPM answers|the hardware TPM did not make its registers valid'
   next_tpm first;;
4) machine_manager_start
   echo "holds: with the TPM it knows the manager opens its store"
   exit;;
esac
boot_again
