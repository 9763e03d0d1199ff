/* The weir program: finds the subcommand and runs it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"agent", command_agent, "collect flows: receive, decode, enrich, publish"},
	{"replay", command_replay, "the same over capture files"},
	{"decode", command_decode, "print the records of a capture exactly as they were sent"},
	{"check", command_check, "say whether a configuration file is valid"},
	{"config", command_config, "print the settings in force"},
	{"xdp", command_xdp, "attach, detach or show the XDP program"},
	{"status", command_status, "what a running agent sees and does"},
	{"top", command_top, "the same live: rates of workers, outputs and exporters"},
	{"exporters", command_exporters, "who sends, how much, and how well"},
	{"templates", command_templates, "what exporters said of their records and sampling"},
	{"load", command_load, "bring metadata to ClickHouse and to the agent's cache"},
	{"lookup", command_lookup, "what enrichment knows of an address, and from which file"},
	{"audit", command_audit, "the balance from interface to acknowledgement"},
};

static int usage(FILE *to)
{
	fprintf(to,
		"usage: weir COMMAND [OPTION...]\n\n"
		"The flow collector: NetFlow v5/v9, IPFIX and sFlow v5 to Kafka and files.\n\n");
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n`weir COMMAND --help` tells the rest; `weir --version` the version.\n");
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return usage(stdout);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("weir %s\n", WEIR_VERSION);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "weir: no command '%s'; `weir --help` lists them\n", argv[1]);
	return 2;
}
