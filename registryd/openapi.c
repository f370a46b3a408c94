/*
 * openapi.c - the OpenAPI 3.1 document of /registry/v1.
 *
 * Records and decisions are written from the tables of kinds; what has no
 * table is written here, and a route that nobody describes is an error, so
 * that the document cannot grow old unseen. In the texts ' stands for ".
 */
#include "api.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

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

#define TEXT "{'type':'string','minLength':1,'maxLength':8000}"
#define SECRET "{'type':'string','format':'password','maxLength':256}"
#define ID "{'$ref':'#/components/schemas/Id'}"
#define NUMBER "{'type':'integer','minimum':0,'maximum':9007199254740992}"
#define WORD "{'type':'string'}"
#define TIME "{'type':'string','format':'date-time'}"
#define CLOSED "'type':'object','additionalProperties':false"

static const char components[] =
    "'securitySchemes':{'session':{'type':'apiKey','in':'cookie','name':"
    "'__Host-payvand'},'certificate':{'type':'mutualTLS'}},"
    "'parameters':{"
    "'csrf':{'name':'Payvand-Csrf','in':'header','required':false,"
    "'description':'Of the session; needed with the cookie','schema':" WORD "},"
    "'after':{'name':'after','in':'query','schema':" WORD "},"
    "'count':{'name':'count','in':'query','schema':{'type':'integer',"
    "'minimum':1,'maximum':500,'default':100}},"
    "'state':{'name':'state','in':'query','schema':" WORD "},"
    "'rows':{'name':'count','in':'query','description':'Rows of a page, by id; "
    "without it the whole list','schema':{'type':'integer','minimum':1,"
    "'maximum':500}},"
    "'party':{'name':'party','in':'query','schema':" ID "},"
    "'body':{'name':'body','in':'query','schema':" ID "},"
    "'within':{'name':'within','in':'query','description':'Days','schema':"
    "{'type':'integer','minimum':0}},"
    "'format':{'name':'format','in':'query','schema':{'enum':['json','html',"
    "'csv'],'default':'json'}},"
    "'lang':{'name':'lang','in':'query','schema':{'enum':['fa','en'],"
    "'default':'fa'}},"
    "'as_of':{'name':'as_of','in':'query','description':"
    "'The end of that day','schema':{'$ref':'#/components/schemas/Day'}},"
    "'at':{'name':'at','in':'query','description':'After that decision',"
    "'schema':" NUMBER "},"
    "'of':{'name':'of','in':'query','required':true,'schema':"
    "{'$ref':'#/components/schemas/Kind'}},"
    "'sought':{'name':'of','in':'query','description':'A code that is looked "
    "for, or words as UTF-8 in hex','schema':" WORD "},"
    "'in':{'name':'in','in':'query','description':'The list of the code',"
    "'schema':" ID "},"
    "'number':{'name':'number','in':'path','required':true,'schema':" NUMBER
    "},"
    "'kind':{'name':'kind','in':'path','required':true,'schema':"
    "{'$ref':'#/components/schemas/Kind'}},"
    "'id':{'name':'id','in':'path','required':true,'description':"
    "'May have slashes, as they are','schema':" ID "},"
    "'from':{'name':'from','in':'query','schema':" NUMBER "},"
    "'wait':{'name':'wait','in':'query','description':'Seconds',"
    "'schema':{'type':'integer','minimum':0,'maximum':30}},"
    "'agency':{'name':'agency','in':'query','required':true,'schema':" ID "},"
    "'known':{'name':'known','in':'query','description':"
    "'SHA-256 of the body that is held, in hex','schema':" WORD "},"
    "'hash':{'name':'hash','in':'path','required':true,'description':"
    "'64 digits in hex','schema':" WORD "},"
    "'tile':{'name':'tile','in':'path','required':true,'description':"
    "'Level, slash, number; with .p/W a part','schema':" WORD "},"
    "'view':{'name':'view','in':'path','required':true,'description':"
    "'Name of a view, and an id where it has one','schema':" WORD "}},"
    "'responses':{"
    "'Problem':{'description':'A problem (RFC 9457) in both languages',"
    "'content':{'application/problem+json':{'schema':"
    "{'$ref':'#/components/schemas/Problem'}}}},"
    "'Refusal':{'description':'A rule forbids it; nothing happened',"
    "'content':{'application/problem+json':{'schema':"
    "{'$ref':'#/components/schemas/Refusal'}}}}},"
    "'schemas':{";

