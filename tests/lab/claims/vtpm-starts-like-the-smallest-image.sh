#!/bin/sh
# claim: a vTPM domain is ready at most three times as long after `xl create` as the smallest image needs to print its line, and a manager that opens the store that its TPM 2.0 seals at most five times (best of five, in turn)
# variants: pv pvh
# needs: tpm=2 time=300
. lab-lib
rounds=5
now() { date +%s%N; }
# one NAME "LINES" COMMAND...: milliseconds from xl create until the command succeeds.
one() {
  name=$1 lines=$2; shift 2
  printf 'name="%s"\ntype="%s"\nshadow_memory=1\n%s\n' "$name" "$VARIANT" "$lines" >/tmp/one.cfg
  began=$(now)
  xl create -q /tmp/one.cfg || { echo "xl did not create $name" >&2; return 1; }
  until "$@" 2>/dev/null; do
    [ $(($(now) - began)) -lt 20000000000 ] || { echo "$name did not come up within 20 s" >&2; return 1; }
  done
  echo $((($(now) - began) / 1000000))
  xl destroy "$name"
}
printed() { grep -qs 'hello from' "$lab_consoles/guest-$1.log"; }
up() { [ "$(xenstore-read "/local/domain/$(xl domid "$1")/data/vtpmmgr/state")" = ready ]; }
ready() { [ "$(xenstore-read "/local/domain/$(xl domid "$1")/data/vtpm/state")" = ready ]; }
hello='kernel="/lab/images/hello-stubdom.gz"
memory=8'
vtpm='kernel="/lab/images/vtpm-stubdom.gz"
memory=8
extra="tpm2 ephemeral"'
manager='kernel="/lab/images/vtpmmgr-stubdom.gz"
memory=16
extra="tpm2"
iomem=["fed40,5"]
disk=["file:/tmp/vmgr.img,hda,w"]'
truncate -s 16M /tmp/vmgr.img
one warm "$hello" printed warm >/dev/null || fail "the smallest image comes up"
one first "$manager" up first >/dev/null || fail "a manager makes its store"
: >/tmp/hello; : >/tmp/vtpm; : >/tmp/manager
i=0
while [ $i -lt $rounds ]; do
  one "h$i" "$hello" printed "h$i" >>/tmp/hello || fail "the smallest image comes up each time"
  one "v$i" "$vtpm" ready "v$i" >>/tmp/vtpm || fail "the vTPM domain is ready each time"
  one "m$i" "$manager" up "m$i" >>/tmp/manager || fail "the manager is ready each time"
  i=$((i + 1))
done
best() { sort -n "$1" | head -n 1; }
h=$(best /tmp/hello) v=$(best /tmp/vtpm) m=$(best /tmp/manager)
echo "figure: smallest image $h ms ($(tr '\n' ' ' </tmp/hello)), vTPM domain $v ms ($(tr '\n' ' ' </tmp/vtpm)); best to best $((v * 100 / h)) % (aim: 150 %)"
[ $((v * 100)) -le $((h * 300)) ] || fail "the vTPM domain took more than three times the smallest image's time"
echo "figure: manager with a TPM 2.0 $m ms ($(tr '\n' ' ' </tmp/manager)); best to best $((m * 100 / h)) %"
[ $((m * 100)) -le $((h * 500)) ] || fail "the manager took more than five times the smallest image's time"
