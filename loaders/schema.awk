# Files to the rows of a C initialiser: name (without the directory) and text of each.
# SPDX-License-Identifier: Apache-2.0
FNR == 1 {
	if (NR > 1)
		print "},"
	name = FILENAME
	sub(/^deploy\/clickhouse\//, "", name)
	printf "{\"%s\",\n", name
}

{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	gsub(/\?\?/, "?\\?")
	printf "\"%s\\n\"\n", $0
}

END {
	print "},"
}
