#!/bin/sh
# claim: a vTPM that is paused for longer than Linux waits answers its guest's next commands; one whose manager is paused for as long as it would keep something fails that command, says why and stops, and one that keeps nothing meanwhile answers all the time; what was acknowledged is there
# long-variants: pv
# needs: guests time=1500
. service-lib
lean_guest
installed
check "the files are written" configured pv g1 g2
check "the manager is started" /etc/init.d/xl-vtpm start
for guest in g1 g2; do
  check "$guest and its vTPM start" xlv create "/tmp/$guest.cfg" --timeout 120
  guest_wait $guest || fail "$guest came up"
  raw_guest $guest "$guest makes an index" "has_tpm; ok $nv_new"
done

# Linux gives a command up after 120 s, and then waits at each next one for the page to be free. For so many seconds the
# guest writes one number after the other; the last one has to be acknowledged, and to be what is read.
writing=200 pause=150
writes='number=0 late=0 longest=0
now() { read -r up _ </proc/uptime; echo "${up%.*}"; }
begin=$(now) said=
until [ $(($(now) - begin)) -ge '$writing' ] && [ -n "$said" ]; do
  before=$(now) number=$((number + 1))
  said=$(tpm '$nv_write':$(printf %016x $number):0000)
  took=$(($(now) - before))
  [ $took -le $longest ] || longest=$took
  case $said in
    ????????????00000000*) ;;
    "") late=$((late + 1)); sleep 1;;
    *) echo "$number $late $took $said"; exit 0;;
  esac
  [ $(($(now) - begin)) -lt '$((writing + 120))' ] || { echo "write $number: nothing is answered any more"; dmesg | tail -n 5; exit 1; }
done
tpm '$nv_read' | grep -q $(printf %016x $number) || { echo "the last number is $number; read:"; tpm '$nv_read'; exit 1; }
echo "$number $late $longest all"'

# paused DOMAIN: while g1 writes, the domain stands still.
paused() {
  (GUEST_RUN_SECONDS=400; raw_guest g1 "the guest writes" "$writes"; echo "$vtpm_answer" >/tmp/writes) >/tmp/writes.log 2>&1 &
  writes_pid=$!
  sleep 4
  check "$1 is paused under the guest's writes" xl pause "$1"
  paused=$(lab_now)
  raw_guest g2 "another vTPM, which keeps nothing, answers at once" "ok \$random; ok \$random"
  until [ $(($(lab_now) - paused)) -ge $pause ]; do sleep 1; done
  raw_guest g2 "and at the end of that time" "ok \$random"
  check "$1 goes on" xl unpause "$1"
  echo "(it stood still for $(($(lab_now) - paused)) s)"
  if ! wait $writes_pid; then
    cat /tmp/writes.log; console g1-vtpm | tail -n 20; console vtpmmgr | tail -n 20
    fail "the guest's TPM answers again"
  fi
  read -r number late longest end </tmp/writes
  echo "figure: $1: $number writes, $late of them given up by Linux, the longest took $longest s; in the end: $end"
}
paused g1-vtpm
check "Linux gave a command up, and the last number was written and read" [ "$late" -ge 1 -a "$end" = all ]
paused vtpmmgr
# TPM_RC_FAILURE
check "a write was answered with a failure, in less time than Linux waits" [ "$end" = 80010000000a00000101 -a "$longest" -lt 120 ]
check "the vTPM said why, and stops" wait_console g1-vtpm \
  '^ERROR: this vTPM stops: .*the manager did not answer in time; start the manager, then this vTPM' 20
raw_guest g2 "the other vTPM keeps something again" "ok $nv_write:0000000000000002:0000"

check "the guest is ended" eval 'xlv destroy g1 && wait_gone g1-vtpm 60'
check "and started again with its vTPM" xlv create /tmp/g1.cfg --timeout 120
guest_wait g1 || fail "g1 came up again"
# The manager may have kept the last one after all, before it could be acknowledged.
acknowledged=$((number - 1))
raw_guest g1 "the last number that was acknowledged is there, or the one after it" \
  "has_tpm; tpm $nv_read | grep -q -e $(printf %016x $acknowledged) -e $(printf %016x "$number"); ok $nv_write:00000000000000ff:0000"
check "all of it ends" xlv service down --timeout 60
check "nothing is left" no_domains
