#!/bin/sh
# claim: while domain 0's disks and daemons stand still a guest's commands that save nothing are answered at once, its saves go on after 45 seconds, and after three minutes the vTPM has stopped and named its disk; a clock of domain 0 that jumps by hours is not seen in a TPM
# long-variants: pv
# needs: guests time=1200
. clock-lib
clock_guests
# Disks on a file system that can be frozen: whoever writes to it waits until it is let go.
modprobe ext4
truncate -s 64M /tmp/files.img && mke2fs -F /tmp/files.img >/dev/null 2>&1 && mkdir /tmp/files && mount -t ext4 -o loop /tmp/files.img /tmp/files ||
  lab_error "no file system for the disks"
vtpm_files=/tmp/files
manager_start "$VARIANT" hwtpm=none || fail "the manager came up"
vtpm() { vtpm_start vtpm0 "$VARIANT" tpm2 'vtpm=["backend=vtpmmgr,uuid=11111111-1111-4111-8111-111111111111"]'; }
vtpm || fail "the vTPM came up"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
raw_guest g1 "the guest begins" "has_tpm; ok $counter_new; ok $increment; ok \$extend"

# --- the clock jumps ---
# TPM2_ReadClock: milliseconds since the TPM began, in all its life, resets, restarts.
ticks() { guest_run g1 "$(raw_tpm)
tpm 8001:0000000a:00000181 | cut -c 21-60"; }
part() { echo $((0x$(echo "$1" | cut -c "$2"))); }
raw_guest g1 "a wrong password is a failure that the TPM counts" "ok \$define; tpm \$(echo \$use | sed s/:73:/:74:/) | grep -q '^80010000000a0000098e'"
count_lockouts() { guest_run g1 "$(raw_tpm)
lockouts"; }
lockouts=$(count_lockouts)
check "it counted one" [ "$lockouts" = 00000001 ]
goes_on() { [ "$1" -ge 4000 ] && [ "$1" -le $((took * 1000 + 3000)) ]; }
for jump in 36000 -72000 36000; do
  began=$(lab_now) before=$(ticks)
  date -s "@$(($(date +%s) + jump))" >/dev/null && hwclock -w 2>/dev/null
  sleep 5
  raw_guest g1 "after a jump of $jump s the guest's commands and saves go on" "ok \$random; ok $increment"
  after=$(ticks) took=$(($(lab_now) - began))
  time=$(($(part "$after" 1-16) - $(part "$before" 1-16))) clock=$(($(part "$after" 17-32) - $(part "$before" 17-32)))
  echo "figure: the clock jumped by $jump s; in $took s by domain 0's uptime the TPM's time went on by $time ms, its clock by $clock ms"
  check "the TPM's time goes on by what passed" goes_on "$time"
  check "and so does its clock" goes_on "$clock"
  check "nothing was reset" [ "$(echo "$before" | cut -c 33-40)" = "$(echo "$after" | cut -c 33-40)" ]
  check "no failure is forgotten" [ "$(count_lockouts)" = "$lockouts" ]
done

# --- domain 0 stands still ---
stop() { kill -STOP $(pidof oxenstored xenconsoled) && fsfreeze -f /tmp/files; }
go_on() { fsfreeze -u /tmp/files; kill -CONT $(pidof oxenstored xenconsoled); }
# The guest does by itself what was asked of it before: in ten seconds, when domain 0 stands still, commands that
# save nothing, and after them a save.
ask() {
  guest_run g1 "$(raw_tpm)
(sleep 10; guest-clock /dev/tpm0 get-random 20 >/tmp/answers 2>&1; date +%s >/tmp/answered
tpm $increment >/tmp/saved 2>&1; date +%s >>/tmp/answered) >/dev/null 2>&1 &" || fail "the guest is asked"
  sleep 3
}
heard() { guest_run g1 'cat /tmp/answers; cat /tmp/saved; echo; cat /tmp/answered; date +%s' >/tmp/heard; cat /tmp/heard; }
# stands_still SECONDS REST: the guest asks meanwhile, and is heard that many seconds after domain 0 went on.
stands_still() {
  ask
  check "domain 0 stands still" stop
  sleep "$1"
  check "and goes on after $1 s" go_on
  sleep "$2"
  check "the guest says how it was" heard
  sed -n "s/;.*//; s/^get-random: /figure: while domain 0 stood still for $1 s: /p" /tmp/heard
  check "commands that save nothing were answered" grep -q '^get-random: 20 times' /tmp/heard
}
stands_still 45 5
check "within a second each" eval '! grep -Eq "most [0-9]{4,}" /tmp/heard'
check "the save was answered when it went on" grep -q '^80020000....00000000' /tmp/heard
# One increment at first, one after each jump, one now.
check "the vTPM goes on" raw_guest g1 "its guest's counter is as it was left" "tpm $counter_read | grep -q 0000000000000005"
stands_still 180 10
check "the vTPM names the disk that did not answer, and that it stops" \
  wait_console vtpm0 '^ERROR: this vTPM stops: .*the disk.s backend does not answer' 10
check "and is there to be looked at" matches '^vtpm0 .* -*sc- ' xl list
