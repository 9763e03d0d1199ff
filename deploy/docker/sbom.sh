#!/bin/bash
# Prints what is in the image's files as SPDX 2.3 (JSON), and puts the licences beside them.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/docker/sbom.sh ROOTFS    while ROOTFS/usr/lib/.origin says where each library is from
set -eu
root=$1
version=$(cat VERSION)
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)

owner() { # PATH: the Debian package that it belongs to, with its machine; nothing where there is none
	local path said
	# Where /lib is a link to /usr/lib the package may say either.
	for path in "$1" "/usr$1" "${1#/usr}" "$(realpath "$1")"; do
		if said=$(dpkg-query -S "$path" 2>/dev/null); then
			head -n 1 <<<"$said" | sed 's/: \/.*//; s/,.*//'
			return
		fi
	done
}

files() { # ROOT-PATH<tab>PACKAGE<tab>VERSION<tab>ARCHITECTURE
	local library path package
	printf 'usr/bin/weir\tweir\t%s\t-\n' "$version"
	printf 'etc/ssl/certs/ca-certificates.crt\tca-certificates\t%s\tall\n' \
		"$(dpkg-query -W -f '${Version}' ca-certificates)"
	sort "$root/usr/lib/.origin" | while IFS=$'\t' read -r library path; do
		package=$(owner "$path")
		if [ -e "$(dirname "$path")/version" ]; then
			printf 'usr/lib/%s\t%s\t%s\tsource\n' "$library" "${library%%.so*}" "$(cat "$(dirname "$path")/version")"
			mkdir -p "$root/usr/share/licenses/${library%%.so*}"
			cp "$(dirname "$path")/copyright" "$root/usr/share/licenses/${library%%.so*}/"
		elif [ -n "$package" ]; then
			printf 'usr/lib/%s\t%s\n' "$library" \
				"$(dpkg-query -W -f '${Package}\t${Version}\t${Architecture}' "$package")"
		else
			printf 'usr/lib/%s\t%s\tunknown\t-\n' "$library" "${library%%.so*}"
		fi
	done
}

files | while IFS=$'\t' read -r path package package_version machine; do
	mkdir -p "$root/usr/share/licenses/$package"
	if [ "$package" = weir ]; then
		cp LICENSE docs/licenses/* "$root/usr/share/licenses/weir/"
	elif [ -e "/usr/share/doc/$package/copyright" ]; then
		cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/licenses/$package/copyright"
	fi
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$path" "$package" "$package_version" "$machine" \
		"$(sha1sum <"$root/$path" | cut -d' ' -f1)" "$(sha256sum <"$root/$path" | cut -d' ' -f1)"
done | jq -Rn --arg version "$version" --arg created "$created" '
	def id: gsub("[^A-Za-z0-9.-]"; "-");
	[inputs | split("\t") | {path: .[0], package: .[1], version: .[2], machine: .[3], sha1: .[4], sha256: .[5]}] as $files
	| ($files | map(.sha256) | join("")) as $all
	| {
		spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
		name: "weir-image-\($version)",
		documentNamespace: "https://spdx.org/spdxdocs/weir-image-\($version)-\($files[0].sha256)",
		creationInfo: {created: $created, creators: ["Tool: weir deploy/docker/sbom.sh"]},
		packages: ($files | unique_by(.package) | map(
			.package as $name | {
				SPDXID: "SPDXRef-Package-\($name | id)", name: $name, versionInfo: .version,
				downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION",
				licenseDeclared: (if $name == "weir" then "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
					else "NOASSERTION" end),
				copyrightText: "NOASSERTION"
			} + (if .machine == "-" then {} else {
				supplier: "Organization: Debian",
				externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
					referenceLocator: "pkg:deb/debian/\($name | gsub("\\+"; "%2B"))@\(.version | @uri)?arch=\(.machine)"}]
			} end))),
		files: ($files | map({
			SPDXID: "SPDXRef-File-\(.path | id)", fileName: "./\(.path)",
			checksums: [{algorithm: "SHA1", checksumValue: .sha1}, {algorithm: "SHA256", checksumValue: .sha256}],
			licenseConcluded: "NOASSERTION", copyrightText: "NOASSERTION"})),
		relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES",
				relatedSpdxElement: "SPDXRef-Package-weir"}]
			+ ($files | map({spdxElementId: "SPDXRef-File-\(.path | id)", relationshipType: "GENERATED_FROM",
				relatedSpdxElement: "SPDXRef-Package-\(.package | id)"}))
			+ ($files | map(select(.package != "weir") | .package) | unique | map({
				spdxElementId: "SPDXRef-Package-weir", relationshipType: "DEPENDS_ON",
				relatedSpdxElement: "SPDXRef-Package-\(. | id)"})))
	}'
