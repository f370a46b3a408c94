/*
 * openapi.c - the OpenAPI 3.1 document of /registry/v1: its routes.
 *
 * A route that nobody describes is an error, so that the document cannot grow
 * old unseen.
 */
#include "openapi.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "kind_tables.h"

#define ROUTE_ALL "/registry/v1/"

static const char head[] =
    "{'openapi':'3.1.0','info':{'title':'Payvand registry','version':'1',"
    "'description':'Decisions in, records out. A decision is accepted or "
    "refused as a whole; a refusal names the rule. Dates are Jalali. Manual: "
    "payvand-registryd(8).',"
    "'license':{'name':'Apache-2.0','identifier':'Apache-2.0'}},"
    "'servers':[{'url':'/'}],"
    "'security':[{'session':[]},{'certificate':[]}],'paths':{";

/* What a route takes and gives; for "{kind}" see write_kind_paths. */
static const struct {
    const char *method;
    const char *route; /* as in pv_api_route */
    const char *path;
    const char *id;
    const char *summary;
    const char *parameters; /* names of components, with spaces */
    const char *body;       /* schema; "": none */
    const char *answer;
    bool        open; /* needs no session */
} point[] = {
    {"post", "/registry/v1/decisions", NULL, "decide",
     "Decide one decision or a batch: all or none", "csrf", "Decisions",
     "Decided", false},
    {"get", "/registry/v1/decisions", NULL, "listDecisions",
     "Decisions behind a number", "after count", "", "DecisionList", false},
    {"get", "/registry/v1/status", NULL, "status",
     "Numbers of the last decision and of the image; the log", "", "", "Status",
     false},
    {"get", "/registry/v1/kinds", NULL, "kinds",
     "The tables of kinds: fields, states, events", "", "", "Object", false},
    {"get", "/registry/v1/openapi.json", NULL, "openapi", "This document", "",
     "", "Object", true},
    {"get", "/registry/v1/proof/", "/registry/v1/proof/{number}", "proof",
     "That a decision stands in the log (RFC 6962)", "number", "", "Proof",
     false},
    {"get", "/registry/v1/log/checkpoint", NULL, "checkpoint",
     "The signed head of the log (C2SP tlog-tiles)", "", "", "Text", true},
    {"get", "/registry/v1/log/tile/", "/registry/v1/log/tile/{tile}", "tile",
     "Hashes of the log (C2SP tlog-tiles)", "tile", "", "Bytes", true},
    {"get", "/registry/v1/feed", NULL, "feed",
     "What was decided behind a number, for other nodes", "from wait", "",
     "Object", false},
    {"get", "/registry/v1/rights", NULL, "rights",
     "What concerns an agency, signed, for its connectors", "agency known wait",
     "", "Bytes", false},
    {"get", "/registry/v1/contracts/", "/registry/v1/contracts/{hash}",
     "contract",
     "The contract of a version with its data items, by its SHA-256", "hash",
     "", "Object", false},
    {"get", "/registry/v1/history/", "/registry/v1/history/{kind}/{id}",
     "history", "All versions of a record", "kind id", "", "History", false},
    {"get", "/registry/v1/users/", "/registry/v1/users/{kind}/{id}", "users",
     "Records that refer to a record", "kind id of after count", "", "Object",
     false},
    {"get", "/registry/v1/views/", "/registry/v1/views/{view}", "view",
     "What people ask for that is no single record",
     "view after rows as_of at party state within body sought in format lang",
     "", "Object", false},
    {"post", "/registry/v1/first", NULL, "first",
     "The first administrator, by the code the server printed", "", "First",
     "Enrolled", true},
    {"post", "/registry/v1/enrol", NULL, "enrol",
     "A new password, by an the code of an invitation", "", "Enrol", "Enrolled",
     true},
    {"post", "/registry/v1/session", NULL, "signIn",
     "Sign in; the session is a cookie", "", "SignIn", "Session", true},
    {"get", "/registry/v1/session", NULL, "session", "Who one is", "", "",
     "Session", false},
    {"delete", "/registry/v1/session", NULL, "signOut", "Sign out", "csrf", "",
     "Empty", false},
    {"post", "/registry/v1/session/role", NULL, "chooseRole",
     "Use another of the roles held", "csrf", "Role", "Session", false},
    {"post", "/registry/v1/session/password", NULL, "changePassword",
     "Another password; all sessions end", "csrf", "Password", "Empty", false},
    {"post", "/registry/v1/invitations", NULL, "invite",
     "A code for the new password of a person", "csrf", "Invite", "Invited",
     false},
    /* of RFC 5280 and 6960, not of this API */
    {"", "/pki/authorities.pem", NULL, NULL, NULL, NULL, NULL, NULL, true},
    {"", "/pki/crl/", NULL, NULL, NULL, NULL, NULL, NULL, true},
    {"", "/pki/ocsp", NULL, NULL, NULL, NULL, NULL, NULL, true},
    {"", "/pki/ocsp/*", NULL, NULL, NULL, NULL, NULL, NULL, true},
    /* of no use outside: payvand-sign-in's own socket */
    {"", "/registry/v1/sign-in-by", NULL, NULL, NULL, NULL, NULL, NULL, false},
};

/* ---- writing ---- */

