#!/bin/sh
# claim: once an administrator's key is enrolled, the manager opens its store in a state that the key approved and in no other; what was retired is refused, from an older disk, too
# long-variants: pv
# needs: tpm=2 tpm-dom0 time=420
. manager-lib
iomem='iomem=["fed40,5"]'
digest=$(printf %064d 1)
cd /tmp
approve() { ctl policy approve --key "$1.pem" request.json >"$2"; }
check "domain 0 lets go of the TPM" manager_gets_tpm
manager_start pv tpm2 "$iomem" || fail "the manager came up"
check "a way is made to it" manager_channel
check "an administrator makes a key" ctl policy new-key admin.pem
check "somebody else makes one" ctl policy new-key other.pem
ctl policy request >request.json || fail "a request is written"
approve admin now.json || fail "the key approves the present state"
check "no key is enrolled without a recovery key" exits 4 ctl policy enrol --key admin.pem.pub now.json
check "a recovery key is handed out" ctl policy recovery-key --out recovery-key
check "the key is enrolled" ctl policy enrol --key admin.pem.pub now.json
next=$(ctl policy predict --extend sha256:7=$digest | sed -n 's/^state *//p')
check "a state is not accepted without an approval" exits 4 ctl policy add "$next"
check "nor does sealing anew pass the key over" exits 4 ctl policy reseal
ctl policy request "$next" >request.json || fail "a request is written"
approve other forged.json && approve admin next.json || fail "both sign"
check "somebody else's approval is refused" exits 4 ctl policy submit forged.json
check "the administrator's is taken" ctl policy submit next.json
check "nothing is retired while nothing follows" exits 4 ctl policy retire
manager_down || fail "the manager stops"

measure 7 $digest || fail "PCR 7 is extended"
manager_start pv tpm2 "$iomem" || fail "an approved state is accepted"
echo "holds: an approved state is accepted"
manager_stop || fail "the manager stops"
cp $vtpm_files/vmgr.img $vtpm_files/older.img
manager_start pv tpm2 "$iomem" || fail "the manager came up again"
check "a way is made to it" manager_channel
ctl policy request --next >request.json && approve admin after.json || fail "the key approves for the next epoch"
check "that approval is taken" ctl policy submit after.json
check "the epoch before is retired" matches '^epoch [0-9]+ has begun' ctl policy retire
check "an approval of that epoch is refused" exits 4 ctl policy submit next.json
manager_down || fail "the manager stops"
manager_start pv tpm2 "$iomem" || fail "the state that is approved anew is accepted"
echo "holds: the state that is approved anew is accepted"
manager_stop || fail "the manager stops"
cp $vtpm_files/older.img $vtpm_files/vmgr.img
manager_create pv tpm2 "$iomem" || fail "xl created the manager"
check "the disk from before opens no more" manager_wait locked
check "since what it holds was retired" matches 'epoch [0-9]+, which was retired' manager_says error
