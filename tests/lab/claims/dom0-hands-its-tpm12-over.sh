#!/bin/sh
# claim: the same with a TPM 1.2
# long-variants: pv
# needs: boots tpm=1.2 tpm-dom0 time=400
. manager-lib
hand_over tpm_tis 00c1:0000000e:00000046:00000010
