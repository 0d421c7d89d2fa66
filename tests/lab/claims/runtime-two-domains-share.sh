#!/bin/sh
# claim: two domains share a page and an event channel, 952 mappings at once, and everything is given back
# variants: pv pvh
# needs: time=240
. hello-lib
hello_create number "$VARIANT" "" || fail "xl creates a domain"
number=$(xl domid number)
xl destroy number
# The back comes right after the front, so its number is known.
hello_create front "$VARIANT" "test=pair-front peer=$((number + 2))" || fail "xl creates the front"
front=$(xl domid front)
wait_node "/local/domain/$front/data/offer" '^ref=' 10 || fail "the front offers a page"
offer=$(xenstore-read "/local/domain/$front/data/offer")
hello_create back "$VARIANT" "test=pair-back peer=$front $offer" || fail "xl creates the back"
[ "$(xl domid back)" = $((front + 1)) ] || lab_error "domain numbers are not in order"
check "the back maps, binds and answers" hello_verdict back 60
check "the front got all answers and its pages back" hello_verdict front 30
