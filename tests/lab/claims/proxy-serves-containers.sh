#!/bin/sh
# claim: vtpm-proxy makes /dev/tpmN and /dev/tpmrmN of Linux's /dev/vtpmx: TPM 2.0 and 1.2, several at once, state kept over stop and kill under a key from a file or sealed to the host's TPM, everything gone after it
# variants: few
# long-variants: many
# needs: tpm=2 tpm-dom0 time=300
. lab-lib
proxy=/lab/tools/vtpm-proxy
[ -x $proxy ] || lab_error "there is no vtpm-proxy: ./x images"
cd /tmp || exit 4
head -c 32 /dev/urandom >key; chmod 600 key; head -c 32 /dev/urandom >other-key; chmod 600 other-key

# serve NAME [ARG...]: in the background; waits until it is ready, or has ended.
serve() {
  name=$1; shift
  $proxy run --state "state-$name" --key-file key --name "$name" "$@" >"$name.log" 2>&1 &
  echo $! >"$name.pid"
  lab_until 60 ready_or_ended "$name"
  grep -q '^ready: ' "$name.log"
}
ready_or_ended() { grep -q '^ready: ' "$1.log" || ! kill -0 "$(cat "$1.pid")" 2>/dev/null; }
# node NAME tpm|tpmrm: its device
node() { grep -o "/dev/$2[0-9]*" "$1.log" | head -n 1; }
tool() { tool=$1; name=$2; shift 2; "tpm2_$tool" -T "device:$(node "$name" tpmrm)" "$@"; }
no_device() { ! ls "$1" 2>/dev/null; }

rmmod tpm_vtpm_proxy 2>/dev/null
check "without the module a run says what to load" matches 'modprobe tpm_vtpm_proxy' \
  sh -c "! $proxy run --state none --key-file key 2>&1"
modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"
check "a run without a key says how to make one" matches '/dev/urandom' \
  sh -c "! $proxy run --state none --key-file missing 2>&1"

check "a TPM 2.0 gets ready" serve web
check "the kernel knows it as a TPM 2.0 with a resource manager" test -c "$(node web tpmrm)"
check "it gives random bytes" tool getrandom web --hex 16
check "the kernel's own commands have started it" tool pcrread web sha256:0
check "NV storage takes what is written" sh -c "
tpm2_nvdefine -Q -T device:$(node web tpmrm) -C o -s 7 -a 'authread|authwrite' 0x1500001 &&
printf 'keep me' | tpm2_nvwrite -Q -T device:$(node web tpmrm) -i- 0x1500001"
check "keys are made and the resource manager lets more than three live" sh -c "
for key in 1 2 3 4; do tpm2_createprimary -Q -T device:$(node web tpmrm) -C o -G ecc -c key\$key || exit; done"
check "nothing of the state is in clear on disk" sh -c '! grep -q "keep me" state-web/state'
check "it has given up its capabilities and filters its calls" sh -c "
grep -q '^CapEff:.0*$' /proc/$(cat web.pid)/status && grep -q '^Seccomp:.2$' /proc/$(cat web.pid)/status"
check "it is listed" matches "^web .*$(node web tpmrm)" $proxy list
check "the list is JSON on demand" matches '"minor": [0-9]' $proxy list --json
check "a container's recipe names the device" matches "$(node web tpmrm):/dev/tpmrm0" $proxy recipe web --for podman
check "nobody else can serve the same state" matches 'in use by another program' \
  sh -c "! $proxy run --state state-web --key-file key --name twin 2>&1"

check "a second TPM, a 1.2, runs beside it" serve old --tpm 1.2
check "the kernel knows it as a TPM 1.2" matches 'TCG version: 1.2' cat "/sys/class/tpm/$(basename "$(node old tpm)")/caps"

before=$(node web tpmrm)
kill -9 "$(cat web.pid)"
check "a kill takes the device away" lab_until 10 no_device "$before"
check "it starts again" serve web
check "what was answered before the kill is there" matches '^keep me$' tool nvread web 0x1500001
check "stop ends it in order" $proxy stop web
check "it ended with success, not by a signal" wait "$(cat web.pid)"
check "its device is gone" no_device "$(node web tpmrm)"
check "it is not listed any more" sh -c "! $proxy list | grep -q '^web'"
check "another key is refused" matches 'another key' \
  sh -c "! $proxy run --state state-web --key-file other-key --name web 2>&1"
printf x | dd of=state-web/state bs=1 seek=300 conv=notrunc 2>/dev/null
check "a damaged state is refused" matches 'damaged' \
  sh -c "! $proxy run --state state-web --key-file key --name web 2>&1"
check "stop ends the other one, too" $proxy stop old

check "the host has a TPM 2.0 of its own" test -c /dev/tpmrm0
# sealed: like serve, with the key in the host's TPM
sealed() {
  $proxy run --state state-sealed --host-tpm /dev/tpmrm0 --name sealed >sealed.log 2>&1 &
  echo $! >sealed.pid
  lab_until 60 ready_or_ended sealed
  grep -q '^ready: ' sealed.log
}
check "a key is drawn and sealed to the host's TPM" sealed
check "its TPM keeps something" sh -c "
tpm2_nvdefine -Q -T device:$(node sealed tpmrm) -C o -s 7 -a 'authread|authwrite' 0x1500001 &&
printf 'keep me' | tpm2_nvwrite -Q -T device:$(node sealed tpmrm) -i- 0x1500001"
check "it stops" $proxy stop sealed
check "the host's TPM gives the key again" sealed
check "and what was kept is there" matches '^keep me$' tool nvread sealed 0x1500001
check "it stops again" $proxy stop sealed
mv state-sealed/sealed-key away
check "a state whose key is gone is refused" matches 'put a backup in its place' \
  sh -c "! $proxy run --state state-sealed --host-tpm --name sealed 2>&1"

case $VARIANT in many) count=12;; *) count=3;; esac
began=$(cut -d. -f1 /proc/uptime)
for n in $(seq $count); do serve "many$n" || fail "TPM number $n of $count gets ready: $(cat "many$n.log")"; done
ended=$(cut -d. -f1 /proc/uptime)
check "$count at once each give random bytes" sh -c "
for n in \$(seq $count); do
  tpm2_getrandom -T device:\$(grep -o '/dev/tpmrm[0-9]*' many\$n.log) --hex 8 || exit; done"
memory=$(cat /proc/"$(cat many1.pid)"/smaps_rollup | awk '/^Pss:/ { print $2 }')
echo "figure: $count TPMs were ready one after another in $((ended - began)) s; one takes $memory KiB (PSS)"
for n in $(seq $count); do $proxy stop "many$n" || fail "number $n stops"; done
check "no device is left but the host's" sh -c '[ "$(ls /dev/tpm* | xargs)" = "/dev/tpm0 /dev/tpmrm0" ]'
check "no entry is left" sh -c "ls -l /run/vtpm-proxy; cat /run/vtpm-proxy/*; ! ls /run/vtpm-proxy | grep -q ."
