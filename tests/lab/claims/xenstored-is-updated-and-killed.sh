#!/bin/sh
# claim: a guest's commands and saves go on while xenstored is updated live, after which devices come and go as before, and, but for some seconds at first, when xenstored is killed for good
# long-variants: ocaml c
# needs: guests time=900
# needs c: dom0-args=lab.xenstored=c
. clock-lib
clock_guests
daemon=oxenstored; [ "$VARIANT" = ocaml ] || daemon=xenstored
stored() { ps -ef | grep "[/]$daemon "; }
check "this is the daemon" stored
# xenconsoled ends with xenstored when it is connected by a socket. By the kernel's device it goes on, and what
# the domains say is kept.
kill "$(cat /run/xenconsoled.pid)"
check "the keeper of consoles ends" lab_until 10 eval '! pgrep xenconsoled'
XENSTORED_PATH=/dev/xen/xenbus /usr/lib/xen-*/bin/xenconsoled --pid-file=/run/xenconsoled.pid --log=all --log-dir=/var/log/xen/console ||
  lab_error "xenconsoled does not start"
manager_start pv hwtpm=none || fail "the manager came up"
for n in 0 1; do
  vtpm_start vtpm$n pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$n$n$n$n$n$n$n$n-1111-4111-8111-111111111111\"]" || fail "vTPM $n came up"
done
vtpm_start vtpm2 pv "tpm2 ephemeral" || fail "another one came up"
truncate -s 1M /tmp/said.img
guest_start g1 pv 'vtpm=["backend=vtpm0"]' 'disk=["file:/tmp/said.img,xvda,w"]' || fail "the guest came up"
modprobe xen-tpmfront
attach() { xl vtpm-attach 0 backend=vtpm1 && lab_until 20 test -c /dev/tpm0; }
detach() { xl vtpm-detach 0 0 && lab_until 20 test ! -e /dev/tpm0; }
check "domain 0 is the other vTPM's guest" attach
# It has always something to do, and leaves the processor to the toolstack.
xl sched-credit2 -d g1 -w 128 || lab_error "g1 has another scheduler"
raw_guest g1 "the guest begins" "has_tpm; ok $counter_new; ok $increment; modprobe xen-blkfront; until test -b /dev/xvda; do sleep 0.1; done"
busybox sh -c "$(raw_tpm)
ok $counter_new && ok $increment" || fail "domain 0 begins"
# The guest increments its counter and asks for random bytes, and writes after each ten what it says, or its
# error, to its disk: that takes neither xenstore nor console.
guest_run g1 '(round=0
while round=$((round + 1)); do
  { guest-clock /dev/tpm0 '$increment' 10 && guest-clock /dev/tpm0 get-random 10; } >/tmp/times 2>&1 || round=failed
  { echo "round $round"; sed "s/;.*//" /tmp/times; } >/tmp/line
  dd if=/tmp/line of=/dev/xvda bs=512 count=1 conv=sync,fsync 2>/dev/null
  [ $round != failed ] || break
done) >/dev/null 2>&1 &' || fail "the guest works"
line() { dd if=/tmp/said.img bs=512 count=1 2>/dev/null | tr -d '\0'; }
round() { line | sed -n 's/^round //p'; }
later() { now=$(round) && [ "$now" != failed ] && [ "${now:-0}" -ge $((was + 2)) ]; }
goes_on() { was=$(round); was=${was:-0}; lab_until 60 later || { line; return 1; }; }
check "it does" goes_on

for time in 1 2 3; do
  before=$(stored | awk '{ print $2 }')
  check "xenstored is updated live ($time)" xenstore-control live-update -t 60 /usr/lib/xen-*/bin/$daemon
  cat /tmp/lab-check.log
  check "it runs" lab_until 20 xenstore-read /local/domain/0/name
  echo "figure: process $before became $(stored | awk '{ $1 = $3 = $4 = $5 = $6 = $7 = ""; print }')"
  check "by a daemon that was started to go on" matches ' (--live|-U)( |$)' stored
  check "the guest goes on" goes_on
  check "a vTPM is detached" detach
  check "and attached" attach
  check "and used" busybox sh -c "$(raw_tpm)
ok \$random"
done
check "a vTPM domain that was there hears that it is to end" vtpm_stop vtpm2
check "and another one comes up" vtpm_start vtpm2 pv "tpm2 ephemeral"

# The library asks xl when a claim fails, and without xenstored xl does not come back.
xl() { timeout 5 /usr/sbin/xl "$@"; }
kill -9 "$(stored | awk '{ print $2 }')"
sleep 1
check "xenstored is gone" eval '! stored'
check "the toolstack has no answer any more" eval '! timeout 5 xl list'
began=$(lab_now) rounds=$(round)
while [ $(($(lab_now) - began)) -lt 90 ]; do
  /lab/tools/guest-clock /dev/tpm0 $increment 20 >/tmp/own 2>&1 || { cat /tmp/own; for name in vtpm0 vtpm1 vtpmmgr; do console $name | tail -n 6; done; fail "domain 0's counter is incremented"; }
  sed 's/;.*//; s/^[^:]*: /figure: increments in domain 0: /' /tmp/own
  goes_on || { for name in vtpm0 vtpm1 vtpmmgr g1; do console $name | tail -n 9; done; fail "the guest goes on"; }
done
echo "figure: in $(($(lab_now) - began)) s without xenstored the guest did $(($(round) - rounds)) rounds of ten increments and ten times random bytes"
line | sed -n '/median/s/^/figure: the last: /p'
check "no command waits for xenstored any more" eval '! line | grep -E "most [0-9]{4,}"'
for name in vtpm0 vtpm1 vtpmmgr; do
  echo "figure: $name said after that: $(console $name | tail -n 1)"
  check "$name says that xenstored is gone" matches '^ERROR: xenstored has not answered' console $name
  check "and reports no other fault" eval "! console $name | grep -E '^(FATAL|ERROR)' | grep -v '^ERROR: xenstored has not answered'"
done
