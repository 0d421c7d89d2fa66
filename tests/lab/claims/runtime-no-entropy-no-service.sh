#!/bin/sh
# claim: without RDRAND and RDSEED no random bytes are served until another source was added
# variants: pv pvh
. hello-lib
check "a CPU without the instructions gives nothing" \
  hello_prove poor "$VARIANT" no-entropy 'cpuid="host,rdrand=0,rdseed=0"'
