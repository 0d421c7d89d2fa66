#!/bin/sh
# claim: a guest that xl-vtpm starts with its vTPM is up within three times the time that the same guest takes without one by stock xl; with a vTPM that is there already, within one and a half times (best of three, in turn)
# long-variants: pv pvh
# needs: guests time=1200
. service-lib
lean_guest
installed
check "the files are written" configured "$VARIANT" g1
check "the manager is started" xlv manager start --timeout 120
now() { date +%s%N; }
# A look takes processor time of the guest that boots: ten a second, by a shell's own words.
up() { for look in $(seq 1200); do lab_ready "$1" && return; sleep 0.1; done; return 1; }
# timed FILE COMMAND...: the milliseconds until the guest is up, at the end of a file.
timed() {
  timed_file=$1 began=$(now); shift
  "$@" || return
  up g1 || return
  echo $((($(now) - began) / 1000000)) >>"$timed_file"
}
made() { xlv create /tmp/g1.cfg --timeout 300 && up g1 && xlv destroy g1; }
check "the TPM is made once" made
for turn in 1 2 3; do
  check "the guest is up without a vTPM" timed /tmp/without xl create -q /tmp/g1.plain
  xl destroy g1
  check "the guest is up with its vTPM" timed /tmp/with xlv create /tmp/g1.cfg --timeout 300
  xl destroy g1 && wait_gone g1 20
  xl list g1-vtpm >/dev/null 2>&1 || check "its vTPM alone is started" xlv enable g1
  check "the vTPM is there" xlv service up --timeout 120
  check "the guest is up beside a vTPM that is there" timed /tmp/beside xl create -q /tmp/g1.cfg
  check "guest and vTPM end" xlv destroy g1
  xlv disable g1 >/dev/null 2>&1
done
best() { sort -n "$1" | head -n 1; }
all() { tr '\n' ' ' <"$1"; }
without=$(best /tmp/without) with=$(best /tmp/with) beside=$(best /tmp/beside)
echo "figure: guest without a vTPM, stock xl: $without ms ($(all /tmp/without))"
echo "figure: with a vTPM that is there, stock xl: $beside ms ($(all /tmp/beside)), $((beside * 100 / without)) %"
echo "figure: with its vTPM, xl-vtpm create: $with ms ($(all /tmp/with)), $((with * 100 / without)) %"
[ "$with" -le $((without * 3)) ] || fail "xl-vtpm create takes at most three times the guest's own time"
[ $((beside * 2)) -le $((without * 3)) ] || fail "stock xl takes at most one and a half times the guest's own time"
