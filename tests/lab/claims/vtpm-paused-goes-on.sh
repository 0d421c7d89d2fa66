#!/bin/sh
# claim: a vTPM that is paused for more than a minute under its guest's writes goes on, answers the one that was under way, and nothing is lost; another guest's vTPM answers meanwhile
# long-variants: pv
# needs: guests time=900
. service-lib
lean_guest
installed
check "the files are written" configured pv g1 g2
check "the manager is started" /etc/init.d/xl-vtpm start
# started GUEST: it, and its vTPM.
started() {
  check "$1 and its vTPM start" xlv create "/tmp/$1.cfg" --timeout 120
  guest_wait "$1" || fail "$1 came up"
}
for guest in g1 g2; do started $guest; raw_guest $guest "$guest makes an index" "has_tpm; ok $nv_new"; done

# For 80 seconds the guest writes one number after the other; each command's time is looked at.
writes='number=0 longest=0
now() { read -r up _ </proc/uptime; echo "${up%.*}"; }
begin=$(now)
until [ $(($(now) - begin)) -ge 80 ]; do
  before=$(now) number=$((number + 1))
  said=$(tpm '$nv_write':$(printf %016x $number):0000)
  took=$(($(now) - before))
  case $said in
    ????????????00000000*) ;;
    *) echo "write $number was answered with \"$said\" after $took s"; dmesg | tail -n 5; exit 1;;
  esac
  [ $took -le $longest ] || longest=$took
done
tpm '$nv_read' | grep -q $(printf %016x $number)
echo "$number $longest"'
(GUEST_RUN_SECONDS=200; raw_guest g1 "all that it writes succeeds" "$writes"; echo "$vtpm_answer" >/tmp/writes) >/tmp/writes.log 2>&1 &
writes_pid=$!
sleep 4
check "the vTPM is paused under its guest's writes" xl pause g1-vtpm
paused=$(lab_now)
(raw_guest g2 "another guest's TPM answers meanwhile" "ok \$random; ok $nv_write:0000000000000002:0000") >/tmp/other.log 2>&1 &
other_pid=$!
# Linux gives a command up after 120 s.
until [ $(($(lab_now) - paused)) -ge 65 ]; do sleep 1; done
check "after more than a minute it goes on" xl unpause g1-vtpm
echo "(paused for $(($(lab_now) - paused)) s)"
wait $other_pid || { cat /tmp/other.log; fail "another guest's TPM answers meanwhile"; }
cat /tmp/other.log
wait $writes_pid || { cat /tmp/writes.log; tail -n 20 /var/log/xen/console/guest-g1-vtpm.log; fail "the guest's writes succeed"; }
cat /tmp/writes.log
read -r number longest </tmp/writes
echo "figure: a command that waited $longest s for a paused vTPM was answered, as were $((number - 1)) others"
check "one of them was under way all the while" [ "$longest" -ge 60 ]
raw_guest g1 "and the last one is there" "tpm $nv_read | grep -q $(printf %016x "$number")"

check "all of it ends" xlv service down --timeout 60
check "nothing is left" no_domains
