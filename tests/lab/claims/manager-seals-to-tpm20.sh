#!/bin/sh
# claim: a manager seals its store to a TPM 2.0 with FIFO registers and opens it again after a restart; tpm2 added to its line or dropped from it is refused
# variants: pvh
# long-variants: pv
# needs: tpm=2 time=240
. manager-lib
iomem='iomem=["fed40,5"]'
manager_start "$VARIANT" "" "$iomem" || fail "the manager came up"
check "it says what is missing on its command line" matches 'tpm2 in extra= .* says so' console vtpmmgr
check "it found the TPM by itself" matches 'hardware TPM 2\.0 by FIFO .*started by firmware' console vtpmmgr
check "it says which TPM it uses" matches '^2\.0$' manager_says tpm
check "it made a store on its blank disk" matches 'a new store was made' console vtpmmgr
check "it stops in order" manager_stop
check "the TPM was brought to rest" matches 'the hardware TPM is at rest' console vtpmmgr
manager_create "$VARIANT" tpm2 "$iomem" || fail "xl created the manager"
check "with the word added over what is there the store is not opened" manager_wait failed
check "and it says what to write" matches 'take tpm2 out.*version=changed' manager_says error
xl destroy vtpmmgr
manager_start "$VARIANT" "tpm2 version=changed" "$iomem" || fail "the manager came up again, with the change said"
check "it opened the store that was there" matches 'its store was opened' console vtpmmgr
xl destroy vtpmmgr
manager_create "$VARIANT" "" "$iomem" || fail "xl created the manager"
check "with the word dropped the store is not opened" manager_wait failed
check "and it says what to put back" matches 'put tpm2 back' manager_says error
xl destroy vtpmmgr
manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up after it was killed"
manager_stop
manager_create "$VARIANT" "tpm2 hwtpm=none" || fail "xl created the manager"
check "without its TPM the store is not opened" manager_wait failed
check "and the manager says why" matches 'TPM 2\.0' manager_says error
