#!/bin/sh
# claim: where the time of a guest's commands goes is shown: how many were answered before Linux's driver slept, and what each domain used of the processor for one
# long-variants: pv pvh
# needs: guests time=400
. manager-lib
lean_guest
layer=/tmp/clock-layer
mkdir -p $layer/usr/bin && cp /lab/tools/guest-clock $layer/usr/bin/ || lab_error "there is no program guest-clock: ./x images"
(cat "$GUEST_RAMDISK"; cd $layer && find . | cpio -o -H newc 2>/dev/null) >/tmp/guest-clock.cpio
GUEST_RAMDISK=/tmp/guest-clock.cpio
manager_start pv hwtpm=none || fail "the manager came up"
uuid=11111111-1111-1111-1111-111111111111
vtpm_start vtpm0 "$VARIANT" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "the vTPM came up"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
# TPM2_NV_DefineSpace of a counter and TPM2_NV_Increment, by the owner: each is kept before its answer.
define=8002:0000002d:0000012a:40000001:00000009:40000009:0000:00:0000:0000:000e:01500003:000b:00020012:0000:0008
increment=80020000001f00000134400000010150000300000009400000090000000000
raw_guest g1 "the guest has a counter in its TPM" "has_tpm; ok $define; guest-clock /dev/tpm0 $increment 3"
domains='g1 vtpm0 vtpmmgr Domain-0'
# used: milliseconds of the processor that each domain has used, which xl shows in tenths of a second.
used() { for domain in $domains; do xl list "$domain" | awk 'NR == 2 { print $NF * 1000 }'; done; }
# clock NAME COMMAND TIMES
clock() {
  used >/tmp/before
  raw_guest g1 "$3 times $1" "guest-clock /dev/tpm0 $2 $3"
  used >/tmp/after
  echo "figure: $1: ${vtpm_answer#*: }"
  echo "figure: $1: of the processor for each command: $(awk -v times="$3" -v names="$domains" '
    BEGIN { split(names, name, " ") }
    FNR == NR { before[FNR] = $1; next }
    { printf "%s%s %.2f ms", separator, name[FNR], ($1 - before[FNR]) / times; separator = ", " }' /tmp/before /tmp/after)"
}
clock "PCR read" pcr-read 600
clock "random bytes" get-random 600
clock "PCR extend" pcr-extend 600
clock "a counter's increment, kept by vTPM and manager" $increment 200
