/*
 * openapi_schemas.c - components of the OpenAPI document: parameters, answers,
 * and schemas, of which those of records and decisions are written from the
 * tables of kinds.
 */
#include "openapi.h"

#include "kind_tables.h"

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

static void
add_words(struct pv_openapi *writer, const char *const *words)
{
    pv_openapi_add(writer, "{'enum':[");
    for (size_t w = 0; words[w] != NULL; w++) {
        pv_openapi_format(writer, "%s'%s'", w == 0 ? "" : ",", words[w]);
    }
    pv_openapi_add(writer, "]}");
}

/* ---- fields ---- */

static void
add_field(struct pv_openapi *writer, const struct pv_field *field)
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

    pv_openapi_format(writer, "'%s':", field->name);
    if (field->is_list) {
        pv_openapi_format(writer, "{'type':'array','maxItems':%d,'items':",
                          PV_LIST_FIELD_MAX);
    }
    if (field->type == PV_FIELD_WORD) {
        add_words(writer, field->words);
    } else {
        pv_openapi_add(writer, schema[field->type]);
    }
    pv_openapi_add(writer, field->is_list ? "}" : "");
}

/* The fields of an event (ALL of a record), as properties. */
static void
add_properties(struct pv_openapi *writer, const struct pv_kind_row *row,
               uint32_t events)
{
    bool first = true;

    pv_openapi_add(writer, "'properties':{");
    for (size_t f = 0; f < row->field_count; f++) {
        if (events == ON_ALL || (row->fields[f].set_by & events) != 0) {
            pv_openapi_add(writer, first ? "" : ",");
            add_field(writer, &row->fields[f]);
            first = false;
        }
    }
    for (size_t f = 0; f < pv_common_field_count; f++) {
        pv_openapi_add(writer, first ? "" : ",");
        add_field(writer, &pv_common_field[f]);
        first = false;
    }
    pv_openapi_add(writer, "}");
}

static void
add_required(struct pv_openapi *writer, const struct pv_kind_row *row,
             size_t event)
{
    bool first = true;

    pv_openapi_add(writer, "'required':[");
    for (size_t f = 0; f < row->field_count; f++) {
        if ((row->fields[f].needed_by & ON(event)) != 0) {
            pv_openapi_format(writer, "%s'%s'", first ? "" : ",",
                              row->fields[f].name);
            first = false;
        }
    }
    pv_openapi_add(writer, "],");
}

/* ---- schemas of kinds ---- */

/* A record may hold more than its fields: what checks fill in. */
static void
add_record(struct pv_openapi *writer, const struct pv_kind_row *row)
{
    pv_openapi_format(writer,
                      ",'record.%s':{" CLOSED
                      ",'required':['body','date','decision',"
                      "'id','kind','state','version'],'properties':{'date':"
                      "{'$ref':'#/components/schemas/Day'},'decision':" NUMBER
                      ",'id':" ID ",'kind':{'const':'%s'},'state':{'enum':[",
                      row->name, row->name);
    for (size_t s = 1; s < row->state_count; s++) {
        pv_openapi_format(writer, "%s'%s'", s == 1 ? "" : ",", row->states[s]);
    }
    pv_openapi_add(writer, "]},'version':" NUMBER ",'body':{'type':'object',");
    add_properties(writer, row, ON_ALL);
    pv_openapi_add(writer, "}}}");
    pv_openapi_format(writer,
                      ",'list.%s':{" CLOSED
                      ",'required':['%s','next'],'properties':"
                      "{'next':{'type':['string','null']},'%s':{'type':'array',"
                      "'items':{'$ref':'#/components/schemas/record.%s'}}}}",
                      row->name, row->name, row->name, row->name);
}

static void
add_decision(struct pv_openapi *writer, const struct pv_kind_row *row,
             size_t event)
{
    pv_openapi_format(
        writer,
        ",'decision.%s.%s':{" CLOSED ",'required':['date','kind','id',"
        "'event','data'],'properties':{'actor':" ID ",'role':" WORD ",'of':" ID
        ",'date':{'$ref':'#/components/schemas/Day'},"
        "'reason':" TEXT ",'document':" TEXT ",'key':" TEXT ",",
        row->name, row->events[event].word);
    pv_openapi_format(writer,
                      "'id':" ID
                      ",'kind':{'const':'%s'},'event':{'const':'%s'},"
                      "'data':{" CLOSED ",",
                      row->name, row->events[event].word);
    add_required(writer, row, event);
    add_properties(writer, row, ON(event));
    pv_openapi_add(writer, "}}}");
}

/* Events that only follow from another decision are in no request. */
static void
add_unions(struct pv_openapi *writer)
{
    bool first = true;

    pv_openapi_add(writer, ",'Kind':{'enum':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        pv_openapi_format(writer, "%s'%s'", k == 0 ? "" : ",",
                          pv_kind_row((enum pv_kind)k)->name);
    }
    pv_openapi_add(writer, "]},'AnyRecord':{'oneOf':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        pv_openapi_format(writer, "%s{'$ref':'#/components/schemas/record.%s'}",
                          k == 0 ? "" : ",",
                          pv_kind_row((enum pv_kind)k)->name);
    }
    pv_openapi_add(writer, "]},'Decision':{'oneOf':[");
    for (int k = 0; k < PV_KIND_END; k++) {
        const struct pv_kind_row *row = pv_kind_row((enum pv_kind)k);

        for (size_t e = 0; e < row->event_count; e++) {
            if (row->events[e].who != 0) {
                pv_openapi_format(
                    writer, "%s{'$ref':'#/components/schemas/decision.%s.%s'}",
                    first ? "" : ",", row->name, row->events[e].word);
                first = false;
            }
        }
    }
    pv_openapi_add(writer, "]}");
}

void
pv_openapi_components(struct pv_openapi *writer)
{
    pv_openapi_add(writer, "},'components':{");
    pv_openapi_add(writer, components);
    pv_openapi_add(writer, schemas);
    pv_openapi_add(writer, people_schemas);
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
    pv_openapi_add(writer, "}}}\n");
}
