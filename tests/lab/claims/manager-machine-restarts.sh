#!/bin/sh
# claim: a guest seals a secret; the whole machine is shut down and powered on again; the guest unseals it
# variants: tis
# long-variants: crb tpm12
# needs: boots guests time=900
# needs tis: tpm=2
# needs crb: tpm=2 tpm-device=crb
# needs tpm12: tpm=1.2
TPM_VERSION=2.0; [ "$VARIANT" != tpm12 ] || TPM_VERSION=1.2
. machine-lib
machine_up
case $BOOT in
1) guest_seals g1
   machine_down
   boot_again;;
2) guest_unseals g1;;
esac