void
pv_openapi_add(struct pv_openapi *writer, const char *text)
{
    for (const char *at = text; *at != '\0' && writer->err == PV_OK; at++) {
        writer->err = pv_buf_add_char(writer->out, *at == '\'' ? '"' : *at);
    }
}

void
pv_openapi_format(struct pv_openapi *writer, const char *format, ...)
{
    char    text[1024];
    va_list list;
    int     len;

    va_start(list, format);
    len = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (len < 0 || len >= (int)sizeof(text)) {
        writer->err = writer->err == PV_OK ? PV_ERANGE : writer->err;
        return;
    }
    pv_openapi_add(writer, text);
}

/* ---- paths ---- */

static void
add_parameters(struct pv_openapi *writer, const char *names)
{
    struct pv_slice rest = pv_slice_from(names);
    struct pv_slice name;
    bool            more = rest.len > 0;
    bool            first = true;

    pv_openapi_add(writer, ",'parameters':[");
    while (more) {
        more = pv_slice_cut(rest, ' ', &name, &rest);
        pv_openapi_format(writer, "%s{'$ref':'#/components/parameters/%.*s'}",
                          first ? "" : ",", PV_FMT(name));
        first = false;
    }
    pv_openapi_add(writer, "]");
}

static void
add_operation(struct pv_openapi *writer, const char *method, const char *id,
              const char *summary, const char *parameters, const char *body,
              const char *answer, bool open)
{
    pv_openapi_format(writer, "'%s':{'operationId':'%s','summary':'%s'", method,
                      id, summary);
    pv_openapi_add(writer, open ? ",'security':[]" : "");
    add_parameters(writer, parameters);
    if (body[0] != '\0') {
        pv_openapi_format(writer,
                          ",'requestBody':{'required':true,'content':"
                          "{'application/json':{'schema':{'$ref':"
                          "'#/components/schemas/%s'}}}}",
                          body);
    }
    pv_openapi_format(writer,
                      ",'responses':{'200':{'description':'As asked','content':"
                      "{'%s':{'schema':{'$ref':'#/components/schemas/%s'}}}}",
                      strcmp(answer, "Text") == 0 ? "text/plain"
                      : strcmp(answer, "Bytes") == 0
                          ? "application/octet-stream"
                          : "application/json",
                      answer);
    pv_openapi_add(writer,
                   body[0] == '\0'
                       ? ""
                       : ",'422':{'$ref':'#/components/responses/Refusal'}");
    pv_openapi_add(writer, ",'4XX':{'$ref':'#/components/responses/Problem'},"
                           "'5XX':{'$ref':'#/components/responses/Problem'}}}");
}

static const char *
path_of(size_t p)
{
    return point[p].path == NULL ? point[p].route : point[p].path;
}

/* All methods of a path stand together, under its first point. */
static void
add_path(struct pv_openapi *writer, size_t p)
{
    for (size_t before = 0; before < p; before++) {
        if (strcmp(path_of(before), path_of(p)) == 0) {
            return;
        }
    }
    pv_openapi_format(writer, "%s'%s':{", p == 0 ? "" : ",", path_of(p));
    for (size_t i = p; i < COUNT(point); i++) {
        if (strcmp(path_of(i), path_of(p)) == 0) {
            pv_openapi_add(writer, i == p ? "" : ",");
            add_operation(writer, point[i].method, point[i].id,
                          point[i].summary, point[i].parameters, point[i].body,
                          point[i].answer, point[i].open);
        }
    }
    pv_openapi_add(writer, "}");
}

static void
add_kind_paths(struct pv_openapi *writer, const struct pv_kind_row *row)
{
    char id[64];
    char schema[64];

    (void)snprintf(id, sizeof(id), "list.%s", row->name); /* both fit */
    pv_openapi_format(writer, ",'" ROUTE_ALL "%s':{", row->name);
    add_operation(writer, "get", id, "Records of this kind",
                  "after count state as_of at", "", id, false);
    (void)snprintf(id, sizeof(id), "get.%s", row->name);
    (void)snprintf(schema, sizeof(schema), "record.%s", row->name);
    pv_openapi_format(writer, "},'" ROUTE_ALL "%s/{id}':{", row->name);
    add_operation(writer, "get", id, "One record of this kind", "id as_of at",
                  "", schema, false);
    pv_openapi_add(writer, "}");
}

/* Is every route of the API described? */
static bool
is_whole(void)
{
    for (size_t r = 0; r < pv_api_route_count; r++) {
        bool found = strcmp(pv_api_route[r].path, ROUTE_ALL) == 0;

        for (size_t p = 0; p < COUNT(point) && !found; p++) {
            found = strcmp(pv_api_route[r].path, point[p].route) == 0 &&
                    (point[p].method[0] == '\0' ||
                     strcasecmp(pv_api_route[r].method, point[p].method) == 0);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_api_openapi(struct pv_buf *out)
{
    struct pv_openapi writer = {out, is_whole() ? PV_OK : PV_ESTATE};

    pv_openapi_add(&writer, head);
    for (size_t p = 0; p < COUNT(point); p++) {
        if (point[p].method[0] != '\0') {
            add_path(&writer, p);
        }
    }
    for (int k = 0; k < PV_KIND_END; k++) {
        add_kind_paths(&writer, pv_kind_row((enum pv_kind)k));
    }
    pv_openapi_components(&writer);
    return writer.err;
}
