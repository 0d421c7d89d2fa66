#!/bin/sh
# claim: while two guests use their TPMs all the time and others come, restart and go by xl and by xl-vtpm, for five minutes or two hours, no memory, grant, port, node, watch, loop device, process or open file grows in number, no answer gets slower, no command fails and no counter is lost
# long-variants: pv-short pv-long
# needs: guests tpm=2 time=1800 xen-args=conring_size=512k
# needs pv-long: time=12000
. soak-lib
case $VARIANT in
*-short) minutes=5 each=2;;
*) minutes=${SOAK_MINUTES:-120} each=10;;
esac
stay='stay1 stay2'
configured_manager='hardware="2.0"
extra="budget=86400"'
installed
with_clock
check "the files are written" configured "${VARIANT%-*}" $stay come1 come2
# Those that come and go are small, and have no TPM tools.
lean_guest
with_clock
for guest in come1 come2; do
  sed -i -e "s|^ramdisk *=.*|ramdisk=\"$GUEST_RAMDISK\"|" -e "s/^memory *=.*/memory=$GUEST_MEMORY/" "/tmp/$guest.cfg"
done
# Stock xl makes no disk for a vTPM that it starts.
mkdir -p /var/lib/xen/vtpm && truncate -s 2M /var/lib/xen/vtpm/come2-vtpm.img
echo 'RUN_ARGS="--grace 300"' >>/etc/default/xl-vtpm
begin() { check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'; }

# A first time: what the first of all brings into being once is no growth.
begin
for guest in $stay; do soak_stays "$guest" 0; soak_works "$guest"; done
soak_hold stop $stay
soak_ends
mkdir /tmp/first && cp /tmp/used-* /tmp/first/

begin
for guest in $stay; do soak_stays "$guest" "$(soak_count "$guest")"; done
soak_turn
look() {
  soak_hold pause $stay
  soak_look "$1"
  minute=$((($(lab_now) - began) / 60))
  echo "figure: minute $minute: turns $soak_turns, commands $(cat /tmp/soak-last-* | awk '{ all += $2 } END { print all }') and $soak_commands; $(soak_row "$1")"
}
began=$(lab_now)
end=$((began + minutes * 60)) next=$((began + each * 60))
look /tmp/look-first
soak_go_on $stay
while [ "$(lab_now)" -lt $end ]; do
  soak_turn
  for guest in $stay; do soak_last "$guest" >/dev/null; done
  [ "$(lab_now)" -ge $next ] || continue
  next=$((next + each * 60))
  look /tmp/look
  soak_go_on $stay
done
look /tmp/look-last
soak_hold stop $stay
echo "figure: $soak_visits guests came and went in $soak_turns turns and $((($(lab_now) - began) / 60)) minutes; $soak_late starts were given up by libxl when its time was over, and made again"
sort /tmp/soak-late 2>/dev/null | uniq -c | sed "s/^ *[0-9]* figure: /figure: /" | head -n 20
soak_ends
for guest in $stay; do
  echo "figure: $guest: rounds, commands, counter: $(cut -d' ' -f1-3 /tmp/soak-last-$guest)"
done
begin
for guest in $stay; do
  soak_stays "$guest" "$(soak_count "$guest")"
  soak_works "$guest"
  echo "holds: $guest's counter is there after a restart of all, and goes on"
done
wrong=
soak_used /tmp/first || wrong="a domain used more memory than the first time"
for guest in $stay; do soak_times "$guest" || wrong="$wrong; answers to $guest got slower"; done
if soak_grew /tmp/look-first /tmp/look-last; then wrong="$wrong; something grew"; fi
[ -z "$wrong" ] || fail "nothing grows and nothing gets slower: $wrong"
