/* The subcommands of weir: one file and one function for each.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMANDS_H
#define WEIR_COMMANDS_H

/* Each gets the arguments from its own name on and returns the exit status: 0 done, 1 failed,
 * 2 wrong usage. Each prints its own --help. */
int command_agent(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_decode(int argc, char **argv);
int command_check(int argc, char **argv);
int command_config(int argc, char **argv);
int command_xdp(int argc, char **argv);
int command_status(int argc, char **argv);
int command_load(int argc, char **argv);
int command_top(int argc, char **argv);
int command_exporters(int argc, char **argv);
int command_templates(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_lookup(int argc, char **argv);

#endif
