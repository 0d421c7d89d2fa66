#!/bin/sh
# claim: a vTPM domain is ready at most three times as long after `xl create` as the smallest image needs to print its line (best of five, in turn)
# variants: pv pvh
# needs: time=240
. lab-lib
rounds=5
now() { date +%s%N; }
# one NAME "LINES" COMMAND...: milliseconds from xl create until the command succeeds.
one() {
  name=$1 lines=$2; shift 2
  printf 'name="%s"\ntype="%s"\nmemory=8\nshadow_memory=1\n%s\n' "$name" "$VARIANT" "$lines" >/tmp/one.cfg
  began=$(now)
  xl create -q /tmp/one.cfg || { echo "xl did not create $name" >&2; return 1; }
  until "$@" 2>/dev/null; do
    [ $(($(now) - began)) -lt 20000000000 ] || { echo "$name did not come up within 20 s" >&2; return 1; }
  done
  echo $((($(now) - began) / 1000000))
  xl destroy "$name"
}
printed() { grep -qs 'hello from' "$lab_consoles/guest-$1.log"; }
ready() { [ "$(xenstore-read "/local/domain/$(xl domid "$1")/data/vtpm/state")" = ready ]; }
hello='kernel="/lab/images/hello-stubdom.gz"'
vtpm='kernel="/lab/images/vtpm-stubdom.gz"
extra="tpm2 ephemeral"'
one warm "$hello" printed warm >/dev/null || fail "the smallest image comes up"
: >/tmp/hello; : >/tmp/vtpm
i=0
while [ $i -lt $rounds ]; do
  one "h$i" "$hello" printed "h$i" >>/tmp/hello || fail "the smallest image comes up each time"
  one "v$i" "$vtpm" ready "v$i" >>/tmp/vtpm || fail "the vTPM domain is ready each time"
  i=$((i + 1))
done
best() { sort -n "$1" | head -n 1; }
h=$(best /tmp/hello) v=$(best /tmp/vtpm)
echo "figure: smallest image $h ms ($(tr '\n' ' ' </tmp/hello)), vTPM domain $v ms ($(tr '\n' ' ' </tmp/vtpm)); best to best $((v * 100 / h)) % (aim: 150 %)"
[ $((v * 100)) -le $((h * 300)) ] || fail "the vTPM domain took more than three times the smallest image's time"
