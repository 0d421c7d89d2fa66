#!/bin/sh
# claim: beside a guest that attacks its own vTPM in every way a guest has, others keep their answer times within a factor of eight, and all that they stored, and the attacked vTPM serves the next guest
# long-variants: pv pvh pv-long pv-linux
# needs: guests time=1200
. hostile-lib
case $VARIANT in *-long) asks_answers=8000 asks_saves=2000;; *-linux) asks_answers=4000 asks_saves=800;; esac
manager_start "${VARIANT%-*}" hwtpm=none || fail "the manager comes up"
for n in 0 1 2; do hostile_vtpm $n "${VARIANT%-*}" || fail "vTPM $n comes up"; done
clock_guests
guest_start g1 pv 'vtpm=["backend=vtpm1"]' || fail "the first honest guest comes up"
modprobe xen-tpmfront && xl vtpm-attach 0 backend=vtpm2 || fail "domain 0 is the second honest guest"
honest_begin
honest_asks alone
hostile_ports before >/dev/null
case $VARIANT in *-linux) hostile_create_linux;; *) hostile_create "${VARIANT%-*}";; esac || fail "the hostile guest comes up"
honest_asks beside
honest_compare || slow=1
check "the hostile guest was at it all the time" hostile_is_at_it
xl shutdown hostile
check "it comes to its own end" wait_console hostile '^HOSTILE ends' 30
check "and is gone" wait_gone hostile 20
console hostile | tr -d '\r' | sed -n 's/^HOSTILE ends/figure: the attack/p; s/^.*BREACH: /figure: breach: /p; s/^HOSTILE sees/figure: Linux'"'"'s own devices/p'
[ -z "${slow:-}" ] || fail "no honest guest waits eight times as long as alone"
check "the attack had all its parts" hostile_did_all
check "nothing of others could be read, written, mapped or bound" matches ' breaches=0$' hostile_line
check "what the honest guests stored is there" honest_end
check "no page of the hostile guest is held any more" hostile_left_nothing
check "the attacked vTPM is ready" matches '^ready$' vtpm_says vtpm0 state
check "it has as many ports as before" hostile_ports after
lines=$(console vtpm0 | wc -l)
echo "figure: $lines lines on the attacked vTPM's console"
check "its console has few lines of it" [ "$lines" -lt $((100 + asks_answers / 10)) ]
check "the next guest finds it new and uses it" hostile_next