static const char schemas[] =
    "'Text':{'type':'string'},'Bytes':{'type':'string'},"
    "'Object':{'type':'object'},'Empty':{" CLOSED "},"
    "'Id':{'type':'string','maxLength':120,'pattern':"
    "'^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$'},"
    "'Day':{'type':'string','pattern':"
    "'^1[2-5][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'},"
    "'Problem':{'type':'object','required':['status','title','title_fa',"
    "'type'],'properties':{'status':{'type':'integer'},'title':" TEXT
    ",'title_fa':" TEXT ",'type':{'type':'string','pattern':"
    "'^urn:payvand:problem:'}}},"
    "'Refusal':{" CLOSED ",'required':['index','rule','status','title',"
    "'title_fa','type','word'],'properties':{'index':" NUMBER
    ",'rule':{'type':'string','pattern':'^(R-[0-9]{3})?$'},'status':"
    "{'const':422},'title':" TEXT ",'title_fa':" TEXT
    ",'type':{'const':'urn:payvand:problem:decision-refused'},"
    "'word':" WORD "}},"
    "'Decided':{" CLOSED ",'required':['first','last','repeated',"
    "'image_behind'],'properties':{'first':" NUMBER ",'last':" NUMBER
    ",'repeated':" NUMBER ",'image_behind':{'type':'boolean'}}},"
    "'Status':{'type':'object','required':['image','last'],'properties':"
    "{'authority_ahead':" NUMBER ",'authority_waits':" NUMBER ",'image':" NUMBER
    ",'last':" NUMBER ",'log':{'type':'object'}}},"
    "'Proof':{" CLOSED ",'required':['decision','leaf','proof','root','size'],"
    "'properties':{'checkpoint':" WORD ",'decision':" NUMBER ",'leaf':{'$ref':"
    "'#/components/schemas/Hash'},'proof':{'type':'array','items':{'$ref':"
    "'#/components/schemas/Hash'}},'root':{'$ref':"
    "'#/components/schemas/Hash'},'size':" NUMBER "}},"
    "'Hash':{'type':'string','pattern':'^[0-9a-f]{64}$'},"
    "'History':{" CLOSED ",'required':['history'],'properties':{'history':"
    "{'type':'array','items':{'$ref':'#/components/schemas/AnyRecord'}}}},"
    "'Decisions':{'oneOf':[{'$ref':'#/components/schemas/Decision'},"
    "{'type':'array','minItems':1,'maxItems':1000,'items':{'$ref':"
    "'#/components/schemas/Decision'}}]},"
    "'DecisionList':{'type':'object','required':['decisions','image','last'],"
    "'properties':{'decisions':{'type':'array','items':{'type':'object',"
    "'required':['number'],"
    "'properties':{'number':" NUMBER "}}},'image':" NUMBER ",'last':" NUMBER
    "}}";

