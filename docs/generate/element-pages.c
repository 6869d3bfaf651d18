/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes a page in Markdown for each element of a plugin: its metadata, pad
 * templates, properties, signals and presets, as gst-inspect-1.0 shows them.
 *
 *   element-pages PLUGIN TEXTS OUTPUT NAME...
 *
 * TEXTS/NAME.md, where it exists, comes below an element's description. NAMEs
 * are the elements that the build expects. */
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define CODE_WIDTH 72

/* -- values ---------------------------------------------------------------- */

static const char *
type_name (const GParamSpec *spec)
{
  static const struct
  {
    GType fundamental;
    const char *name;
  } names[] = {
    { G_TYPE_BOOLEAN, "boolean" },       { G_TYPE_INT, "integer" },
    { G_TYPE_UINT, "integer" },          { G_TYPE_INT64, "64-bit integer" },
    { G_TYPE_UINT64, "64-bit integer" }, { G_TYPE_FLOAT, "number" },
    { G_TYPE_DOUBLE, "number" },         { G_TYPE_STRING, "string" },
    { G_TYPE_ENUM, "enumeration" },      { G_TYPE_FLAGS, "flags" },
  };

  if (spec->value_type == GST_TYPE_FRACTION)
    return "fraction";
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (G_TYPE_FUNDAMENTAL (spec->value_type) == names[i].fundamental)
      return names[i].name;
  return g_type_name (spec->value_type);
}

static char *
default_value (GParamSpec *spec)
{
  const GValue *value = g_param_spec_get_default_value (spec);

  if (G_VALUE_HOLDS_STRING (value))
    return g_value_get_string (value) && *g_value_get_string (value)
               ? g_strdup (g_value_get_string (value))
               : g_strdup ("none");
  if (G_VALUE_HOLDS_ENUM (value)) {
    GEnumClass *class = G_PARAM_SPEC_ENUM (spec)->enum_class;

    return g_strdup (
        g_enum_get_value (class, g_value_get_enum (value))->value_nick);
  }
  return gst_value_serialize (value);
}

/* " from A to B", or nothing where every value of the type may be. */
static void
append_range (GString *to, const GParamSpec *spec)
{
  if (G_IS_PARAM_SPEC_INT (spec))
    g_string_append_printf (to, " from %d to %d",
                            G_PARAM_SPEC_INT (spec)->minimum,
                            G_PARAM_SPEC_INT (spec)->maximum);
  else if (G_IS_PARAM_SPEC_UINT (spec))
    g_string_append_printf (to, " from %u to %u",
                            G_PARAM_SPEC_UINT (spec)->minimum,
                            G_PARAM_SPEC_UINT (spec)->maximum);
  else if (G_IS_PARAM_SPEC_DOUBLE (spec))
    g_string_append_printf (to, " from %g to %g",
                            G_PARAM_SPEC_DOUBLE (spec)->minimum,
                            G_PARAM_SPEC_DOUBLE (spec)->maximum);
  else if (GST_IS_PARAM_SPEC_FRACTION (spec))
    g_string_append_printf (to, " from %d/%d to %d/%d",
                            GST_PARAM_SPEC_FRACTION (spec)->min_num,
                            GST_PARAM_SPEC_FRACTION (spec)->min_den,
                            GST_PARAM_SPEC_FRACTION (spec)->max_num,
                            GST_PARAM_SPEC_FRACTION (spec)->max_den);
}

static const char *
changeable (const GParamSpec *spec)
{
  if (!(spec->flags & G_PARAM_WRITABLE))
    return "Read-only.";
  if (spec->flags & G_PARAM_CONSTRUCT_ONLY)
    return "Set at construction.";
  if (spec->flags & GST_PARAM_MUTABLE_READY)
    return "Changeable in NULL and READY.";
  if (spec->flags & GST_PARAM_MUTABLE_PAUSED)
    return "Changeable in NULL, READY and PAUSED.";
  return "Changeable in any state.";
}

/* -- sections -------------------------------------------------------------- */

/* The values of an enumeration; those of other libraries' have no description
 * but the name of a constant. */
static void
append_enum_values (GString *to, const GEnumClass *class)
{
  for (guint i = 0; i < class->n_values; i++) {
    const GEnumValue *value = &class->values[i];
    gboolean described = strchr (value->value_name, ' ') != NULL;

    g_string_append_printf (to, "- `%s`%s%s\n", value->value_nick,
                            described ? ": " : "",
                            described ? value->value_name : "");
  }
  g_string_append_c (to, '\n');
}

