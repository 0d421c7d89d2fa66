#!/bin/sh
# claim: in a Debian guest that boots with systemd vtpm-relay.service is ready before sysinit.target, so that an ordinary service finds a TPM; a guest without a vTPM does not wait for it; a vTPM that is attached later gets its relay, and a detached one ends it; vtpm-proxy@ serves a TPM under a credential
# long-variants: pv
# needs: guests systemd time=900
. vtpm-lib
. relay-units-lib
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
