#!/bin/sh
# claim: a guest, a vTPM or a manager that does not end when it is asked to is ended by force once its time is over, in order and by name, by xl-vtpm service down and by the watch, and nothing that was answered is lost
# long-variants: pv
# needs: guests time=1500
. service-lib
lean_guest
installed
xendomains_helpers
watch_says() { grep -Eq -e "$1" /var/log/xen/xl-vtpm-watch.log; }
check "the files are written" configured pv g1 g2
echo 'RUN_ARGS="--grace 3"' >>/etc/default/xl-vtpm
check "the manager is started" /etc/init.d/xl-vtpm start
# started GUEST: it, and its vTPM.
started() {
  check "$1 and its vTPM start" xlv create "/tmp/$1.cfg" --timeout 120
  guest_wait "$1" || fail "$1 came up"
}
for guest in g1 g2; do started $guest; done
raw_guest g1 "it writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:0000000000000001:0000"

# A kernel that is told to end, and does not.
check "g2 ignores it when it is asked to end" \
  guest_run g2 'echo /bin/false >/proc/sys/kernel/poweroff_cmd; grep false /proc/sys/kernel/poweroff_cmd'
# down COMMAND...: its output in /tmp/down.log, and how long it took in $took.
down() {
  took=$(seconds sh -c 'exec "$@" >/tmp/down.log 2>&1' down "$@") || { cat /tmp/down.log; fail "$* succeeds ($took s)"; }
  cat /tmp/down.log
  echo "holds: $* succeeds ($took s)"
}
# before A B: the first line that matches A is above the first one that matches B.
at() { grep -En -m 1 -e "$1" /tmp/down.log | cut -d: -f1; }
before() { [ "$(at "$1")" -lt "$(at "$2")" ]; }
forced() { grep -c 'did not end in time and is ended by force' /tmp/down.log; }
down xl-vtpm service down --timeout 20
check "the one that did not end was ended by force" grep -q '^xl-vtpm: g2 did not end in time and is ended by force' /tmp/down.log
check "nobody else was" [ "$(forced)" = 1 ]
check "vTPMs were asked once no guest was left" eval 'before "^xl-vtpm: g2 did not end" "^asking g1-vtpm" && before "^xl-vtpm: g2 did not end" "^asking g2-vtpm"'
check "and the manager once no vTPM was left" eval 'before "^asking g1-vtpm" "^asking vtpmmgr" && before "^asking g2-vtpm" "^asking vtpmmgr"'
check "within the limits of three stages" [ "${took%.*}" -le 90 ]
echo "figure: all of it ended in $took s, of which 20 were given to a guest that did not end"
for name in g1-vtpm g2-vtpm vtpmmgr; do check "$name ended in order" matches 'asked to stop' console $name; done
check "nothing is left" no_domains
check "xendomains has nothing to save" eval 'test -z "$(/etc/init.d/xendomains stop)$(ls /var/lib/xen/save 2>/dev/null)"'

# The watch, and a vTPM that does not end.
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
started g1
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 0000000000000001"
check "its vTPM is paused" xl pause g1-vtpm
xl destroy g1
check "and ended all the same" wait_gone g1-vtpm 60
check "by force, as the watch says" watch_says 'g1-vtpm .*(force|did not end)'
cat /var/log/xen/xl-vtpm-watch.log
check "the watch ends" /etc/init.d/xl-vtpm-watch stop
started g1
raw_guest g1 "nothing is lost by that" "has_tpm; tpm $nv_read | grep -q 0000000000000001; ok $nv_write:00000000000000ff:0000"
# Neither of them ends; the vTPM is gone only once the manager has no page of its any more.
check "vTPM and manager are paused" eval 'xl pause g1-vtpm && xl pause vtpmmgr'
down xl-vtpm service down --timeout 20
for name in g1-vtpm vtpmmgr; do
  check "$name was ended by force" grep -q "^xl-vtpm: $name did not end in time and is ended by force" /tmp/down.log
done
check "one was asked after the other" before '^asking g1-vtpm' '^asking vtpmmgr'
check "within the limits of three stages" [ "${took%.*}" -le 150 ]
check "nothing is left" no_domains
check "the manager is started once more" /etc/init.d/xl-vtpm start
started g1
raw_guest g1 "what was answered is there" "has_tpm; tpm $nv_read | grep -q 00000000000000ff"
check "all of it ends" xlv service down --timeout 30
check "no domain is left at the end" no_domains
check "nor a loop device" no_loops
