#!/bin/sh
# claim: on the stock oxenstored a manager serves more devices than the quota has nodes for and more than one call to Xen takes ports; of 513 it refuses one by name, until there is room
# long-variants: pv-160 pvh-160 pv-512 pvh-512
# needs: time=1400
. crowd-lib
crowd_claim "${VARIANT%-*}" "${VARIANT#*-}"
