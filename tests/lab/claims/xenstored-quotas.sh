#!/bin/sh
# claim: xenstored refuses a domain's watches and nodes beyond its quota by name, leaves the rest as it is, and takes more once there is room
# variants: oxenstored
# needs: time=200
. hello-lib
hello_create quotas pv test=quotas || fail "xl creates the domain"
check "the quotas are found, and left again" hello_verdict quotas 100
console quotas | tr -d '\r' | sed -n "s/^QUOTA /figure: $VARIANT of Xen $(xl info xen_version) allows a domain: /p"
