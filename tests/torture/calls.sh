#!/bin/sh
# The names of the calls that faults.c lets fail.
sed -n 's/^\(CALL\|REAL\)[A-Z_]*(\([^(]*, \)\{0,1\}\([A-Za-z0-9_]*\), (.*/\3/p' "$1"