static void
append_property (GString *to, GParamSpec *spec)
{
  g_string_append_printf (to, "### `%s`\n\n%s.\n\nType: %s", spec->name,
                          g_param_spec_get_blurb (spec), type_name (spec));
  append_range (to, spec);
  if (spec->flags & G_PARAM_WRITABLE) {
    g_autofree char *value = default_value (spec);

    g_string_append_printf (to, ". Default: `%s`", value);
  }
  g_string_append_printf (
      to, ". %s%s\n\n", changeable (spec),
      spec->flags & GST_PARAM_CONTROLLABLE ? " Controllable." : "");
  if (G_IS_PARAM_SPEC_ENUM (spec))
    append_enum_values (to, G_PARAM_SPEC_ENUM (spec)->enum_class);
}

/* Own properties in full; of those inherited, but for GstObject's, the
 * names. */
static void
append_properties (GString *to, GstElement *element)
{
  g_autoptr (GString) inherited = g_string_new (NULL);
  guint n;
  g_autofree GParamSpec **specs
      = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  g_string_append (to, "## Properties\n\n");
  for (guint i = 0; i < n; i++)
    if (specs[i]->owner_type == G_OBJECT_TYPE (element))
      append_property (to, specs[i]);
    else if (specs[i]->owner_type != GST_TYPE_OBJECT)
      g_string_append_printf (inherited, "%s`%s` (%s)",
                              inherited->len ? ", " : "", specs[i]->name,
                              g_type_name (specs[i]->owner_type));
  if (inherited->len)
    g_string_append_printf (to, "Inherited: %s.\n\n", inherited->str);
}

/* A caps field as code, broken between the values of a long list. */
static gboolean
append_caps_field (GQuark field, const GValue *value, gpointer user_data)
{
  GString *to = user_data;
  g_autofree char *text = gst_value_serialize (value);
  g_auto (GStrv) words = NULL;
  g_autoptr (GString) plain = g_string_new (text);
  gsize column;

  g_string_replace (plain, "(string)", "", 0);
  words = g_strsplit (plain->str, " ", -1);
  g_string_append_printf (to, "      %s:", g_quark_to_string (field));
  column = strlen (g_quark_to_string (field)) + 3;
  for (guint i = 0; words[i]; i++) {
    if (column + strlen (words[i]) > CODE_WIDTH) {
      g_string_append (to, "\n         ");
      column = 5;
    }
    g_string_append_printf (to, " %s", words[i]);
    column += strlen (words[i]) + 1;
  }
  g_string_append_c (to, '\n');
  return TRUE;
}

static void
append_caps (GString *to, const GstCaps *caps)
{
  if (gst_caps_is_any (caps))
    g_string_append (to, "    ANY\n");
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *structure = gst_caps_get_structure (caps, i);
    GstCapsFeatures *features = gst_caps_get_features (caps, i);

    g_string_append_printf (to, "    %s", gst_structure_get_name (structure));
    if (gst_caps_features_is_any (features)
        || !gst_caps_features_is_equal (
            features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY)) {
      g_autofree char *name = gst_caps_features_to_string (features);

      g_string_append_printf (to, "(%s)", name);
    }
    g_string_append_c (to, '\n');
    gst_structure_foreach (structure, append_caps_field, to);
  }
  g_string_append_c (to, '\n');
}

static gint
compare_templates (gconstpointer a, gconstpointer b)
{
  return strcmp (((const GstStaticPadTemplate *)a)->name_template,
                 ((const GstStaticPadTemplate *)b)->name_template);
}

static void
append_pads (GString *to, GstElementFactory *factory)
{
  static const char *const presences[] = { "always", "sometimes", "request" };
  g_autoptr (GList) pads = g_list_copy (
      (GList *)gst_element_factory_get_static_pad_templates (factory));

  g_string_append (to, "## Pads\n\n");
  pads = g_list_sort (pads, compare_templates);
  for (GList *at = pads; at; at = at->next) {
    GstStaticPadTemplate *pad = at->data;
    g_autoptr (GstCaps) caps = gst_static_caps_get (&pad->static_caps);

    g_string_append_printf (to, "### `%s`\n\n%s pad; presence: %s\n\n",
                            pad->name_template,
                            pad->direction == GST_PAD_SRC ? "Source" : "Sink",
                            presences[pad->presence]);
    append_caps (to, caps);
  }
}

static void
append_signals (GString *to, GType type)
{
  guint n;
  g_autofree guint *ids = g_signal_list_ids (type, &n);

  if (n)
    g_string_append (to, "## Signals\n\n");
  for (guint i = 0; i < n; i++) {
    GSignalQuery query;

    g_signal_query (ids[i], &query);
    g_string_append_printf (to, "### `%s`\n\n    %s callback (%s *element",
                            query.signal_name, g_type_name (query.return_type),
                            g_type_name (type));
    for (guint k = 0; k < query.n_params; k++)
      g_string_append_printf (to, ", %s arg%u",
                              g_type_name (query.param_types[k]), k);
    g_string_append (to, ", gpointer user_data)\n\n");
  }
}

