#!/bin/sh
# claim: a vTPM domain without a source of entropy refuses to serve
# variants: pvh
# long-variants: pv
# needs: time=120
. vtpm-lib
masked='cpuid="host,rdrand=0,rdseed=0"'
check "a TPM 2.0 without RDRAND and RDSEED" vtpm_refuses v1 "$VARIANT" 'tpm2 ephemeral' 'no source of entropy .*cpuid=' "$masked"
check "a TPM 1.2 likewise" vtpm_refuses v2 "$VARIANT" ephemeral 'no source of entropy .*cpuid=' "$masked"
check "both end by themselves" eval 'wait_gone v1 12 && wait_gone v2 12'