static const char people_schemas[] =
    ",'First':{" CLOSED ",'required':['code','person','name_fa','password'],"
    "'properties':{'code':" SECRET ",'person':" ID ",'name_fa':" TEXT
    ",'password':" SECRET "}},"
    "'Enrol':{" CLOSED ",'required':['person','code','password'],"
    "'properties':{'person':" ID ",'code':" SECRET ",'password':" SECRET "}},"
    "'Enrolled':{" CLOSED ",'required':['person','totp','totp_uri'],"
    "'properties':{'person':" ID ",'totp':" WORD ",'totp_uri':" WORD "}},"
    "'SignIn':{" CLOSED ",'required':['person','password','code'],"
    "'properties':{'person':" WORD ",'password':" SECRET
    ",'code':{'type':'string'},'role':" WORD ",'of':" WORD "}},"
    "'Role':{" CLOSED ",'required':['role','of'],'properties':{'role':" WORD
    ",'of':" WORD "}},"
    "'Session':{" CLOSED ",'required':['person','role','of','roles','csrf',"
    "'idle_s','until'],'properties':{'person':" ID ",'role':" WORD ",'of':" WORD
    ",'csrf':" WORD ",'idle_s':" NUMBER ",'until':" TIME
    ",'roles':{'type':'array','items':{'$ref':'#/components/schemas/Role'}}}},"
    "'Password':{" CLOSED
    ",'required':['old','new'],'properties':{'old':" SECRET ",'new':" SECRET
    "}},"
    "'Invite':{" CLOSED ",'required':['person'],'properties':{'person':" ID
    ",'reason':" TEXT "}},"
    "'Invited':{" CLOSED ",'required':['person','code','until'],'properties':"
    "{'person':" ID ",'code':" WORD ",'until':" TIME "}}";

/* ---- writing ---- */

struct writer {
    struct pv_buf *out;
    enum pv_err    err; /* the first that happened */
};

static void
add(struct writer *writer, const char *text)
{
    for (const char *at = text; *at != '\0' && writer->err == PV_OK; at++) {
        writer->err = pv_buf_add_char(writer->out, *at == '\'' ? '"' : *at);
    }
}

/* format holds no quotes but '; arguments are words of tables */
static void add_format(struct writer *writer, const char *format, ...)
    PV_PRINTF(2, 3);

static void
add_format(struct writer *writer, const char *format, ...)
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
    add(writer, text);
}

static void
add_words(struct writer *writer, const char *const *words)
{
    add(writer, "{'enum':[");
    for (size_t w = 0; words[w] != NULL; w++) {
        add_format(writer, "%s'%s'", w == 0 ? "" : ",", words[w]);
    }
    add(writer, "]}");
}

/* ---- fields ---- */

static void
add_field(struct writer *writer, const struct pv_field *field)
{
    static const char *const schema[] = {
        [PV_FIELD_TEXT] = "{'type':'string','maxLength':8000}",
        [PV_FIELD_WORD] = "",
        [PV_FIELD_ID] = ID,
        [PV_FIELD_RECORD] = ID,
        [PV_FIELD_PARTY] = ID,
        [PV_FIELD_FLAG] = "{'type':'boolean'}",
        [PV_FIELD_NUMBER] = NUMBER,
        [PV_FIELD_DAY] = "{'$ref':'#/components/schemas/Day'}",
        [PV_FIELD_JSON] = "{}"};

    add_format(writer, "'%s':", field->name);
    if (field->is_list) {
        add_format(writer,
                   "{'type':'array','maxItems':%d,'items':", PV_LIST_FIELD_MAX);
    }
    if (field->type == PV_FIELD_WORD) {
        add_words(writer, field->words);
    } else {
        add(writer, schema[field->type]);
    }
    add(writer, field->is_list ? "}" : "");
}

/* The fields of an event (ALL of a record), as properties. */
static void
add_properties(struct writer *writer, const struct pv_kind_row *row,
               uint32_t events)
{
    bool first = true;

    add(writer, "'properties':{");
    for (size_t f = 0; f < row->field_count; f++) {
        if (events == ON_ALL || (row->fields[f].set_by & events) != 0) {
            add(writer, first ? "" : ",");
            add_field(writer, &row->fields[f]);
            first = false;
        }
    }
    for (size_t f = 0; f < pv_common_field_count; f++) {
        add(writer, first ? "" : ",");
        add_field(writer, &pv_common_field[f]);
        first = false;
    }
    add(writer, "}");
}

