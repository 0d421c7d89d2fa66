#!/bin/sh
# claim: vtpm-proxy keeps the whole contract of the kernel's tpm_vtpm_proxy, and a process that serves a TPM can do nothing else: garbage, clients that hang up, a device closed under its clients, the private locality command, missing module and capability, forbidden system calls
# long-variants: bookworm
# needs: kernel-tests time=400
. proxy-lib
PATH=/lab/kernel-tests/bin:$PATH
# does WHAT...: see the library.
does() { python3 /usr/local/bin/driver-contract "$@"; }
random=80010000000c0000017b0008

rmmod tpm_vtpm_proxy 2>/dev/null
check "without the module a run says what to load" matches 'modprobe tpm_vtpm_proxy' sh -c "! $proxy run --state none --key-file key 2>&1"
check "and powers no TPM on" sh -c '! ls none/state'
modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"
check "without CAP_SYS_ADMIN it says so" matches 'CAP_SYS_ADMIN' \
  sh -c "! setpriv --bounding-set=-sys_admin --inh-caps=-all $proxy run --state none --key-file key 2>&1"
check "the driver refuses flags that it does not know" matches '^(ENOTSUP|EOPNOTSUPP)$' does flags 2

check "flag 1 makes a TPM 2.0" serve web
check "which has a resource manager" test "$(cat /sys/class/tpm/tpm0/tpm_version_major) $(node web tpmrm)" = "2 /dev/tpmrm0"
check "no flag makes a TPM 1.2" serve old --tpm 1.2
check "which has none" test "$(cat /sys/class/tpm/tpm1/tpm_version_major) $(node old tpmrm)" = "1 "
check "the kernel's first conversation with both went without a complaint" \
  sh -c '! dmesg | grep -i tpm | grep -iE "error|fail|warn|timeout|timed|invalid|self"'
check "the kernel knows the TPM 1.2's time-outs and durations" \
  sh -c 'head /sys/class/tpm/tpm1/timeouts /sys/class/tpm/tpm1/durations
grep -Eq "^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9][0-9]* " /sys/class/tpm/tpm1/timeouts && grep -Eq "^[1-9][0-9]* [1-9][0-9]* [1-9]" /sys/class/tpm/tpm1/durations'
check "the kernel takes random numbers from it" sh -c '
echo tpm-rng-0 >/sys/class/misc/hw_random/rng_current; grep -q tpm-rng-0 /sys/class/misc/hw_random/rng_current || exit 1
test "$(head -c 32 /dev/hwrng | wc -c)" = 32'

check "a program cannot set the locality by the driver's private command" matches '^EFAULT$' does send /dev/tpm0 80020000000b2000100000
check "nor of a TPM 1.2" matches '^EFAULT$' does send /dev/tpm1 00c10000000b2000100000
for garbage in 80010000000a00000000 8002000000100000014effffffffffff 80010000000affffffff 00c10000000a00000014 ffff0000000a12345678; do
  check "garbage ($garbage) gets a TPM's error" matches '^(8001|00c4)0000000a0000' does send /dev/tpm0 $garbage
done
check "a command of the largest size gets its error" matches '^(8001|00c4)0000000a0000' does send /dev/tpm0 800100001000$(printf '%08180d' 0)
check "it goes on" matches '^8001000000140000' does send /dev/tpm0 $random
# TPM2_CreatePrimary of an RSA key, which takes a while.
long=80020000004300000131400000010000000940000009000000000000040000000000001a0001000b00030072000000060080004300100800000000000000000000000000
for time in 1 2 3 4 5; do does leave /dev/tpm0 $long; done
check "clients that hung up in the middle of a command change nothing for the next" matches '^8001000000140000' does send /dev/tpm0 $random
does send /dev/tpmrm0 $long >/dev/null & killed=$!
sleep 0.2; kill -9 $killed
check "nor do killed ones" matches '^8001000000140000' does send /dev/tpmrm0 $random

does hold /dev/tpmrm0 sign >held 2>&1 & holder=$!
lab_until 20 test -e sign || lab_error "a client opens the device"
check "a device is closed under a client that holds it" $proxy stop web
check "it is gone" no_device /dev/tpmrm0
rm sign
wait $holder
check "the client hears of it" matches '^(EPIPE|ENODEV)$' cat held
check "it starts again, and gets a device again" serve web

pid=$(cat web.pid)
for set in CapInh CapPrm CapEff CapAmb; do
  check "a process that serves has no capabilities ($set)" grep -q "^$set:.0*$" "/proc/$pid/status"
done
check "its system calls are filtered, and it cannot gain privileges" \
  sh -c "grep -q '^Seccomp:.2$' /proc/$pid/status && grep -q '^NoNewPrivs:.1$' /proc/$pid/status"
check "it has one thread and no socket but the pairs it made" sh -c "
[ \$(ls /proc/$pid/task | wc -l) = 1 ] || exit 1
for name in tcp udp tcp6 udp6 raw; do ls -l /proc/$pid/fd | grep -o 'socket:.[0-9]*' | tr -dc '0-9\n' | while read -r inode; do
  ! grep -qw \"\$inode\" /proc/net/\$name || exit 1; done || exit 1; done"
# socket, connect, execve, fork, mount, kill, ptrace, open_by_handle_at, bpf
for number in 41 42 59 57 165 62 101 304 321; do
  check "it is ended as soon as it calls number $number" matches '^ended by signal 31$' does call "$(cat web.pid)" $number
  check "its device goes with it" lab_until 10 no_device /dev/tpmrm0
  check "and its state is there at the next start" serve web
done
check "it stops" $proxy stop web
check "both do" $proxy stop old
