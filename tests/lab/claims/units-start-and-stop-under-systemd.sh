#!/bin/sh
# claim: under a running systemd the units start manager, resident vTPM and watch before Debian's unmodified xendomains starts the guest, and end guest, vTPM and manager in order before xendomains stops; a manager that does not start is named by systemctl status and keeps no other guest from starting
# long-variants: pv
# needs: guests systemd time=900
. service-lib
. systemd-lib
lean_guest
installed
xendomains_helpers
rm -f /etc/init.d/xl-vtpm*
check "systemd is unpacked" systemd_unpacked
cp /lab/hotplug/systemd/*.service /usr/lib/systemd/system/
mkdir -p $units/multi-user.target.wants
for name in xl-vtpm xl-vtpm-watch xl-vtpm-stop; do
  ln -s /usr/lib/systemd/system/$name.service $units/multi-user.target.wants/
done
# Xen's daemons run already, outside of systemd's sight; xendomains is Debian's, by its start script.
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >$units/xen.service
for level in 2 3 4 5; do mkdir -p /etc/rc$level.d && ln -sf ../init.d/xendomains /etc/rc$level.d/S01xendomains; done
for level in 0 1 6; do mkdir -p /etc/rc$level.d && ln -sf ../init.d/xendomains /etc/rc$level.d/K01xendomains; done
check "the files are written" configured pv g1
guest_config plain pv >/tmp/plain.cfg
mkdir -p /etc/xen/auto && ln -s /tmp/g1.cfg /etc/xen/auto/
echo 'DOWN_ARGS="--timeout 10"' >>/etc/default/xl-vtpm
check "the vTPM is made resident" xlv enable g1

check "systemd boots" stopwatch systemd_boot 150
cat /tmp/lab-check.log
in_systemd systemctl --no-pager --failed
for name in xl-vtpm xl-vtpm-watch xl-vtpm-stop xendomains; do
  unit_is $name active || { in_systemd systemctl --no-pager -l status $name; fail "$name is active"; }
done
check "the vTPM serves" test "$(vtpm_says g1-vtpm state)" = ready
check "manager and vTPM were up before the guests" starts_before xl-vtpm.service xendomains.service
check "so was the watch" starts_before xl-vtpm-watch.service xendomains.service
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"
vtpm=$(xl domid g1-vtpm)
check "the journal has what was started" matches 'start.*vtpmmgr' unit_log xl-vtpm
check "the watch is restarted" in_systemd systemctl restart xl-vtpm-watch
check "and watches" lab_until 20 eval 'unit_log xl-vtpm-watch | grep "^watching"'
check "which changes nothing for guest and vTPM" test "$(xl domid g1-vtpm)" = "$vtpm"
check "what runs already is left alone by another start" in_systemd systemctl start xl-vtpm
raw_guest g1 "the guest has its TPM" "tpm $nv_read | grep -q 123456789abcde01"

check "systemd shuts down" stopwatch systemd_off 120
cat /tmp/lab-check.log
check "nothing is left" no_domains
check "xendomains has saved nothing" test -z "$(ls /var/lib/xen/save 2>/dev/null)"
check "the vTPM has ended in order" matches '^asked to stop' console g1-vtpm
check "and so has the manager" matches '^asked to stop' console vtpmmgr
losetup -a
check "nor is a loop device left" no_loops
journal() { journalctl --no-pager -o cat -D /var/log/journal; }
line() { journal | grep -n -m 1 -e "$1" | cut -d: -f1; }
journal | grep -E 'Stopp(ing|ed)' | tail -n 20
check "guests with a vTPM had ended before xendomains began to stop" \
  test "$(line 'Stopped xl-vtpm-stop.service')" -lt "$(line 'Stopping xendomains.service')"

# A manager that cannot start: its disk holds something else.
rm -f /etc/xen/auto/g1.cfg && ln -s /tmp/plain.cfg /etc/xen/auto/
disk=$(sed -n 's/^disk.*target=\([^," ]*\).*/\1/p' /etc/xen/vtpm/vtpmmgr.cfg)
[ -f "$disk" ] || lab_error "the manager has a disk: $(grep disk /etc/xen/vtpm/vtpmmgr.cfg)"
cp "$disk" "$disk.good"
head -c 16777216 /dev/urandom | dd of="$disk" conv=notrunc bs=1M 2>/dev/null
console_forget vtpmmgr
check "systemd boots again" stopwatch systemd_boot 200
cat /tmp/lab-check.log
check "the unit has failed" unit_is xl-vtpm.service failed
status() { in_systemd systemctl --no-pager -l status xl-vtpm.service; }
status
check "its status names the manager and why" matches 'xl-vtpm: vtpmmgr: ' status
check "and what follows from it" matches 'not started: vtpmmgr, g1-vtpm' status
check "a guest that needs no vTPM was started" guest_wait plain
cp "$disk.good" "$disk"
check "with the manager's disk back the unit starts" in_systemd systemctl start xl-vtpm
check "the vTPM serves again" test "$(vtpm_says g1-vtpm state)" = ready
check "stopping it ends what has to do with vTPMs" in_systemd systemctl stop xl-vtpm
check "nothing else" eval 'toolstack_gone vtpmmgr g1-vtpm && xl domid plain'
guest_stop plain
check "systemd shuts down again" systemd_off 60
check "nothing is left at the end" no_domains