static void
add_required(struct writer *writer, const struct pv_kind_row *row, size_t event)
{
    bool first = true;

    add(writer, "'required':[");
    for (size_t f = 0; f < row->field_count; f++) {
        if ((row->fields[f].needed_by & ON(event)) != 0) {
            add_format(writer, "%s'%s'", first ? "" : ",", row->fields[f].name);
            first = false;
        }
    }
    add(writer, "],");
}

/* ---- schemas of kinds ---- */

/* A record may hold more than its fields: what checks fill in. */
static void
add_record(struct writer *writer, const struct pv_kind_row *row)
{
    add_format(writer,
               ",'record.%s':{" CLOSED ",'required':['body','date','decision',"
               "'id','kind','state','version'],'properties':{'date':"
               "{'$ref':'#/components/schemas/Day'},'decision':" NUMBER
               ",'id':" ID ",'kind':{'const':'%s'},'state':{'enum':[",
               row->name, row->name);
    for (size_t s = 1; s < row->state_count; s++) {
        add_format(writer, "%s'%s'", s == 1 ? "" : ",", row->states[s]);
    }
    add(writer, "]},'version':" NUMBER ",'body':{'type':'object',");
    add_properties(writer, row, ON_ALL);
    add(writer, "}}}");
    add_format(writer,
               ",'list.%s':{" CLOSED ",'required':['%s','next'],'properties':"
               "{'next':{'type':['string','null']},'%s':{'type':'array',"
               "'items':{'$ref':'#/components/schemas/record.%s'}}}}",
               row->name, row->name, row->name, row->name);
}

static void
add_decision(struct writer *writer, const struct pv_kind_row *row, size_t event)
{
    add_format(writer,
               ",'decision.%s.%s':{" CLOSED ",'required':['date','kind','id',"
               "'event','data'],'properties':{'actor':" ID ",'role':" WORD
               ",'of':" ID ",'date':{'$ref':'#/components/schemas/Day'},"
               "'reason':" TEXT ",'document':" TEXT ",'key':" TEXT ",",
               row->name, row->events[event].word);
    add_format(writer,
               "'id':" ID ",'kind':{'const':'%s'},'event':{'const':'%s'},"
               "'data':{" CLOSED ",",
               row->name, row->events[event].word);
    add_required(writer, row, event);
    add_properties(writer, row, ON(event));
    add(writer, "}}}");
}

/* Events that only follow from another decision are in no request. */
static void
add_unions(struct writer *writer)
{
    bool first = true;

    add(writer, ",'Kind':{'enum':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        add_format(writer, "%s'%s'", k == 0 ? "" : ",",
                   pv_kind_row((enum pv_kind)k)->name);
    }
    add(writer, "]},'AnyRecord':{'oneOf':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        add_format(writer, "%s{'$ref':'#/components/schemas/record.%s'}",
                   k == 0 ? "" : ",", pv_kind_row((enum pv_kind)k)->name);
    }
    add(writer, "]},'Decision':{'oneOf':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);

        for (size_t e = 0; e < row->event_count; e++) {
            if (row->events[e].who != 0) {
                add_format(writer,
                           "%s{'$ref':'#/components/schemas/decision.%s.%s'}",
                           first ? "" : ",", row->name, row->events[e].word);
                first = false;
            }
        }
    }
    add(writer, "]}");
}

static void
add_components(struct writer *writer)
{
    add(writer, "},'components':{");
    add(writer, components);
    add(writer, schemas);
    add(writer, people_schemas);
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);

        add_record(writer, row);
        for (size_t e = 0; e < row->event_count; e++) {
            if (row->events[e].who != 0) {
                add_decision(writer, row, e);
            }
        }
    }
    add_unions(writer);
    add(writer, "}}}\n");
}

