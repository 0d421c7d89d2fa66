#!/bin/sh
# claim: with provision=explicit a vTPM waits for domain 0's command; a blank disk under a known uuid, a used disk under an unknown one and a state of the other TPM version are each refused by name, and nothing is overwritten
# long-variants: pv
# needs: time=300
. manager-lib
uuid=11111111-1111-1111-1111-111111111111
other=22222222-2222-2222-2222-222222222222
device() { echo "vtpm=[\"backend=vtpmmgr,uuid=$1\"]"; }
disk() { echo "disk=[\"file:$vtpm_files/$1.img,hda,w\"]"; }
# The uuid is in use until the refused domain is gone.
refused() { vtpm_refuses "$@" && wait_gone "$1" 20; }
sum() { md5sum <$vtpm_files/vtpm1.img; }
manager_start pv "hwtpm=none provision=explicit" || fail "the manager came up"
manager_channel || fail "a way to the manager"
mkdir -p $vtpm_files; truncate -s 2M $vtpm_files/blank.img
check "an unknown vTPM is refused, and the command named" \
  refused a pv tpm2 "makes records only by command: .* vtpmmgr-ctl new $uuid" "$(device $uuid)" "$(disk blank)"
check "domain 0 makes its record" ctl new $uuid
vtpm_start vtpm1 pv tpm2 "$(device $uuid)" || fail "then it starts"
echo "holds: then it starts"
vtpm_stop vtpm1 || fail "the vTPM stops"
before=$(sum)
check "a blank disk under its uuid is refused" \
  refused b pv tpm2 "keeps the state of vTPM $uuid, and its disk is blank" "$(device $uuid)" "$(disk blank)"
[ -z "$(tr -d '\0' <$vtpm_files/blank.img)" ] || fail "the blank disk is still blank"
check "its disk under a uuid that nobody knows is refused" \
  refused c pv tpm2 "its disk (belongs to vTPM $uuid|holds a vTPM.s state)" "$(device $other)" "$(disk vtpm1)"
check "a TPM 1.2 over its state is refused" \
  refused d pv "" "the manager keeps a TPM 2\.0 under this uuid, and the command line wants a TPM 1\.2" "$(device $uuid)" "$(disk vtpm1)"
[ "$(sum)" = "$before" ] || fail "no byte of its disk has changed"
vtpm_start vtpm1 pv tpm2 "$(device $uuid)" || fail "with its own disk and word it goes on"
check "with the state that it had" matches 'its state is generation' console vtpm1
