#!/bin/sh
# claim: a vTPM goes with a guest that crashes and stays with one that is renamed; a guest is given to its restarted vTPM only where reattach=blank-pcrs says so
# long-variants: pv
# needs: guests time=900
. service-lib
lean_guest
installed
crash_expected=1
watch_says() { grep -Eq -e "$1" /var/log/xen/xl-vtpm-watch.log; }
another_domid() { now=$(xl domid "$1") && [ "$now" != "$2" ]; }
check "the files are written" configured pv g1
on_demand g1
sed -i 's/^on_crash=.*/on_crash="destroy"/' /tmp/g1.cfg
echo 'RUN_ARGS="--grace 5"' >>/etc/default/xl-vtpm
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
check "its TPM is made" made g1
check "a vTPM that nobody uses ends" wait_gone g1-vtpm 40
check "a guest starts" xl create -q /tmp/g1.cfg
guest_wait g1 || fail "the guest came up"
GUEST_RUN_SECONDS=2 guest_run g1 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger' 2>/dev/null
check "it crashes" wait_gone g1 20
check "and its vTPM ends" wait_gone g1-vtpm 40
console_forget g1
check "the guest starts again" xl create -q /tmp/g1.cfg
guest_wait g1 || fail "the guest came up again"
vtpm=$(xl domid g1-vtpm) guest=$(xl domid g1)
check "it is renamed" xl rename g1 h1
sleep 12
check "and keeps its vTPM" test "$(xl domid g1-vtpm)" = "$vtpm"
check "it reboots under its new name" xl reboot h1
check "and is another domain then" lab_until 60 another_domid h1 "$guest"
guest_wait h1 || fail "the guest came back"
raw_guest h1 "it has its TPM and measures" "has_tpm; ok \$extend"
check "with the same vTPM" test "$(xl domid g1-vtpm)" = "$vtpm"
xl destroy g1-vtpm
again() { xl create -q /etc/xen/vtpm/g1-vtpm.cfg && vtpm_wait g1-vtpm 60; }
check "its vTPM is restarted under it" again
check "its image is named to the manager, although stock xl has started it" lab_until 60 image_named g1-vtpm
check "the guest is not given to it" lab_until 30 watch_says 'h1 .*has lost the PCRs; the guest is not given to it'
xl destroy g1-vtpm
sed -i 's/^extra *= *"/&reattach=blank-pcrs /' /etc/xen/vtpm/g1-vtpm.cfg
check "its vTPM is restarted with the word for it" again
check "the guest is given to it" lab_until 60 watch_says 'h1 .*attached to g1-vtpm .*handles and sessions are dead'
check "and is connected" lab_until 60 watch_says 'h1 .*its vTPM 0 is connected'
raw_guest h1 "it has a TPM with blank PCRs" "has_tpm; test \$(pcr16) = \$zeros"
cat /var/log/xen/xl-vtpm-watch.log
check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
