#!/bin/sh
# claim: a guest seals a secret; the whole machine is shut down and powered on again; the guest unseals it
# long-variants: tis crb tpm12
# needs: boots guests tpm-dom0 time=900
# needs tis: tpm=2
# needs crb: tpm=2 tpm-device=crb
# needs tpm12: tpm=1.2
TPM_VERSION=2.0; [ "$VARIANT" != tpm12 ] || TPM_VERSION=1.2
. machine-lib
# TPM2_GetCapability of TPM_PT_STARTUP_CLEAR; its bit 31: the TPM was told before its power went.
orderly() {
  machine_answer=$(eval "$(raw_tpm)"; printf() { busybox printf "$@"; }; tpm 8001:00000016:0000017a:00000006:00000201:00000001)
  case $(echo "$machine_answer" | tail -c 9) in [89a-f]*) ;; *) echo "$machine_answer"; return 1;; esac
}
if [ "$BOOT" = 2 ] && [ "$VARIANT" != tpm12 ]; then
  check "the manager had brought the TPM to rest: it saw an orderly end" orderly
fi
check "domain 0 lets go of the TPM" manager_gets_tpm
machine_up
case $BOOT in
1) guest_seals g1
   machine_down
   boot_again;;
2) guest_unseals g1;;
esac
