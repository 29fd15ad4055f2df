#!/bin/sh
# Runs fuzz targets one after the other; make fuzz calls it.
#
#	run.sh FOLDER TARGET...
#
# RUNS: executions of each (1,000,000); SECONDS_EACH: most time for each.
# New inputs are kept in build-fuzz/corpus/TARGET from one call to the next;
# MERGE=1 afterwards puts the smallest set that reaches the same code into
# tests/fuzz/corpus.  A broken property leaves build-fuzz/found/TARGET-crash-*.
set -u
folder=$1
shift
here=tests/fuzz
work=build-fuzz/corpus
kept=build-fuzz/kept
found=build-fuzz/found
mkdir -p $found
python3 $here/corpus.py unpack $kept "$@" || exit 1
export ASAN_OPTIONS="${ASAN_OPTIONS-malloc_context_size=2:quarantine_size_mb=16}"
export UBSAN_OPTIONS=print_stacktrace=1
passed=0 failed=0
for t in "$@"; do
	mkdir -p "$work/$t"
	dict=
	[ -e "$here/dict/$t.dict" ] && dict="-dict=$here/dict/$t.dict"
	max=$(sed -n "s/^$t //p" $here/max_len)
	if "$folder/$t" -runs="${RUNS:-1000000}" \
	    -max_total_time="${SECONDS_EACH:-0}" -max_len="${max:-1024}" \
	    -timeout=10 -reload=0 -print_final_stats=1 $dict \
	    -artifact_prefix="$found/$t-" "$work/$t" "$kept/corpus/$t" \
	    "$kept/traps/$t" \
	    >"build-fuzz/$t.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $t"
		tail -n 40 "build-fuzz/$t.log"
	fi
	n=$(sed -n 's/^stat::number_of_executed_units: *//p' \
	    "build-fuzz/$t.log")
	cov=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "build-fuzz/$t.log" |
	    tail -n 1)
	echo "$t $(date -u +%FT%TZ) executions=${n:-?} edges=${cov:-?}" |
	    tee -a build-fuzz/total
	if [ "${MERGE:-0}" = 1 ]; then
		rm -rf "build-fuzz/merged/$t"
		mkdir -p "build-fuzz/merged/$t"
		"$folder/$t" -set_cover_merge=1 -max_len="${max:-1024}" \
		    "build-fuzz/merged/$t" "$kept/corpus/$t" "$work/$t" \
		    >"build-fuzz/$t.merge.log" 2>&1 || exit 1
		python3 $here/corpus.py pack build-fuzz/merged "$t" || exit 1
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ]
