#!/bin/sh
# claim: two domains share a page and an event channel, 320 mappings at once (952 in the long variants), and everything is given back
# variants: pv pvh
# long-variants: pv-952 pvh-952
# needs: time=400
. hello-lib
type=${VARIANT%-*} copies=40 patience=60
[ "$type" = "$VARIANT" ] || { copies=119 patience=200; }
hello_create number "$type" "" || fail "xl creates a domain"
number=$(xl domid number)
xl destroy number
# The back comes right after the front, so its number is known.
hello_create front "$type" "test=pair-front peer=$((number + 2))" || fail "xl creates the front"
front=$(xl domid front)
wait_node "/local/domain/$front/data/offer" '^ref=' 10 || fail "the front offers a page"
offer=$(xenstore-read "/local/domain/$front/data/offer")
hello_create back "$type" "test=pair-back peer=$front $offer copies=$copies" || fail "xl creates the back"
[ "$(xl domid back)" = $((front + 1)) ] || lab_error "domain numbers are not in order"
check "the back maps, binds and answers" hello_verdict back $patience
check "the front got all answers and its pages back" hello_verdict front 30
