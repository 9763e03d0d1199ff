# Element tables (pen, id, name, type between tabs) to the rows of a C initialiser, in their order.
# SPDX-License-Identifier: Apache-2.0
BEGIN {
	FS = "\t"
}

function refuse(why)
{
	printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0 > "/dev/stderr"
	failed = 1
	exit 1
}

/^#/ || /^$/ {
	next
}

{
	if (NF != 4 || $2 !~ /^[0-9]+$/ || $3 !~ /^[A-Za-z][A-Za-z0-9_-]*$/ || $4 !~ /^[a-zA-Z0-9]+$/)
		refuse("not four columns pen, id, name, type")
	if ($1 == "v9")
		pen = 4294967296
	else if ($1 ~ /^[0-9]+$/)
		pen = $1 + 0
	else
		refuse("the pen is neither a number nor v9")
	if ($2 + 0 > ($1 == "v9" ? 65535 : 32767))
		refuse("the id is too big")
	if (seen && (pen < last_pen || (pen == last_pen && $2 + 0 <= last_id)))
		refuse("out of order: rows ascend by pen and id")
	seen = 1
	last_pen = pen
	last_id = $2 + 0

	# A name says which element it is: the second to claim one is told apart by its number space.
	name = $3
	if (name in taken)
		name = ($1 == "v9" ? "v9_" : "e" $1 "_") name
	if (name in taken)
		refuse("the name is taken")
	taken[name] = 1

	if ($1 == "v9")
		printf "ELEMENT_V9(%d, \"%s\", %s)\n", $2, name, $4
	else
		printf "ELEMENT(%su, %d, \"%s\", %s)\n", $1, $2, name, $4
}

END {
	if (!failed && !seen)
		refuse("no rows")
}