static void
append_presets (GString *to, GstElement *element)
{
  g_auto (GStrv) names
      = GST_IS_PRESET (element)
            ? gst_preset_get_preset_names (GST_PRESET (element))
            : NULL;

  if (names == NULL || names[0] == NULL)
    return;
  g_string_append (to, "## Presets\n\n");
  for (guint i = 0; names[i]; i++) {
    g_autofree char *comment = NULL;

    if (!gst_preset_get_meta (GST_PRESET (element), names[i], "comment",
                              &comment))
      comment = g_strdup ("");
    g_string_append_printf (to, "- `%s`: %s\n", names[i], comment);
  }
  g_string_append_c (to, '\n');
}

static void
append_hierarchy (GString *to, GType type)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (; type; type = g_type_parent (type)) {
    g_string_prepend (line, g_type_name (type));
    if (g_type_parent (type))
      g_string_prepend (line, " → ");
  }
  g_string_append_printf (to, "## Hierarchy\n\n%s\n", line->str);
}

/* -- pages ----------------------------------------------------------------- */

static const char *
metadata (GstElementFactory *factory, const char *key)
{
  return gst_element_factory_get_metadata (factory, key);
}

/* The launch lines of an element's text, which may go on after a backslash, can
 * be parsed. Elements that are not installed here are passed over. */
static gboolean
check_launch_lines (const char *text, const char *name, GError **error)
{
  static const char command[] = "    gst-launch-1.0 ";
  g_autoptr (GString) joined = g_string_new (text);
  g_auto (GStrv) lines = NULL;

  g_string_replace (joined, "\\\n", "", 0);
  lines = g_strsplit (joined->str, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_autoptr (GError) own = NULL;
    g_autoptr (GstElement) pipeline = NULL;

    if (!g_str_has_prefix (lines[i], command))
      continue;
    pipeline = gst_parse_launch (lines[i] + strlen (command), &own);
    if (pipeline)
      gst_object_ref_sink (pipeline);
    if (own
        && !g_error_matches (own, GST_PARSE_ERROR,
                             GST_PARSE_ERROR_NO_SUCH_ELEMENT)) {
      g_propagate_prefixed_error (error, g_steal_pointer (&own),
                                  "%s.md: \"%s\": ", name, lines[i]);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
write_page (GstElementFactory *factory, const char *texts, const char *output,
            GError **error)
{
  const char *name = GST_OBJECT_NAME (factory);
  g_autoptr (GString) page = g_string_new (NULL);
  g_autofree char *file = g_strdup_printf ("%s.md", name);
  g_autofree char *source = g_build_filename (texts, file, NULL);
  g_autofree char *target = g_build_filename (output, file, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GstElement) element = gst_element_factory_create (factory, NULL);

  gst_object_ref_sink (element);
  g_string_append_printf (page, "Title: %s\nSlug: %s\n\n# %s\n\n%s. *%s*\n\n",
                          name, name, name,
                          metadata (factory, GST_ELEMENT_METADATA_DESCRIPTION),
                          metadata (factory, GST_ELEMENT_METADATA_KLASS));
  if (g_file_test (source, G_FILE_TEST_EXISTS)) {
    if (!g_file_get_contents (source, &text, NULL, error)
        || !check_launch_lines (text, name, error))
      return FALSE;
    g_string_append_printf (page, "%s\n", text);
  }
  append_pads (page, factory);
  append_properties (page, element);
  append_signals (page, G_OBJECT_TYPE (element));
  append_presets (page, element);
  append_hierarchy (page, G_OBJECT_TYPE (element));
  return g_file_set_contents (target, page->str, page->len, error);
}

/* The plugin's elements are those that are @expected. */
static gboolean
check_names (GList *features, char **expected)
{
  guint n = 0;

  for (; features; features = features->next, n++)
    if (!g_strv_contains ((const char *const *)expected,
                          GST_OBJECT_NAME (features->data))) {
      g_printerr ("element-pages: the build does not expect the element %s\n",
                  GST_OBJECT_NAME (features->data));
      return FALSE;
    }
  if (n != g_strv_length (expected))
    g_printerr ("element-pages: %u elements expected, %u found\n",
                g_strv_length (expected), n);
  return n == g_strv_length (expected);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPlugin) plugin = NULL;
  GList *features;
  gboolean ok;

  gst_init (&argc, &argv);
  if (argc < 4) {
    g_printerr ("usage: element-pages PLUGIN TEXTS OUTPUT NAME...\n");
    return 2;
  }
  plugin = gst_plugin_load_file (argv[1], &error);
  if (plugin == NULL) {
    g_printerr ("element-pages: %s\n", error->message);
    return 1;
  }
  features = gst_registry_get_feature_list_by_plugin (
      gst_registry_get (), gst_plugin_get_name (plugin));
  ok = check_names (features, argv + 4);
  for (GList *at = features; ok && at; at = at->next)
    ok = write_page (at->data, argv[2], argv[3], &error);
  if (error)
    g_printerr ("element-pages: %s\n", error->message);
  gst_plugin_feature_list_free (features);
  return ok ? 0 : 1;
}
