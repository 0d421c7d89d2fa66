#!/bin/sh
# claim: domain 0's kernel lets go of its TPM 2.0 unless a program has it open, does so at each boot, and the lines that vtpm-hwtpm prints give it to a manager
# long-variants: pv
# needs: boots tpm=2 tpm-dom0 time=400
. manager-lib
hand_over tpm_tis 8001:0000000c:0000017b:0010
