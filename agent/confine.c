/* What the settings say about security, put into force at the steps of the start.
 * SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdlib.h>

#include "conf/table.h"
#include "confine.h"
#include "log.h"
#include "ops/http.h"

/* Every text with a slash may be a path; what is none does not exist and is left out. */
static void may_read_members(const struct setting_table *t, const void *base,
			     struct security_paths *paths)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct setting *row = &t->rows[i];

		bool list = row->flags & SETTING_LIST;

		for (unsigned k = 0; k < (list ? setting_count(row, base) : 1); k++) {
			const void *item = list ? setting_item(row, base, k)
						: setting_member(row, base);
			const char *text = NULL;

			if (row->type == SETTING_TEXT)
				text = *(char *const *)item;
			else if (row->type == SETTING_MAPS)
				may_read_members(row->items, item, paths);
			if (text && strchr(text, '/'))
				security_may_read(paths, text);
		}
	}
}

static void may_write_output(const struct output_options *o, struct security_paths *paths)
{
	for (unsigned i = 0; i < o->n_properties; i++)
		if (o->properties[i].value[0] == '/')
			security_may_read(paths, o->properties[i].value);
	if (o->kind == OUTPUT_FILE && o->path && strcmp(o->path, "-"))
		security_may_write(paths, o->path);
	if (o->counter_path)
		security_may_write(paths, o->counter_path);
	if (o->spool_path)
		security_may_write(paths, o->spool_path);
}

static void own_directory(struct buffer *own, const char *path, bool is_file)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path || !*path || (is_file && (!slash || slash == path)))
		return;
	buffer_bytes(own, path, is_file ? (size_t)(slash - path) : strlen(path));
	buffer_char(own, '\0');
}

static uint16_t metrics_port(const char *listen)
{
	struct sockaddr_storage a;
	socklen_t len;

	if (!listen || http_address(listen, &a, &len))
		return 0;
	return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
					    : ((struct sockaddr_in6 *)&a)->sin6_port);
}

/* A secret that stands in the settings themselves, or in the variables beside them. */
static int check_settings(const struct settings *s, const char *settings_path, const char *secret)
{
	const char *slash = strrchr(settings_path, '/');
	struct buffer path = {0};
	int r = security_secret_file(&s->security, "settings", settings_path, secret);

	if (slash)
		buffer_bytes(&path, settings_path, (size_t)(slash - settings_path) + 1);
	buffer_bytes(&path, "envs/base.env", sizeof("envs/base.env"));
	if (!r && !path.failed)
		r = security_secret_file(&s->security, "variables", path.p, secret);
	buffer_free(&path);
	return r;
}

int confine_check(const struct settings *s, const char *settings_path)
{
	int r = 0;

	for (unsigned i = 0; i < s->publish.n_outputs && !r; i++) {
		const struct output_options *o = &s->publish.outputs[i];

		r = security_secret_file(&s->security, "tls.key", o->tls_key, NULL);
		if (!r)
			r = security_secret_file(&s->security, "tls.key_password_file",
						 o->tls_key_password_file, NULL);
		if (!r)
			r = security_secret_file(&s->security, "sasl.password_file",
						 o->sasl_password_file, NULL);
		if (!r && settings_path && o->sasl_password)
			r = check_settings(s, settings_path, o->sasl_password);
	}
	return r;
}

int confine_start(const struct settings *s, const char *settings_path)
{
	struct security_paths paths = {.bind_tcp = metrics_port(s->ops.metrics_listen)};
	struct buffer own = {0};
	int r;

	/* Directories first: what is not there would count as a file of the one above it. */
	for (unsigned i = 0; i < s->publish.n_outputs; i++)
		own_directory(&own, s->publish.outputs[i].spool_path, false);
	own_directory(&own, s->state_directory, false);
	own_directory(&own, s->ops.control_socket, true);
	r = security_own(&s->security, &own, s->rx.n_interfaces ? s->rx.pin_path : NULL);
	if (!r) {
		if (settings_path)
			security_may_read(&paths, settings_path);
		may_read_members(&settings_table, s, &paths);
		for (unsigned i = 0; i < s->publish.n_outputs; i++) {
			may_write_output(&s->publish.outputs[i], &paths);
			paths.connect_tcp |= s->publish.outputs[i].kind == OUTPUT_KAFKA;
		}
		if (s->state_directory)
			security_may_write(&paths, s->state_directory);
		if (s->ops.control_socket)
			security_may_write(&paths, s->ops.control_socket);
		if (s->rx.n_interfaces)
			security_may_write(&paths, s->rx.pin_path);
		r = security_confine(&s->security, &paths);
	}
	buffer_free(&own);
	buffer_free(&paths.read);
	buffer_free(&paths.write);
	return r;
}
