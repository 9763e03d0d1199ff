/* Variables in values: from the environment, else from envs/base.env beside the settings file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

struct environment {
	char *text; /* the file, cut into NAME\0VALUE\0 pairs */
	size_t len;
};

static bool is_name(const char *p, size_t n)
{
	if (!n || isdigit((unsigned char)*p))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '_')
			return false;
	return true;
}

/* Takes one line NAME=VALUE as `docker --env-file` and systemd do: # begins a comment line, quotes
 * around the whole value go. */
static void add_line(struct buffer *to, char *line)
{
	char *value, *end;

	line += strspn(line, " \t");
	if (!strncmp(line, "export ", 7))
		line += 7;
	value = strchr(line, '=');
	if (*line == '#' || !value || !is_name(line, (size_t)(value - line)))
		return;
	*value++ = '\0';
	end = value + strlen(value);
	while (end > value && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (end - value >= 2 && (*value == '"' || *value == '\'') && end[-1] == *value) {
		*--end = '\0';
		value++;
	}
	buffer_bytes(to, line, strlen(line) + 1);
	buffer_bytes(to, value, strlen(value) + 1);
}

struct environment *environment_new(const char *settings_path)
{
	struct environment *e = calloc(1, sizeof(*e));
	const char *slash = strrchr(settings_path, '/');
	struct buffer path = {0}, pairs = {0};
	char *line = NULL;
	size_t room = 0;
	FILE *f = NULL;

	if (slash)
		buffer_bytes(&path, settings_path, (size_t)(slash - settings_path) + 1);
	buffer_bytes(&path, "envs/base.env", sizeof("envs/base.env"));
	if (e && !path.failed)
		f = fopen(path.p, "re");
	while (f && getline(&line, &room, f) > 0)
		add_line(&pairs, line);
	if (f)
		fclose(f);
	if (line)
		explicit_bzero(line, room);
	free(line);
	buffer_free(&path);
	if (e) {
		e->text = pairs.p;
		e->len = pairs.len;
	}
	return e;
}

void environment_free(struct environment *e)
{
	if (!e)
		return;
	if (e->text)
		explicit_bzero(e->text, e->len);
	free(e->text);
	free(e);
}

static const char *lookup(const struct environment *e, const char *name)
{
	const char *value = getenv(name);

	for (size_t i = 0; !value && e && i < e->len;) {
		const char *v = e->text + i + strlen(e->text + i) + 1;

		if (!strcmp(e->text + i, name))
			value = v;
		i = (size_t)(v - e->text) + strlen(v) + 1;
	}
	return value;
}

char *environment_expand(const struct environment *e, const char *text, char **missing)
{
	struct buffer out = {0};

	*missing = NULL;
	while (*text) {
		const char *end = text[0] == '$' && text[1] == '{' ? strchr(text, '}') : NULL;
		size_t n = end ? (size_t)(end - text) - 2 : 0;
		const char *otherwise = end ? memmem(text + 2, n, ":-", 2) : NULL;
		const char *value;
		char *name;

		if (!strncmp(text, "$${", 3)) { /* stands for ${ itself */
			buffer_string(&out, "${");
			text += 3;
			continue;
		}
		if (otherwise)
			n = (size_t)(otherwise - text) - 2;
		if (!end || !is_name(text + 2, n)) {
			buffer_char(&out, *text++);
			continue;
		}
		name = strndup(text + 2, n);
		if (!name)
			break;
		value = lookup(e, name);
		if (otherwise && (!value || !*value))
			buffer_bytes(&out, otherwise + 2, (size_t)(end - otherwise) - 2);
		else if (value)
			buffer_string(&out, value);
		else
			*missing = name;
		if (*missing)
			break;
		free(name);
		text = end + 1;
	}
	buffer_char(&out, '\0');
	if (*text || out.failed) {
		buffer_free(&out);
		errno = *missing ? ENOENT : ENOMEM;
		return NULL;
	}
	return out.p;
}
