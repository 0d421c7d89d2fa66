#!/bin/sh
# claim: where the time of a guest's commands goes is shown: how many were answered before Linux's driver slept, and what each domain used of the processor for one
# long-variants: pv pvh
# needs: guests time=400
. clock-lib
clock_guests
manager_start pv hwtpm=none || fail "the manager came up"
uuid=11111111-1111-1111-1111-111111111111
vtpm_start vtpm0 "$VARIANT" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$uuid\"]" || fail "the vTPM came up"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest has a counter in its TPM" "has_tpm; ok $counter_new; guest-clock /dev/tpm0 $increment 3"
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
