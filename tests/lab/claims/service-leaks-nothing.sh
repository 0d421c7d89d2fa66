#!/bin/sh
# claim: guests with a vTPM each, four or twenty of them, created and destroyed by xl-vtpm, or by stock xl with block-vtpm and the service, leave no domain, node, loop device, lock, process or file behind
# long-variants: pv-4 pv-20 pv-20-on-demand
# needs: guests time=2400
. service-lib
lean_guest
installed
count=${VARIANT#pv-} count=${count%-on-demand}
guests=$(seq -f 'g%.0f' 1 "$count")
check "the files are written" configured pv g0 $guests
echo 'RUN_ARGS="--grace 1"' >>/etc/default/xl-vtpm
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
# What there is: all nodes but those of what domains count, loop devices, domains, files and locks but
# what xenstored keeps of itself, open files of the watch, processes.
open_files() { ls -l /proc/"$(cat /run/xl-vtpm-watch.pid)"/fd | sed 's/.*-> //'; }
pipes() { open_files | grep -c '^pipe:'; }
there() {
  xenstore-ls -f / | sed 's/ = .*//' | grep -v -e '^/local/domain/0/memory' -e '^/libxl/0'
  losetup -a
  xl list | awk "{ print \$1 }"
  find /run /tmp /var/lib/xen -name 'lab-*' -prune -o -print | grep -v '/tmp/service\|/run/xen-hotplug$\|^/run/xenstored/db$\|-vtpm.img$'
  open_files | grep -v '^pipe:' | sed 's/[0-9][0-9]*/N/g' | sort
  ps -ef | grep -c '[x]l-vtpm reap\|[d]efunct'
}
case $VARIANT in
*-on-demand)
  for guest in g0 $guests; do on_demand "$guest"; done
  # A TPM is made at its first start, for which a disk script may have too little time on a slow machine. A start
  # that failed has to leave nothing behind either, and a later one finds a TPM that was made.
  create() {
    for attempt in 1 2 3 4; do
      xl create -q "/tmp/$1.cfg" && return
      wait_gone "$1-vtpm" 60 || return
    done
    return 1
  }
  destroy() { xl destroy "$1" && wait_gone "$1-vtpm" 60; };;
*)
  create() { xlv create "/tmp/$1.cfg" --timeout 300; }
  destroy() { xlv destroy "$1"; };;
esac
# A look a second: the guest boots on the one processor that looks take.
up() { for look in $(seq 300); do lab_ready "$1" && return; sleep 1; done; return 1; }
start() { create "$1" && up "$1"; }
turn() {
  for guest in "$@"; do check "$guest starts" start "$guest"; done
  for guest in "$@"; do raw_guest "$guest" "$guest has a TPM" "has_tpm; ok \$random"; done
  for guest in "$@"; do check "$guest and its vTPM end" destroy "$guest"; done
}
# What the first of all brings into being once, such as folders, is no leak.
turn g0
there >/tmp/lab-before
before=$(pipes)
set -- $guests
while [ $# -gt 0 ]; do
  turn "$1" "$2" "$3" "$4"
  shift 4
done
same() { there >/tmp/lab-after; diff /tmp/lab-before /tmp/lab-after; }
lab_until 10 same
check "there is what there was before" same
# libxl keeps two pipes' ends for each of the calls that were ever in progress at once.
check "the watch has not more than a few pipes more than before ($before, $(pipes))" [ "$(pipes)" -le $((before + 8)) ]
check "all of it ends" eval '/etc/init.d/xl-vtpm-watch stop && xlv service down --timeout 5'
check "nothing is left" no_domains
check "nor a loop device" no_loops
