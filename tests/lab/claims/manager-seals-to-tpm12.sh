#!/bin/sh
# claim: a manager seals its store to a TPM 1.2 and opens it again after a restart; tpm2 over a TPM 1.2 is refused
# variants: pv
# long-variants: pvh
# needs: tpm=1.2 time=240
. manager-lib
iomem='iomem=["fed40,5"]'
manager_start "$VARIANT" "" "$iomem" || fail "the manager came up"
check "it found the TPM by itself" matches 'hardware TPM 1\.2 by FIFO' console vtpmmgr
check "it says which TPM it uses" matches '^1\.2$' manager_says tpm
check "it stops in order" manager_stop
manager_start "$VARIANT" "" "$iomem" || fail "the manager came up again"
check "it opened the store that was there" matches 'its store was opened' console vtpmmgr
manager_stop
manager_create "$VARIANT" tpm2 "$iomem" || fail "xl created the manager"
check "a TPM 1.2 where a TPM 2.0 was asked for is refused" manager_wait failed
check "and the manager says what to change" matches 'take tpm2 out of extra=' manager_says error
