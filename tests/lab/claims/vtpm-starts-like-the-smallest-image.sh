#!/bin/sh
# claim: a vTPM domain is ready at most three times as long after `xl create` as the smallest image needs to print its line (best of three or five, in turn); how long a manager takes is shown, with a TPM 2.0 and without
# variants: pv
# long-variants: pv-five pvh-five
# needs: tpm=2 time=400
. lab-lib
type=${VARIANT%-five} rounds=3
[ "$type" = "$VARIANT" ] || rounds=5
now() { date +%s%N; }
# one NAME "LINES" COMMAND...: milliseconds from xl create until the command succeeds.
one() {
  name=$1 lines=$2; shift 2
  printf 'name="%s"\ntype="%s"\nshadow_memory=1\n%s\n' "$name" "$type" "$lines" >/tmp/one.cfg
  began=$(now)
  xl create -q /tmp/one.cfg || { echo "xl did not create $name" >&2; return 1; }
  until "$@" 2>/dev/null; do
    [ $(($(now) - began)) -lt 60000000000 ] || { echo "$name did not come up within 60 s" >&2; return 1; }
  done
  echo $((($(now) - began) / 1000000))
  xl destroy "$name"
}
printed() { grep -qs 'hello from' "$lab_consoles/guest-$1.log"; }
up() { [ "$(xenstore-read "/local/domain/$(xl domid "$1")/data/vtpmmgr/state")" = ready ]; }
ready() { [ "$(xenstore-read "/local/domain/$(xl domid "$1")/data/vtpm/state")" = ready ]; }
hello='kernel="/lab/images/hello-stubdom.gz"
memory=8'
with_disk="$hello
disk=[\"file:/tmp/with.img,hda,w\"]"
vtpm='kernel="/lab/images/vtpm-stubdom.gz"
memory=8
extra="tpm2 ephemeral"'
alone='kernel="/lab/images/vtpmmgr-stubdom.gz"
memory=16
extra="hwtpm=none"
disk=["file:/tmp/alone.img,hda,w"]'
sealed='kernel="/lab/images/vtpmmgr-stubdom.gz"
memory=16
extra="tpm2"
iomem=["fed40,5"]
disk=["file:/tmp/sealed.img,hda,w"]'
truncate -s 16M /tmp/alone.img /tmp/sealed.img /tmp/with.img
one warm "$hello" printed warm >/dev/null || fail "the smallest image comes up"
one first "$alone" up first >/dev/null || fail "a manager makes its store"
made=$(one sealed "$sealed" up sealed) || fail "a manager makes the store that its TPM seals"
: >/tmp/hello; : >/tmp/with; : >/tmp/vtpm; : >/tmp/alone; : >/tmp/sealed
i=0
while [ $i -lt $rounds ]; do
  one "h$i" "$hello" printed "h$i" >>/tmp/hello || fail "the smallest image comes up each time"
  one "d$i" "$with_disk" printed "d$i" >>/tmp/with || fail "the smallest image with a disk comes up each time"
  one "v$i" "$vtpm" ready "v$i" >>/tmp/vtpm || fail "the vTPM domain is ready each time"
  one "a$i" "$alone" up "a$i" >>/tmp/alone || fail "the manager without a TPM is ready each time"
  [ $i -ge 2 ] || one "s$i" "$sealed" up "s$i" >>/tmp/sealed || fail "the manager with a TPM is ready each time"
  i=$((i + 1))
done
best() { sort -n "$1" | head -n 1; }
h=$(best /tmp/hello) d=$(best /tmp/with) v=$(best /tmp/vtpm) a=$(best /tmp/alone) t=$(best /tmp/sealed)
echo "figure: smallest image $h ms ($(tr '\n' ' ' </tmp/hello)), vTPM domain $v ms ($(tr '\n' ' ' </tmp/vtpm)); best to best $((v * 100 / h)) % (aim: 150 %)"
[ $((v * 100)) -le $((h * 300)) ] || fail "the vTPM domain took more than three times the smallest image's time"
echo "figure: smallest image with a disk $d ms ($(tr '\n' ' ' </tmp/with)): what xl's script for a disk takes"
echo "figure: manager without a TPM $a ms ($(tr '\n' ' ' </tmp/alone)), best to best $((a * 100 / d)) % of the smallest image with a disk; with a TPM 2.0 $t ms ($(tr '\n' ' ' </tmp/sealed)), when it made its store $made ms"