/* ---- paths ---- */

static void
add_parameters(struct writer *writer, const char *names)
{
    struct pv_slice rest = pv_slice_from(names);
    struct pv_slice name;
    bool            more = rest.len > 0;
    bool            first = true;

    add(writer, ",'parameters':[");
    while (more) {
        more = pv_slice_cut(rest, ' ', &name, &rest);
        add_format(writer, "%s{'$ref':'#/components/parameters/%.*s'}",
                   first ? "" : ",", PV_FMT(name));
        first = false;
    }
    add(writer, "]");
}

static void
add_operation(struct writer *writer, const char *method, const char *id,
              const char *summary, const char *parameters, const char *body,
              const char *answer, bool open)
{
    add_format(writer, "'%s':{'operationId':'%s','summary':'%s'", method, id,
               summary);
    add(writer, open ? ",'security':[]" : "");
    add_parameters(writer, parameters);
    if (body[0] != '\0') {
        add_format(writer,
                   ",'requestBody':{'required':true,'content':"
                   "{'application/json':{'schema':{'$ref':"
                   "'#/components/schemas/%s'}}}}",
                   body);
    }
    add_format(writer,
               ",'responses':{'200':{'description':'As asked','content':"
               "{'%s':{'schema':{'$ref':'#/components/schemas/%s'}}}}",
               strcmp(answer, "Text") == 0    ? "text/plain"
               : strcmp(answer, "Bytes") == 0 ? "application/octet-stream"
                                              : "application/json",
               answer);
    add(writer, body[0] == '\0'
                    ? ""
                    : ",'422':{'$ref':'#/components/responses/Refusal'}");
    add(writer, ",'4XX':{'$ref':'#/components/responses/Problem'},"
                "'5XX':{'$ref':'#/components/responses/Problem'}}}");
}

static const char *
path_of(size_t p)
{
    return point[p].path == NULL ? point[p].route : point[p].path;
}

/* All methods of a path stand together, under its first point. */
static void
add_path(struct writer *writer, size_t p)
{
    for (size_t before = 0; before < p; before++) {
        if (strcmp(path_of(before), path_of(p)) == 0) {
            return;
        }
    }
    add_format(writer, "%s'%s':{", p == 0 ? "" : ",", path_of(p));
    for (size_t i = p; i < COUNT(point); i++) {
        if (strcmp(path_of(i), path_of(p)) == 0) {
            add(writer, i == p ? "" : ",");
            add_operation(writer, point[i].method, point[i].id,
                          point[i].summary, point[i].parameters, point[i].body,
                          point[i].answer, point[i].open);
        }
    }
    add(writer, "}");
}

static void
add_kind_paths(struct writer *writer, const struct pv_kind_row *row)
{
    char id[64];
    char schema[64];

    (void)snprintf(id, sizeof(id), "list.%s", row->name); /* both fit */
    add_format(writer, ",'" ROUTE_ALL "%s':{", row->name);
    add_operation(writer, "get", id, "Records of this kind",
                  "after count state as_of at", "", id, false);
    (void)snprintf(id, sizeof(id), "get.%s", row->name);
    (void)snprintf(schema, sizeof(schema), "record.%s", row->name);
    add_format(writer, "},'" ROUTE_ALL "%s/{id}':{", row->name);
    add_operation(writer, "get", id, "One record of this kind", "id as_of at",
                  "", schema, false);
    add(writer, "}");
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
    struct writer writer = {out, is_whole() ? PV_OK : PV_ESTATE};

    add(&writer, head);
    for (size_t p = 0; p < COUNT(point); p++) {
        if (point[p].method[0] != '\0') {
            add_path(&writer, p);
        }
    }
    for (int k = 0; k < PV_KIND_END; k++) {
        add_kind_paths(&writer, pv_kind_row((enum pv_kind)k));
    }
    add_components(&writer);
    return writer.err;
}
