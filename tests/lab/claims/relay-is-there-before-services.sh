#!/bin/sh
# claim: in a Debian guest that boots with systemd vtpm-relay.service is ready before sysinit.target, so that an ordinary service finds a TPM; a guest without a vTPM does not wait for it; a vTPM that is attached later gets its relay, and a detached one ends it; vtpm-proxy@ serves a TPM under a credential
# long-variants: pv
# needs: guests systemd time=900
. vtpm-lib
. relay-lib

# systemd_layer: guests boot with systemd, have vtpm-proxy with its units, and a service that needs a TPM.
systemd_layer() {
  layer=/tmp/systemd-layer
  units=$layer/etc/systemd/system
  mkdir -p $layer && tar -xf /lab/systemd.tar -C $layer || lab_error "systemd is unpacked"
  rm -f $layer/etc/passwd $layer/etc/group $layer/etc/nsswitch.conf $layer/etc/hosts $layer/etc/mtab
  mkdir -p $units/multi-user.target.wants $units/sysinit.target.wants $layer/usr/bin $layer/etc/vtpm-proxy $layer/usr/lib/udev/rules.d
  cp /lab/tools/vtpm-proxy $layer/usr/bin/
  cp /lab/units/*.service $layer/usr/lib/systemd/system/
  cp /lab/units/*.rules $layer/usr/lib/udev/rules.d/
  ln -s /usr/lib/systemd/system/vtpm-relay.service $units/sysinit.target.wants/
  ln -sf /usr/lib/systemd/system/multi-user.target $units/default.target
  # There is nobody to log in.
  rm -f $layer/usr/lib/systemd/system-generators/systemd-getty-generator
  ln -sf /dev/null $units/getty.target
  # Else what the agent was given before the boot cleans /tmp is gone.
  rm $layer/usr/lib/tmpfiles.d/tmp.conf
  ln -sf kmod $layer/usr/bin/modprobe
  (umask 077; head -c 32 /dev/urandom >$layer/etc/vtpm-proxy/web.key)
  echo 6c61622d67756573742d30303030aaaa >$layer/etc/machine-id
  cat >$units/lab-agent.service <<END
[Unit]
DefaultDependencies=no
[Service]
Environment=PATH=/usr/bin LC_ALL=C HOME=/root
ExecStartPre=/usr/bin/sh -c 'for module in xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs; do modprobe \$module; done; mkdir -p /proc/xen; mount -t xenfs xenfs /proc/xen; ip link set lo up'
ExecStart=/usr/bin/lab-agent
END
  cat >$units/needs-a-tpm.service <<END
[Unit]
Description=An ordinary service that needs a TPM
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/sh -c 'tpm2_getrandom -T device:/dev/tpmrm0 --hex 8 >/run/got'
END
  ln -s ../lab-agent.service ../needs-a-tpm.service $units/multi-user.target.wants/
  (cat /lab/guest/guest-tpm.cpio; cd $layer && find . | cpio -o -H newc 2>/dev/null) >/tmp/guest-systemd.cpio
  rm -rf $layer
  GUEST_RAMDISK=/tmp/guest-systemd.cpio GUEST_MEMORY=512
  GUEST_EXTRA="rdinit=/usr/lib/systemd/systemd systemd.show_status=0 mitigations=off"
}
# guest_boots NAME [LINE...]: longer than guest_start waits.
guest_boots() {
  guest_start "$@" && return
  guest_wait "$1" 120
}
settled='for i in $(seq 600); do systemctl is-system-running 2>&1 | grep -Eq "running|degraded" && break; sleep 0.2; done
usec() { systemctl show -P "$2" "$1"; }
'
systemd_layer
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_boots g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
GUEST_RUN_SECONDS=200
in_guest g1 "systemd runs, and the relay" "$settled"'
systemctl is-active vtpm-relay.service && test "$(cat /proc/1/comm)" = systemd && exit
set +e # what follows only describes the failure
systemctl --no-pager --failed
ls -l /dev/tpm* /dev/vtpmx /sys/bus/xen/devices; journalctl --no-pager -b -o short-monotonic -u vtpm-relay -u "modprobe@*" | head -n 60
journalctl --no-pager -b -o short-monotonic | tail -n 30; exit 1'
in_guest g1 "the relay was ready before sysinit.target" "$settled"'
usec vtpm-relay.service ActiveEnterTimestampMonotonic; usec sysinit.target ActiveEnterTimestampMonotonic
test "$(usec vtpm-relay.service ActiveEnterTimestampMonotonic)" -gt 0
test "$(usec vtpm-relay.service ActiveEnterTimestampMonotonic)" -le "$(usec sysinit.target ActiveEnterTimestampMonotonic)"'
in_guest g1 "an ordinary service found its TPM" 'systemctl is-active needs-a-tpm.service; cat /run/got; test "$(wc -c </run/got)" = 16'
in_guest g1 "the relay runs with nothing but what serving needs" '
pid=$(systemctl show -P MainPID vtpm-relay.service); grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/$pid/status
grep -q "^CapEff:.0*$" /proc/$pid/status; grep -q "^CapPrm:.0*$" /proc/$pid/status; test "$(systemctl show -P StatusText vtpm-relay.service)" = "serving /dev/tpm1 /dev/tpmrm1"'
in_guest g1 "a killed relay is started again" '
before=$(systemctl show -P MainPID vtpm-relay.service); kill -9 $before
for i in $(seq 200); do now=$(systemctl show -P MainPID vtpm-relay.service); test "$now" != 0 && test "$now" != "$before" && systemctl is-active -q vtpm-relay.service && break; sleep 0.1; done
tpm2_getrandom -T device:/dev/tpmrm0 --hex 8'
in_guest g1 "vtpm-proxy@web serves a TPM of its own under a credential" '
systemctl start vtpm-proxy@web.service || { systemctl --no-pager status vtpm-proxy@web.service; journalctl --no-pager -u vtpm-proxy@web.service; exit 1; }
vtpm-proxy list; vtpm-proxy list | grep -q "^web .*/dev/tpmrm2"; tpm2_getrandom -T device:/dev/tpmrm2 --hex 8
vtpm-proxy recipe web --for podman | grep -q /dev/tpmrm2:/dev/tpmrm0
test -f /var/lib/vtpm-proxy/web/state; systemctl stop vtpm-proxy@web.service; test ! -e /dev/tpmrm2
systemctl show -P Result vtpm-proxy@web.service | grep -qx success'
check "the guest shuts down in time" xl shutdown -w g1
guest_boots g2 "$VARIANT" || fail "a guest without a vTPM came up"
in_guest g2 "it did not wait for one, and nothing failed but what needs a TPM" "$settled"'
systemctl --no-pager --failed; systemctl show -P ConditionResult vtpm-relay.service | grep -qx no
test "$(systemctl list-units --failed --plain --no-legend | grep -vc needs-a-tpm)" = 0
test "$(usec sysinit.target ActiveEnterTimestampMonotonic)" -gt 0
test "$(usec vtpm-relay.service InactiveExitTimestampMonotonic)" = 0'
check "a vTPM is attached" xl vtpm-attach g2 uuid=6f9f5a3c-0d6b-4a4e-9a51-1d6cf7b0c001 backend=vtpm0
in_guest g2 "its relay is started by itself, and it ended in order before" '
for i in $(seq 300); do systemctl is-active -q vtpm-relay.service && break; sleep 0.1; done
systemctl --no-pager status vtpm-relay.service; systemctl is-active vtpm-relay.service
tpm2_getcap -T device:/dev/tpmrm0 properties-variable | grep -E "orderly: *1"'
check "it is detached" xl vtpm-detach g2 0
in_guest g2 "the relay has ended in order, and stays so" '
for i in $(seq 100); do systemctl is-active -q vtpm-relay.service || break; sleep 0.1; done
sleep 3; systemctl show -P ActiveState vtpm-relay.service | grep -qx inactive; systemctl show -P Result vtpm-relay.service | grep -qx success; ! ls /dev/tpm*'
