#!/bin/bash
# claim: in batched mode, the only one over a TPM 1.2, disks from before the last minute are refused also when nothing was stopped in order, those within it are not; after an orderly stop those are, too
# long-variants: tpm12 tis
# needs: time=600
# needs tpm12: tpm=1.2
# needs tis: tpm=2
. rollback-lib
words=rollback=batched
[ "$VARIANT" = tis ] || words=
manager_up "$words"
check "it says what is promised" matches 'old state is refused, batched, .* the last 60 seconds or 64 saves can be put back' console vtpmmgr
vtpm_up; begin_saves; save 1; keep_as before
sleep 65
save 2; keep_as within; save 3
both_are_cut
put before before; manager_refuses "a copy from before the last minute" "$rollback_older" "$words"
put within within; manager_up "$words"; vtpm_up
check "a copy from within it is taken, as documented" holds 2
save 4; keep_as within; save 5
vtpm_down; manager_down; keep_as new
put within within; manager_refuses "a copy from within the last minute before an orderly stop" "$rollback_older" "$words"
put new new; manager_up "$words"; vtpm_up
check "the newest disks are served" holds 5
[ "$VARIANT" = tpm12 ] || exit 0
vtpm_down; manager_down
manager_refuses "strict mode over a TPM 1.2" 'a TPM 1\.2 counts once in five seconds' rollback=strict
