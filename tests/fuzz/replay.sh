#!/bin/sh
# Replays corpus and traps with the sanitizers; make check-fuzz calls it.
#
#	replay.sh PROGRAM...
here=tests/fuzz
[ $# -gt 0 ] || { echo "no test is called so"; exit 1; }
passed=0 failed=0
kept=${1%/*}-inputs
python3 $here/corpus.py unpack "$kept" $(basename -a "$@") || exit 1
for program in "$@"; do
	t=${program##*/}
	if out=$("$program" "$kept/traps/$t" "$kept/corpus/$t" 2>&1); then
		passed=$((passed + 1))
		echo "ok $t: $(printf '%s\n' "$out" | tail -n 1)"
	else
		failed=$((failed + 1))
		echo "not ok $t"
		# The last input named is the one that broke it.
		printf '%s\n' "$out" | grep '^input ' | tail -n 1 |
		    sed 's/^/# /'
		printf '%s\n' "$out" | grep -v '^input ' | head -n 40 |
		    sed 's/^/# /'
	fi
done
echo "check-fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ]
