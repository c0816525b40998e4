#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# See each check fail: in a small copy of the tree, plant one offence, run the one check, and expect
# it to name the planted file; then mend it, and expect the check to name it no longer. A check that
# is skipped here would be skipped by run.sh as well.
#
# shellcheck disable=SC2016 # planted scripts have variables of their own
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
rxe=drivers/infiniband/sw/rxe
passed=0 failed=0 skipped=0

# The wire room is enough to have something of every kind.
mkdir -p "$copy/$rxe" "$copy/include" "$copy/tests"
cp -r "$tree/$rxe/wire" "$copy/$rxe/"
mkdir "$copy/$rxe/compat"
cp "$tree/$rxe/compat/crc32.h" "$copy/$rxe/compat/"
cp -r "$tree/tests/unit" "$tree/tests/lint" "$copy/tests/"
rm -rf "$copy/tests/unit/build"
find "$copy" -name '*.o' -delete

check() {
	LINT_TREE=$copy "$here/$1.sh" 2>&1
}

verdict() {
	echo "$1 $2${3:+: $3}"
	case $1 in
	ok) passed=$((passed + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

# plant CHECK FILE WHAT [EXPECTED]: FILE (below the tree) gets new content from standard input; the
# check must say EXPECTED, by default "FILE:".
plant() {
	local name="$1: $3" file=$copy/$2 expected=${4:-$2:} saved='' output status=0
	mkdir -p "$(dirname "$file")"
	if [ -e "$file" ]; then
		saved=$(mktemp)
		cp "$file" "$saved"
	fi
	cat > "$file"
	output=$(check "$1") || status=$?
	if [ -n "$saved" ]; then
		mv "$saved" "$file"
	else
		rm "$file"
	fi
	if [ "$status" = 77 ]; then
		verdict skip "$name" "$output"
	elif [ "$status" = 0 ]; then
		verdict FAIL "$name" "not caught"
	elif ! grep -qF -- "$expected" <<< "$output"; then
		verdict FAIL "$name" "something else was: $output"
	elif output=$(check "$1" || true) && grep -qF -- "$expected" <<< "$output"; then
		verdict FAIL "$name" "still an offence after it was mended: $output"
	else
		verdict ok "$name"
	fi
}

# header BODY...: a header with licence and guard; code BODY...: a source file.
header() {
	printf '%s\n' '/* SPDX-License-Identifier: GPL-2.0 */' '#ifndef PLANTED_H' \
		'#define PLANTED_H' '' "$@" '' '#endif'
}
code() {
	printf '%s\n' '// SPDX-License-Identifier: GPL-2.0' "$@"
}
script() {
	printf '%s\n' '#!/bin/bash' '# SPDX-License-Identifier: GPL-2.0' "$@"
}
lines() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf '%b\n' "$2"
	done
}
edited() {
	sed "$2" "$copy/$1"
}

# functions COUNT LENGTH
functions() {
	local i
	code
	for ((i = 0; i < $1; i++)); do
		printf '\nint f%d(void)\n{\n' "$i"
		lines $(($2 - 3)) '\ti++;'
		echo '}'
	done
}

plant layers $rxe/wire/planted.c "wire includes qp" < <(code '#include "../qp/qp.h"')
plant layers $rxe/mem/planted.c "mem includes net" < <(code '#include "../net/net.h"')
plant layers $rxe/qp/planted.c "qp includes verbs" < <(code '#include "../verbs/verbs.h"')
plant layers $rxe/compat/planted.c "compat includes base" < <(code '#include "../base/idtab.h"')
plant layers drivers/infiniband/core/planted.c "core includes base" \
	< <(code '#include "../sw/rxe/base/idtab.h"')
plant layers $rxe/mem/planted.c "mem includes the core room's own" \
	< <(code '#include "../../../core/mirror.h"')
plant layers $rxe/attic/planted.c "a room without a rule" < <(code '#include "x.h"')

plant rooms $rxe/base/planted.c "base knows pages" < <(code 'int f(struct page *page);')
plant rooms $rxe/mem/planted.c "mem knows packet buffers" < <(code 'int f(struct sk_buff *skb);')
plant rooms $rxe/qp/planted.c "qp knows user commands" < <(code 'int f(struct ib_udata *udata);')
plant rooms drivers/infiniband/core/planted.c "core knows the driver" < <(code 'int rxe_f(void);')

plant spdx $rxe/wire/planted.c "no licence" < <(echo 'int i;')
plant spdx $rxe/wire/planted.c "the form of a header" \
	< <(echo '/* SPDX-License-Identifier: GPL-2.0 */')
plant spdx tests/planted.sh "another licence" < <(echo '# SPDX-License-Identifier: MIT')
plant spdx tests/planted "a script without" < <(script '' | sed 2d)

plant text $rxe/wire/planted.c "a trailing blank" < <(code 'int i; ')
plant text $rxe/wire/planted.c "a carriage return" < <(code $'int i;\r')
plant text $rxe/wire/planted.c "indented by spaces" \
	< <(code 'void f(void)' '{' '        i++;' '}')
plant text $rxe/wire/planted.c "101 columns" < <(code "$(lines 12 '\t' | tr -d '\n')int i"$';')
plant text $rxe/wire/planted.c "no last newline" < <(code 'int i;' | head -c -1)

plant headings Documentation/planted.rst "no title" < <(printf '.. SPDX\n\nA page\n\nText.\n')
plant headings Documentation/planted.rst "a heading as a paragraph" \
	< <(printf '.. SPDX\n\n=\nP\n=\n\nText.\n\nSome heading\n\nText.\n')

plant words $rxe/wire/planted.c "work put off" < <(code '/* TO''DO: later */')
plant words tests/planted.sh "a mirror by name" < <(script 'curl http://deb''.example.org/x')
plant words tests/planted.sh "a path of one machine" < <(script 'cd /ho''me/me')

plant sizes $rxe/wire/planted.c "a file of 701 lines" < <(code; lines 700 'int i;')
plant sizes $rxe/wire/planted.c "a function of 101 lines" < <(functions 1 101)
plant sizes $rxe/wire/build.c "a median of 19" "drivers: " < <(functions 30 19)
plant sizes $rxe/wire/planted.c "a 90th percentile of 61" "drivers: " < <(functions 9 61)

plant versions $rxe/wire/planted.c "a version test" \
	< <(code '#if LINUX_VERSION_CODE > 5' '#endif')
plant versions $rxe/qp/planted.c "a capability test" < <(code '#ifdef RXC_HAVE_X' '#endif')

plant fills tests/unit/planted.c "a fill" \
	< <(code 'void f(char *p)' '{' $'\tmemset(p, 90, 8);' '}')
plant fills tests/unit/planted.c "a fill over three lines" \
	< <(code 'void f(char *p)' '{' $'\tmemset(g(p, 0),' $'\t       c,' $'\t       8);' '}')

plant shell tests/planted.sh "an unquoted variable" < <(script 'set -euo pipefail' 'ls $1')
plant shell tests/planted.sh "no strict mode" < <(script 'ls')
plant shell tests/planted.sh "a pipe into grep -q" \
	< <(script 'set -euo pipefail' 'ls |' $'\tgrep'' -q x')
plant shell tests/planted-hook "a script without ending" < <(script 'ls $1')

plant headers $rxe/wire/planted.h "a header that lacks an include" \
	< <(header 'static inline u8 f(void) { return 1; }')
plant headers $rxe/wire/psn.h "a header without guard" \
	< <(edited $rxe/wire/psn.h 's/^#\(ifndef\|define\|endif\) *RXE_WIRE_PSN_H//; $d')
if grep -q 'shim only' <<< "$(check headers)"; then
	verdict skip "headers: a header that only a kernel can judge" "no kernel build folder"
else
	plant headers $rxe/qp/planted.h "a header that only a kernel can judge" \
		< <(header 'struct s { struct ib_qp qp; };')
fi

plant sparse $rxe/wire/parse.c "a field not converted" \
	< <(edited $rxe/wire/parse.c 's/be64_to_cpu(reth->va)/reth->va/')
plant sparse $rxe/wire/build.c "a number not converted" \
	< <(edited $rxe/wire/build.c 's/cpu_to_be32(pkt->inv_rkey)/pkt->inv_rkey/')

plant kerneldoc $rxe/wire/aeth.h "a parameter that is not one" \
	< <(edited $rxe/wire/aeth.h 's/@code:/@kode:/')

plant checkpatch $rxe/wire/planted.c "a brace" \
	< <(code 'void f(void)' '{' $'\tif (x) {' $'\t\ty();}' '}')
plant checkpatch $rxe/wire/planted.c "what is excused in compat only" \
	< <(code 'typedef int number;')

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
