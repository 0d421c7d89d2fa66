#!/bin/sh
# claim: a manager serves 512 devices on the stock oxenstored, tells the next one that there is no room, and takes it once there is
# long-variants: pv pvh
# needs: time=1400
. crowd-lib
crowd_claim "$VARIANT"
