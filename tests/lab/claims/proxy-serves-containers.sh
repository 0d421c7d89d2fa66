#!/bin/sh
# claim: vtpm-proxy makes /dev/tpmN and /dev/tpmrmN of Linux's /dev/vtpmx: TPM 2.0 and 1.2, several at once, state kept over stop and kill under a key from a file or sealed to the host's TPM, everything gone after it
# variants: few
# long-variants: hundred trixie
# needs: tpm=2 tpm-dom0 time=300
# needs hundred: time=1200
# needs trixie: release=trixie
. proxy-lib
proxy_key other-key
tool() { tool=$1; name=$2; shift 2; "tpm2_$tool" -T "device:$(node "$name" tpmrm)" "$@"; }

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
if [ "$VARIANT" = hundred ]; then
check "an OCI runtime's entry has the numbers of the device: a node made of them leads to the TPM" sh -ec "
entry=\$($proxy recipe web --for oci | jq -c '.linux.devices[] | select(.path == \"/dev/tpmrm0\")')
mknod inside c \$(echo \"\$entry\" | jq .major) \$(echo \"\$entry\" | jq .minor)
test \"\$(stat -c %t:%T inside)\" = \"\$(stat -c %t:%T $(node web tpmrm))\"; tpm2_getrandom -T device:./inside --hex 8"
check "and the rules that let it be used" matches '^true rw$' \
  sh -c "$proxy recipe web --for oci | jq -r '.linux.resources.devices[1] | \"\\(.allow) \\(.access)\"'"
check "systemd-nspawn's words bind it" matches "bind=$(node web tpmrm):/dev/tpmrm0" $proxy recipe web --for nspawn
fi
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
sealed() { serve_with '--host-tpm /dev/tpmrm0' sealed; }
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

case $VARIANT in hundred) count=100;; *) count=3;; esac
uptime() { cut -d' ' -f1 /proc/uptime; }
# each "SENTENCE" COMMAND...: runs it with $n from 1 to $count; ends the claim at the first that fails.
each() {
  sentence=$1; shift
  for n in $(seq $count); do
    eval "$*" >each.log 2>&1 || fail "number $n of $count $sentence: $(cat each.log)"
  done
  echo "holds: each of $count $sentence"
}
began=$(uptime)
each "gets ready" 'serve "many$n" || { cat "many$n.log"; false; }'
ended=$(uptime)
memory=$(for n in $(seq $count); do sed -n 's/^Pss: *//p' "/proc/$(cat "many$n.pid")/smaps_rollup"; done | awk '{ all += $1 } END { printf "%d", all / NR }')
each "gives random bytes" 'tpm2_getrandom -T "device:$(node "many$n" tpmrm)" --hex 8'
if [ "$VARIANT" = hundred ]; then
  each "keeps something of its own" '
tpm2_nvdefine -Q -T "device:$(node "many$n" tpmrm)" -C o -s 4 -a "authread|authwrite" 0x1500001 &&
printf %04d "$n" | tpm2_nvwrite -Q -T "device:$(node "many$n" tpmrm)" -i- 0x1500001'
  each "has it" '[ "$(tpm2_nvread -T "device:$(node "many$n" tpmrm)" 0x1500001)" = "$(printf %04d "$n")" ]'
fi
check "all are listed" sh -c "[ \"\$($proxy list | grep -c '^many')\" = $count ]"
began2=$(uptime)
each "stops" '$proxy stop "many$n"'
awk -v count=$count -v a="$began" -v b="$ended" -v c="$began2" -v d="$(uptime)" -v m="$memory" 'BEGIN {
  printf "figure: %d TPMs at once: ready one after another in %.0f s, stopped in %.0f s; one takes %d KiB (PSS)\n", count, b - a, d - c, m }'
check "no device is left but the host's" sh -c '[ "$(ls /dev/tpm* | xargs)" = "/dev/tpm0 /dev/tpmrm0" ]'
check "no entry is left" sh -c "ls -l /run/vtpm-proxy; cat /run/vtpm-proxy/*; ! ls /run/vtpm-proxy | grep -q ."
check "no process is left" sh -c "! pidof vtpm-proxy"
check "the next one gets the first number again" serve many1
check "which is tpm1" test "$(node many1 tpm)" = /dev/tpm1
check "it stops" $proxy stop many1
check "the kernel holds nothing of its driver" rmmod tpm_vtpm_proxy
