#!/bin/bash
# claim: the hardware TPM is silent for twenty seconds; a strict save waits that long, a batched one does not, and what was answered is kept
# long-variants: tis crb tpm12
# needs: boots tpm=2 time=300
# needs crb: tpm-device=crb
# needs tpm12: tpm=1.2
. rollback-lib
vtpm_files=/lab/kept
manager_up budget=86400; vtpm_up; begin_saves; save 1
tpm_is held
{ save 2; lab_now >/tmp/answered; } &
case $VARIANT in
tpm12) check "TPM 1.2 counts windows: the save does not wait for it" lab_until 30 test -e /tmp/answered;;
*)
  for _ in 1 2 3 4; do
    sleep 5
    [ ! -e /tmp/answered ] || fail "the save waits for the counter"
  done
  echo "holds: the save waits"
  answers=$(lab_now); tpm_is answers
  check "it is answered once the TPM answers" lab_until 30 test -e /tmp/answered
  echo "figure: answered $(($(cat /tmp/answered) - answers)) s after the TPM answered again, which it had not for 20 s";;
esac
tpm_is answers
check "it is kept" holds 2
save 3
both_are_cut
manager_up budget=86400; vtpm_up
check "and is there after a start, with what came later" holds 3
