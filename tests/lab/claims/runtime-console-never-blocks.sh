#!/bin/sh
# claim: a domain that says much loses no line while its console is read, and is not held up while it is not
# variants: pv pvh
. hello-lib
check "500 lines are said" hello_prove read "$VARIANT" flood
check "and all are kept" [ "$(console read | grep -c '^flood line')" = 500 ]
daemon=$(cat /run/xenconsoled.pid) || lab_error "where is xenconsoled?"
hello_create unread "$VARIANT" "test=flood" || fail "xl creates the domain"
kill -STOP "$daemon"
done=/local/domain/$(xl domid unread)/data/hello
wait_node "$done" '^ok$' 30; ended=$?
kill -CONT "$daemon"
[ $ended = 0 ] || fail "without a reader the domain goes on"
echo "holds: without a reader the domain goes on"
