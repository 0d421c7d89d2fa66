#!/bin/sh
# claim: a manager seals its store to a TPM 2.0 with CRB registers and opens it again after a restart
# variants: pv
# long-variants: pvh
# needs: tpm=2 tpm-device=crb time=240
. manager-lib
iomem='iomem=["fed40,5"]'
manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up"
check "it found the TPM by itself" matches 'hardware TPM 2\.0 by CRB' console vtpmmgr
check "it stops in order" manager_stop
manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up again"
check "it opened the store that was there" matches 'its store was opened' console vtpmmgr
