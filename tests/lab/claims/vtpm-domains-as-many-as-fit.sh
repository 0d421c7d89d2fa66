#!/bin/sh
# claim: vTPM domains start until Xen's memory is used up, the last as fast as the first within a factor of three; the one too many is refused and leaves nothing, and all the others go on
# long-variants: pv pvh
# needs: mem=1152 dom0-mem=640 time=2400
. manager-lib
manager_start "$VARIANT" hwtpm=none || fail "the manager comes up"
free() { xl info free_memory; }
now() { date +%s%N; }
uuid() { printf '00000000-0000-4000-8000-%012d' "$1"; }
dir() { echo "/local/domain/$(xl domid "$1")/data/vtpm"; }
# one N: the milliseconds from `xl create` until vTPM N, which is new, has been kept by the manager and is ready.
one() {
  began=$(now)
  vtpm_create "v$1" "$VARIANT" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid "$1")\"]" 2>/tmp/refused.log || return
  lab_until 120 lab_node_is "$(dir "v$1")/state" '^ready$' || fail "v$1 is ready"
  echo $((($(now) - began) / 1000000)) >>/tmp/took
}
began_with=$(free)
count=0
while one $((count + 1)); do count=$((count + 1)); done
left=$(free)
check "the one too many is refused for want of memory" matches 'memory' cat /tmp/refused.log
check "and leaves no domain" lab_no_domain "v$((count + 1))"
check "there are all the others" [ "$(xl list | grep -c '^v[0-9]')" = "$count" ]
echo "figure: $count vTPM domains of 6 MiB at one manager; $(((began_with - left) * 1024 / count)) KiB of memory each, $left MiB are left"
[ "$count" -ge 20 ] || lab_error "this machine holds $count vTPM domains only; raise mem= of this claim"
median() { sort -n | sed -n 5p; }
first=$(head -n 9 /tmp/took | median) last=$(tail -n 9 /tmp/took | median)
echo "figure: a new vTPM was ready $first ms after xl create among the first nine and $last ms among the last nine (medians): $((last * 100 / first)) %"
[ "$last" -le $((first * 3)) ] || fail "the last starts within three times the first's time"
all_ready() { for n in $(seq "$count"); do [ "$(xenstore-read "$(dir "v$n")/state")" = ready ] || { echo "v$n is not"; return 1; }; done; }
check "all are ready" all_ready
modprobe xen-tpmfront
uses() { xl vtpm-attach 0 backend="$1" && lab_until 20 [ -c /dev/tpm0 ] && bash -c "$(raw_tpm)
has_tpm; ok \$random" && xl vtpm-detach 0 0; }
check "the first serves" uses v1
check "the last serves" uses "v$count"
