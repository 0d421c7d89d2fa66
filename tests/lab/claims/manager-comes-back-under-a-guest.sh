#!/bin/sh
# claim: a manager destroyed under a running guest and started again serves it on: its PCRs are unchanged, its reads were answered meanwhile, and what it wrote meanwhile is kept
# long-variants: pv pvh tis crb tpm12
# needs: guests time=700
# needs tis: tpm=2
# needs crb: tpm=2 tpm-device=crb
# needs tpm12: tpm=1.2
. manager-lib
lean_guest
uuid=11111111-1111-1111-1111-111111111111
rewire=/lab/hotplug/vtpm-rewire
type=pv iomem='iomem=["fed40,5"]'
case $VARIANT in
pv|pvh) type=$VARIANT word=hwtpm=none iomem=;;
tpm12) word=;;
*) word=tpm2;;
esac
manager() { manager_start $type "$word" "$iomem" || fail "the manager came up$1"; }
up() {
  vtpm_start vtpm1 $type tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "the vTPM came up"
  guest_start g1 $type 'vtpm=["backend=vtpm1"]' || fail "its guest came up"
}
manager ""
manager_channel || fail "a way to the manager"
up
raw_guest g1 "the guest measures and writes" "has_tpm; ok \$extend; ok $nv_new; ok $nv_write:1111111111111111:0000; pcr16 >pcr"
check "with everything connected there is nothing to rewire" matches ' 0 rewired, 2 already connected, 0 failed' $rewire
xl destroy vtpmmgr
raw_guest g1 "reads go on without a manager, and the PCR is the same" "tpm $nv_read | grep -q 1111111111111111; ok \$random; test \$(pcr16) = \$(cat pcr)"
# The write waits: it is sent now and answered after the rewiring.
raw_guest g1 "a write is sent" "(date +%s >sent; tpm $nv_write:2222222222222222:0000 >reply; date +%s >answered) >/dev/null 2>&1 &"
sleep 3
manager " again"
raw_guest g1 "it waits" "test -e sent; ! test -e answered"
check "the script rewires the vTPM and domain 0" stopwatch $rewire
cat /tmp/lab-check.log
raw_guest g1 "the write was answered" "for i in \$(seq 60); do test -e answered && break; sleep 1; done; echo figure: answered \$((\$(cat answered) - \$(cat sent))) s after it was sent; cat reply"
printf '%s\n' "$vtpm_answer"
console vtpm1 | tail -n 5
check "the answer says that it was done" matches '^80020000001[0-9a-f]00000000' printf '%s\n' "$vtpm_answer"
raw_guest g1 "the PCR is unchanged" "test \$(pcr16) = \$(cat pcr)"
check "domain 0 has its way again" matches "^$uuid 2.0" ctl list
check "a second run finds nothing to do" matches ' 0 rewired, 2 already connected, 0 failed' $rewire
check "the vTPM says what happened" matches '^WARN: waiting for the manager' console vtpm1
# Everything anew: what was written in the gap is there.
guest_stop g1
vtpm_stop vtpm1 || fail "the vTPM stops"
xl vtpm-detach 0 0
manager_stop || fail "the manager stops"
manager " a third time"
up
raw_guest g1 "what was written while there was no manager is there after a full restart" "has_tpm; tpm $nv_read | grep -q 2222222222222222"
