#!/bin/sh
# claim: the service ends a vTPM once its guest has been gone for the grace time, keeps it for a guest that is rebooted, and connects vTPMs to a manager that was restarted
# long-variants: pv pvh pv-xen-4.20 pv-c-xenstored
# needs: guests time=500
# needs pv-xen-4.20: release=trixie
# needs pv-c-xenstored: dom0-args=lab.xenstored=c
. service-lib
lean_guest
installed
watch_says() { grep -Eq -e "$1" /var/log/xen/xl-vtpm-watch.log; }
check "the files are written" configured "${VARIANT%%-*}" g1
on_demand g1
echo 'RUN_ARGS="--grace 5"' >>/etc/default/xl-vtpm
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
check "a TPM is made" made g1
check "a vTPM that nobody uses ends" wait_gone g1-vtpm 40
check "a guest starts, and its vTPM on demand" xl create -q /tmp/g1.cfg
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it has a TPM and measures" "has_tpm; ok \$extend; pcr16 >pcr"
vtpm=$(xl domid g1-vtpm) guest=$(xl domid g1)
another_domid() { now=$(xl domid "$1") && [ "$now" != "$2" ]; }
crash_expected=1
check "the manager is destroyed" xl destroy vtpmmgr
check "and started again" xlv manager start --timeout 120
check "its vTPM is connected to it" lab_until 60 watch_says 'vtpm-rewire: 1 rewired, 0 already connected, 0 failed'
check "and its image is named to it" lab_until 30 image_named g1-vtpm
raw_guest g1 "the guest notices nothing and writes" "ok $nv_new; ok $nv_write:123456789abcde01:0000; test \$(pcr16) = \$(cat pcr)"
check "the guest is rebooted by xl" xl reboot g1
check "it is another domain then" lab_until 60 another_domid g1 "$guest"
guest_wait g1 || { tail -n 20 /var/log/xen/xl-g1.log; xl list; fail "the guest came back"; }
raw_guest g1 "it finds its TPM, with blank PCRs" "has_tpm; tpm $nv_read | grep -q 123456789abcde01; test \$(pcr16) = \$zeros"
check "the vTPM is the same domain" test "$(xl domid g1-vtpm)" = "$vtpm"
xl destroy g1
check "its vTPM ends in order" wait_gone g1-vtpm 30
check "after the grace time" watch_says 'g1-vtpm \(domain [0-9]+\): its guest is gone, it is ended'
check "and not by force" matches 'asked to stop' console g1-vtpm
check "its note is gone" lab_until 5 lab_node_is_gone "/tool/xl-vtpm/$vtpm"
kill "$(pgrep -f "xl-vtpm reap $(xl domid vtpmmgr)\$")"
check "the manager is ended by stock xl" xl shutdown vtpmmgr
check "and is taken away, although nobody is left who would" wait_gone vtpmmgr 40
check "by the service" watch_says 'vtpmmgr .* had ended and was taken away'
check "the watch ends when told to" /etc/init.d/xl-vtpm-watch stop
cat /var/log/xen/xl-vtpm-watch.log
check "nothing is left" no_domains
check "nor a loop device" no_loops
