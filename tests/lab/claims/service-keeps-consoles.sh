#!/bin/sh
# claim: where xenconsoled keeps no consoles, as on Debian, the service keeps the last of what vTPM domains and managers write, xl-vtpm logs prints it, after their end, too, and a console that xl console shows is left to it
# long-variants: pv pvh
# needs: time=300
. service-lib
installed
# As Debian starts it: xenconsoled's words.
xenconsoled_with() {
  kill "$(cat /run/xenconsoled.pid)" && lab_until 5 eval '! pidof xenconsoled' || return
  /usr/lib/xen-*/bin/xenconsoled --pid-file=/run/xenconsoled.pid "$@"
}
# kept NAME REGEX COUNT: so many lines of what is kept match.
kept() { xlv logs "$1" >/tmp/kept && [ "$(grep -Ec -e "$2" /tmp/kept)" = "$3" ]; }
wait_kept() { lab_until 20 kept "$@" || { cat /tmp/kept; return 1; }; }
logs_refused() { ! xlv logs g1; }
check "xenconsoled keeps no consoles" xenconsoled_with
check "the files are written" configured "$VARIANT" g1
echo 'RUN_ARGS="--grace 5"' >>/etc/default/xl-vtpm
check "nothing is kept yet, and it is said how it would be" matches 'service xl-vtpm-watch.*xl console g1-vtpm' logs_refused
check "the watch is started" /etc/init.d/xl-vtpm-watch start
check "manager and vTPM are started" made g1
check "what the manager said from its start is kept" wait_kept vtpmmgr 'ready for vTPMs' 1
check "under the domain's number" wait_kept vtpmmgr "^\\[domain $(xl domid vtpmmgr)\\]" 1
check "and what the vTPM said, found by its guest's name" wait_kept g1 'ready for a frontend' 1
check "xenconsoled has kept nothing" test ! -e $lab_consoles/guest-g1-vtpm.log
check "the vTPM ends for want of a guest" wait_gone g1-vtpm 60
check "its last words are kept" wait_kept g1-vtpm 'asked to stop' 1
check "the vTPM is started again" eval 'xlv enable g1 && xlv service up --timeout 60'
check "its new words are kept behind the old ones" wait_kept g1-vtpm 'ready for a frontend' 2
mkfifo /tmp/typed && exec 9<>/tmp/typed
xl console g1-vtpm </tmp/typed >/tmp/shown 2>&1 9>&- &
check "somebody looks at its console" lab_until 10 test -e "/var/lock/xenconsole.$(xl domid g1-vtpm)"
sleep 1
check "the vTPM is ended" xl shutdown g1-vtpm
check "whoever looked has seen it" lab_until 20 grep -q 'asked to stop' /tmp/shown
check "the vTPM is gone" wait_gone g1-vtpm 20
sleep 1
check "and that was left to them" kept g1-vtpm 'asked to stop' 1
check "xenconsoled is restarted" xenconsoled_with
sleep 12
check "all of it ends" xlv service down --timeout 5
check "what the manager wrote after that is kept" wait_kept vtpmmgr 'asked to stop' 1
cat /tmp/kept
ls -l /var/log/xen/vtpm
check "the watch ends when told to" /etc/init.d/xl-vtpm-watch stop
check "nothing is left" no_domains
