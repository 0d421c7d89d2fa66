#!/bin/sh
# claim: the same with a TPM 2.0 that has CRB registers
# long-variants: pv
# needs: boots tpm=2 tpm-device=crb tpm-dom0 time=400
. manager-lib
hand_over tpm_crb 8001:0000000c:0000017b:0010
